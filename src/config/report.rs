//! Where the problems of one file are gathered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::diagnostic::{Diagnostic, Location, Severity, Source};
use crate::invalid_value::InvalidValue;

/// At most this many errors are shown, and at most this many warnings; the rest are counted.
pub const MAX_SHOWN: usize = 100;
/// A message or help is at most this many characters long: it may quote a value, and a value may be the whole file.
const MAX_TEXT: usize = 1000;

/// The problems found so far in one text.
#[derive(Debug)]
pub struct Report {
    source: Arc<Source>,
    /// Where each line but the first begins: thousands of periods ask for theirs.
    lines: Vec<usize>,
    found: RefCell<ReportedDiagnostic>,
    trial: bool,
}

/// Where a problem is listed: those without a place first, then those of the text, then those of other files; the
/// number keeps problems of one place in the order in which they came.
type Position = (Option<(bool, usize)>, usize);

#[derive(Clone, Debug, Default)]
struct ReportedDiagnostic {
    errors: FirstDiagnostics,
    warnings: FirstDiagnostics,
    notes: BTreeMap<Position, Diagnostic>,
    arrivals: usize,
}

/// The first problems of one severity, by position, and how many there are.
#[derive(Clone, Debug, Default)]
struct FirstDiagnostics {
    first: BTreeMap<Position, Diagnostic>,
    count: usize,
}

impl ReportedDiagnostic {
    /// Counts a problem, and says where it is listed if it is shown.
    fn arrive(&mut self, severity: Severity, place: Option<(bool, usize)>) -> Option<Position> {
        self.arrivals += 1;
        let position = (place, self.arrivals);
        let kept = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => return Some(position),
        };
        kept.count += 1;
        kept.keeps(&position).then_some(position)
    }

    fn insert(&mut self, position: Position, diagnostic: Diagnostic) {
        match diagnostic.severity {
            Severity::Error => self.errors.insert(position, diagnostic),
            Severity::Warning => self.warnings.insert(position, diagnostic),
            Severity::Note => {
                self.notes.insert(position, diagnostic);
            }
        }
    }
}

impl FirstDiagnostics {
    fn keeps(&self, position: &Position) -> bool {
        self.first.len() < MAX_SHOWN || self.first.last_key_value().is_some_and(|(last, _)| position < last)
    }

    fn insert(&mut self, position: Position, diagnostic: Diagnostic) {
        self.first.insert(position, diagnostic);
        if self.first.len() > MAX_SHOWN {
            self.first.pop_last();
        }
    }

    fn note(&self, what: &str) -> Option<Diagnostic> {
        let more = self.count.saturating_sub(self.first.len());
        let (s, are) = if more == 1 { ("", "is") } else { ("s", "are") };
        (more > 0).then(|| Diagnostic {
            severity: Severity::Note,
            message: format!("{more} more {what}{s} {are} not shown"),
            place: None,
            help: Some("fix those above, then check again".into()),
        })
    }
}

impl Report {
    /// Nothing found yet.
    pub fn new(source: Arc<Source>) -> Self {
        let lines = source.text.match_indices('\n').map(|(at, _)| at + 1).collect();
        Self { source, lines, found: RefCell::default(), trial: false }
    }

    /// A report on a text that a remedy would make, to see whether the remedy is right.
    pub(super) fn trial(text: String) -> Self {
        Self { trial: true, ..Self::new(Arc::new(Source { name: String::new(), text })) }
    }

    /// Whether this only tries a remedy, which needs no remedy of its own.
    pub(super) fn is_trial(&self) -> bool {
        self.trial
    }

    /// The text, with the name that users know it by.
    pub fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The line of a place, from 1.
    pub fn line(&self, span: &Range<usize>) -> usize {
        self.lines.partition_point(|&begins| begins <= span.start) + 1
    }

    /// The place of a part of a text value, or that of all of it where it is not written as it reads.
    pub(super) fn part(&self, written: &Spanned<String>, part: Range<usize>) -> Range<usize> {
        let span = written.span();
        let inside = span.start + 1..span.end.saturating_sub(1);
        if self.text().get(inside.clone()) == Some(written.get_ref().as_str()) {
            inside.start + part.start..inside.start + part.end
        } else {
            span
        }
    }

    /// Where the line of a place begins.
    pub(super) fn line_start(&self, at: usize) -> usize {
        let lines_before = self.lines.partition_point(|&begins| begins <= at);
        lines_before.checked_sub(1).and_then(|line| self.lines.get(line)).copied().unwrap_or(0)
    }

