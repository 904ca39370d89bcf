//! Compares what parsers make of the same stream.

use crate::differences::{DIFFERENCES, Difference};
use crate::message::{End, Kind, Message, StartLine, Stream, Verdict};

/// Another parser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parser {
    Hyper,
    H11,
}

/// A message that another parser reads differently.
pub struct Case<'c> {
    pub kind: Kind,
    /// The bytes from the beginning of the message to the end of the stream.
    pub bytes: &'c [u8],
    /// The message before it.
    pub previous: Option<&'c Message>,
    pub ours: Outcome<'c>,
    pub theirs: Outcome<'c>,
}

/// What a parser makes of a message.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'c> {
    Takes(&'c Message),
    Refuses(&'c str),
    /// It has nothing or this much of it, and waits for more; or the connection has ended.
    Incomplete(Option<&'c Message>),
    /// It does not look at it: the connection closes before. The number of bytes that are left.
    Closes(Option<usize>),
}

/// Asserts that the other parser differs only in a known way, if it does. Prints the difference if the variable
/// `SHOW_DIFFERENCES` is set.
pub fn check(stream: &Stream<'_>, ours: &Verdict, parser: Parser, theirs: &Verdict) {
    let Some(case) = find(stream, parser, ours, theirs) else { return };
    let applies = |known: &&Difference| known.parsers.contains(&parser) && (known.applies)(&case);
    let known = DIFFERENCES.iter().find(applies).map(|known| known.name);
    let (bytes, ours, theirs) = (case.bytes.escape_ascii(), case.ours, case.theirs);
    let Some(name) = known else {
        panic!("{parser:?} differs:\n{bytes}\nours: {ours:?}\ntheirs: {theirs:?}");
    };
    if std::env::var_os("SHOW_DIFFERENCES").is_some() {
        eprintln!("{parser:?}: {name}\n{bytes}");
    }
}

/// Finds the first message that the other parser reads differently.
fn find<'c>(stream: &Stream<'c>, parser: Parser, ours: &'c Verdict, theirs: &'c Verdict) -> Option<Case<'c>> {
    let is_compared = |message: &&Message| parser == Parser::H11 || !message.is_interim();
    let mut our_messages = ours.messages.iter().filter(is_compared);
    let mut their_messages = theirs.messages.iter();
    let mut previous = None;
    loop {
        let message = our_messages.next();
        let (one, other) = (outcome(message, &ours.end), outcome(their_messages.next(), &theirs.end));
        if !one.agrees(other) {
            let at = message.map_or(ours.last_offset, |message| message.offset);
            let bytes = stream.bytes.get(at..).unwrap_or_default();
            return Some(Case { kind: stream.kind, bytes, previous, ours: one, theirs: other });
        }
        let Outcome::Takes(message) = one else { return None };
        previous = Some(message);
    }
}

fn outcome<'c>(message: Option<&'c Message>, end: &'c End) -> Outcome<'c> {
    match (message, end) {
        (Some(message), _) if message.is_whole => Outcome::Takes(message),
        (_, End::Refuses(reason)) => Outcome::Refuses(reason),
        (_, End::Closes(left)) => Outcome::Closes(*left),
        (_, End::Waits | End::Broken) => Outcome::Incomplete(message),
    }
}

impl Outcome<'_> {
    fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Takes(one), Self::Takes(other)) => one.agrees(other),
            (Self::Incomplete(one), Self::Incomplete(other)) => match (one, other) {
                (Some(one), Some(other)) => one.agrees(other),
                (one, other) => one.is_none() && other.is_none(),
            },
            (Self::Closes(one), Self::Closes(other)) => one.is_none() || other.is_none() || one == other,
            (Self::Refuses(_), Self::Refuses(_)) => true,
            _ => false,
        }
    }
}

impl<'c> Case<'c> {
    /// Returns true if the gateway refuses the message for a reason that contains one of these.
    pub fn is_refused_for(&self, reasons: &[&str]) -> bool {
        matches!(self.ours, Outcome::Refuses(reason) if reasons.iter().any(|part| reason.contains(part)))
    }

    /// Returns true if the gateway takes the message, or waits for more of it, and the other parser refuses it for a reason
    /// that contains one of these.
    pub fn is_taken_despite(&self, reasons: &[&str]) -> bool {
        let has_reason = |reason: &str| reasons.iter().any(|part| reason.contains(part));
        matches!(self.ours, Outcome::Takes(_) | Outcome::Incomplete(_))
            && matches!(self.theirs, Outcome::Refuses(reason) if has_reason(reason))
    }

    /// The message as far as the gateway has read it.
    pub fn message(&self) -> Option<&'c Message> {
        match self.ours {
            Outcome::Takes(message) | Outcome::Incomplete(Some(message)) => Some(message),
            _ => None,
        }
    }

    /// Returns true if both take the request, and only the target differs: it is this one for the other parser.
    pub fn has_other_target(
        &self,
        method: impl Fn(&str) -> bool,
        theirs: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> bool {
        let (Some(one), Outcome::Takes(other) | Outcome::Incomplete(Some(other))) =
            (self.message(), self.theirs)
        else {
            return false;
        };
        let mut one = one.clone();
        if let StartLine::Request { method: found, target, .. } = &mut one.start
            && method(found)
            && let Some(rest) = theirs(&target.rest)
        {
            target.rest = rest;
        }
        one.agrees(other)
    }
}
