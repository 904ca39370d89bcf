//! Content negotiation by the `Accept` field (RFC 9110, section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

use super::Representation::{self, Empty, Html, Problem, Text};
use crate::http1::token::is_token_byte;
use crate::http1::weighted::quality;

/// Chooses a representation by `Accept`. `anything` is the one for clients without a preference.
pub(super) fn choose(headers: &HeaderMap, anything: Representation, may_be_asset: bool) -> Representation {
    let lines = headers.get_all(ACCEPT).iter();
    let parts = lines.flat_map(|line| split_unquoted(line.as_bytes(), b','));
    let mut offers = [(Html, Match::NONE), (Problem, Match::NONE), (Text, Match::NONE)];
    let mut preferred: Option<MediaRange> = None;
    for range in parts.filter_map(MediaRange::parse) {
        for (representation, best) in &mut offers {
            *best = (*best).max(range.matches(*representation));
        }
        preferred = Some(preferred.filter(|first| first.quality >= range.quality).unwrap_or(range));
    }
    match preferred {
        None => anything,
        Some(range) if may_be_asset && range.is_asset() => Empty,
        Some(_) => best_of(offers, anything),
    }
}

fn best_of(offers: [(Representation, Match); 3], anything: Representation) -> Representation {
    let acceptable = offers.into_iter().filter(|(_, found)| found.specificity > 0 && found.quality > 0);
    // `max_by_key` takes the last of equals.
    let best = acceptable.rev().max_by_key(|(representation, found)| {
        let is_named = found.specificity >= Match::NAMED;
        let is_any = found.specificity == Match::ANYTHING && *representation == anything;
        (found.quality, is_named, is_any)
    });
    best.map_or(Text, |(representation, _)| representation)
}

/// A range that matches a representation. The greatest one decides: the most specific, then the highest quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    specificity: u8,
    quality: u16,
}

impl Match {
    const NONE: Self = Self { specificity: 0, quality: 0 };
    /// The specificity of `*/*`.
    const ANYTHING: u8 = 1;
    /// The lowest specificity of a range without a wildcard.
    const NAMED: u8 = 3;
}

/// One element of `Accept`.
#[derive(Debug, Clone, Copy)]
struct MediaRange<'a> {
    kind: &'a [u8],
    subtype: &'a [u8],
    /// True if it has parameters that the representations do not have.
    has_parameters: bool,
    /// In thousandths, 0 to 1000.
    quality: u16,
}

impl<'a> MediaRange<'a> {
    fn parse(part: &'a [u8]) -> Option<Self> {
        let mut fields = split_unquoted(part, b';').map(<[u8]>::trim_ascii);
        let name = fields.next()?;
        let (kind, subtype) = name.split_at_checked(name.iter().position(|byte| *byte == b'/')?)?;
        let subtype = subtype.get(1..)?;
        if !is_token(kind) || !is_token(subtype) || (kind == b"*" && subtype != b"*") {
            return None;
        }
        let mut range = Self { kind, subtype, has_parameters: false, quality: 1000 };
        for field in fields {
            if let Some((b"q=" | b"Q=", weight)) = field.split_at_checked(2) {
                range.quality = quality(weight)?;
                break;
            }
            range.has_parameters |= !field.is_empty() && !field.eq_ignore_ascii_case(b"charset=utf-8");
        }
        Some(range)
    }

    fn matches(&self, representation: Representation) -> Match {
        Match { specificity: self.specificity(representation), quality: self.quality }
    }

    /// A range with other parameters counts only if the type is not named without them.
    fn specificity(&self, representation: Representation) -> u8 {
        let (kind, subtype, alias): (&[u8], &[u8], &[u8]) = match representation {
            Html => (b"text", b"html", b""),
            Problem => (b"application", b"problem+json", b"json"),
            Text => (b"text", b"plain", b""),
            Empty | Representation::Grpc(_) => return 0,
        };
        match (self.kind, self.subtype) {
            (b"*", _) => Match::ANYTHING,
            (own, _) if !own.eq_ignore_ascii_case(kind) => 0,
            (_, b"*") => 2,
            (_, own) if own.eq_ignore_ascii_case(subtype) => Match::NAMED + u8::from(!self.has_parameters),
            (_, own) if own.eq_ignore_ascii_case(alias) => Match::NAMED,
            // Any other JSON (RFC 6839, section 3.1).
            (_, own) if representation == Problem && ends_with_json(own) => Match::NAMED,
            _ => 0,
        }
    }

    fn is_asset(&self) -> bool {
        let kind = |name: &str| self.kind.eq_ignore_ascii_case(name.as_bytes());
        let subtype = |name: &str| self.subtype.eq_ignore_ascii_case(name.as_bytes());
        let is_font = || self.subtype.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"font-"));
        ["image", "font", "audio", "video"].into_iter().any(kind)
            || kind("text") && (subtype("css") || subtype("javascript"))
            || kind("application") && (subtype("javascript") || is_font())
    }
}

fn ends_with_json(subtype: &[u8]) -> bool {
    let suffix = subtype.len().checked_sub(5).and_then(|at| subtype.get(at..));
    suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
}

/// Splits at separators outside of quoted strings (RFC 9110, section 5.6.4).
fn split_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return !quoted && *byte == separator,
        }
        false
    })
}

/// Returns true for a token (RFC 9110, section 5.6.2).
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}