    /// Adds an error at a place of the text.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, span, message.into(), help.into());
    }

    /// Adds an error at a place of the text. What is wrong with it is only asked if it will be shown.
    pub fn error_with(&self, span: Range<usize>, fault: impl FnOnce() -> InvalidValue) {
        self.place(Severity::Error, span, fault);
    }

    /// Adds a warning at a place of the text. What is wrong with it is only asked if it will be shown.
    pub fn warning_with(&self, span: Range<usize>, fault: impl FnOnce() -> InvalidValue) {
        self.place(Severity::Warning, span, fault);
    }

    /// Adds a warning at a place of the text.
    pub fn warning(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, span, message.into(), help.into());
    }

    /// Adds a problem of another file.
    pub fn push(&self, diagnostic: Diagnostic) {
        let place = diagnostic.place.as_ref();
        let place = place.map(|place| (!Arc::ptr_eq(&place.source, &self.source), place.span.start));
        self.keep(diagnostic.severity, place, || diagnostic);
    }

    /// Whether nothing but warnings and notes was found.
    pub fn is_valid(&self) -> bool {
        self.found.borrow().errors.count == 0
    }

    /// The problems: those of the text in its order, then those of other files, then how many are not shown.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let ReportedDiagnostic { errors, warnings, notes, .. } = self.found.borrow().clone();
        let unsaid = [errors.note("error"), warnings.note("warning")];
        let mut shown = notes;
        shown.extend(errors.first);
        shown.extend(warnings.first);
        shown.into_values().chain(unsaid.into_iter().flatten()).collect()
    }

    /// Adds a problem at a place of the text.
    pub fn add(&self, severity: Severity, span: Range<usize>, message: String, help: String) {
        self.place(severity, span, || InvalidValue { message, help });
    }

    fn place(&self, severity: Severity, span: Range<usize>, fault: impl FnOnce() -> InvalidValue) {
        self.keep(severity, Some((false, span.start)), || {
            let InvalidValue { message, help } = fault();
            let help = Some(clipped(help)).filter(|help| !help.is_empty());
            let place = Some(Location { source: Arc::clone(&self.source), span });
            Diagnostic { severity, message: clipped(message), place, help }
        });
    }

    /// The report is not borrowed while the diagnostic is made: that may look at the text.
    fn keep(
        &self,
        severity: Severity,
        place: Option<(bool, usize)>,
        diagnostic: impl FnOnce() -> Diagnostic,
    ) {
        let arrived = self.found.borrow_mut().arrive(severity, place);
        if let Some(position) = arrived {
            let diagnostic = diagnostic();
            self.found.borrow_mut().insert(position, diagnostic);
        }
    }
}

fn clipped(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Report {
        Report::new(Arc::new(Source { name: "downtime.toml".into(), text: text.into() }))
    }

    #[test]
    fn the_first_hundred_are_shown_wherever_they_were_found_and_the_rest_is_counted() {
        let report = report(&"x\n".repeat(1000));
        let mut asked = 0;
        for at in (0..1000).rev() {
            report.error_with(at * 2..at * 2 + 1, || {
                asked += 1;
                InvalidValue::new("wrong", "right")
            });
        }
        report.warning(5..6, "odd", "");
        let shown = report.diagnostics();
        assert_eq!(shown.len(), MAX_SHOWN + 2);
        let lines: Vec<_> = shown.iter().filter_map(|d| Some(d.line_column()?.0)).collect();
        assert_eq!(lines, [1, 2, 3, 3].into_iter().chain(4..=100).collect::<Vec<_>>());
        let last = shown.last().unwrap();
        assert_eq!((last.severity, last.message.as_str()), (Severity::Note, "900 more errors are not shown"));
        assert_eq!(asked, 1000);
        assert!(!report.is_valid());
    }

    #[test]
    fn what_will_not_be_shown_is_not_worked_out() {
        let report = report(&"x\n".repeat(1000));
        let asked = std::cell::Cell::new(0);
        for at in 0..1000 {
            report.error_with(at * 2..at * 2 + 1, || {
                asked.set(asked.get() + 1);
                InvalidValue::new("wrong", "right")
            });
        }
        assert_eq!(asked.get(), MAX_SHOWN);
        assert_eq!(report.diagnostics().len(), MAX_SHOWN + 1);
    }

    #[test]
    fn one_that_is_not_shown_is_one() {
        let report = report("x");
        (0..=MAX_SHOWN).for_each(|_| report.warning(0..1, "odd", ""));
        assert_eq!(report.diagnostics().last().unwrap().message, "1 more warning is not shown");
        assert!(report.is_valid());
    }

    #[test]
    fn a_message_that_quotes_the_whole_file_is_cut() {
        let report = report("x");
        report.error(0..1, "é".repeat(1_000_000), "é".repeat(MAX_TEXT));
        let shown = report.diagnostics();
        assert_eq!(shown[0].message.chars().count(), MAX_TEXT + 1);
        assert_eq!(shown[0].help.as_ref().unwrap().chars().count(), MAX_TEXT);
    }

    #[test]
    fn the_line_of_a_place_begins_after_the_newline_before_it() {
        let report = report("ab\nc\n\nd");
        for (at, start) in [(0, 0), (2, 0), (3, 3), (4, 3), (5, 5), (6, 6), (99, 6)] {
            assert_eq!(report.line_start(at), start, "{at}");
        }
    }
}
