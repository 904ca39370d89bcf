//! Collects the diagnostics of one file.

mod found;

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use self::found::FoundDiagnostics;
#[cfg(test)]
pub use self::found::MAX_SHOWN;
use super::diagnostic::{Diagnostic, Location, Severity, Source};
use crate::escape::shorten;
use crate::invalid_value::InvalidValue;

/// The longest message or help, in characters: it may quote a value, and a value may be the whole file.
const MAX_TEXT: usize = 1000;

/// The problems found so far in the text of one file.
#[derive(Debug)]
pub struct Report {
    source: Arc<Source>,
    second: Option<SecondFile>,
    /// The start of each line but the first, so that the lines of thousands of periods are found fast.
    line_starts: Vec<usize>,
    found: RefCell<FoundDiagnostics>,
    is_trial: bool,
}

/// A second file. Its places follow those of the first one, as if both were one text.
#[derive(Debug)]
struct SecondFile {
    source: Arc<Source>,
    /// Its name as the first file has it.
    name: Arc<str>,
    /// Both texts, with a newline in between.
    joined: String,
    /// The place in `joined` at which it begins.
    start: usize,
    /// The number of lines before it.
    lines_before: usize,
}

impl Report {
    /// Returns an empty report about a text.
    pub fn new(source: Arc<Source>) -> Self {
        let line_starts = line_starts(&source.text);
        Self { source, second: None, line_starts, found: RefCell::default(), is_trial: false }
    }

    /// Returns an empty report about a text that only tries a suggestion.
    pub(super) fn trial(text: String) -> Self {
        Self { is_trial: true, ..Self::new(Arc::new(Source { name: String::new(), text })) }
    }

    /// Adds a second file, which the first one calls `name`.
    pub(super) fn add_file(&mut self, source: Source, name: &str) {
        let joined = [&self.source.text, "\n", &source.text].concat();
        let start = self.source.text.len() + 1;
        self.line_starts = line_starts(&joined);
        let lines_before = self.line_starts.partition_point(|&line| line <= start);
        self.second =
            Some(SecondFile { source: Arc::new(source), name: name.into(), joined, start, lines_before });
    }

    /// Returns the second file, and the place in the text at which it begins.
    pub(super) fn second_file(&self) -> Option<(&Arc<Source>, usize)> {
        self.second.as_ref().map(|second| (&second.source, second.start))
    }

    /// Returns the name of the second file, as the first one has it, if a place is in it.
    pub(super) fn second_file_name(&self, span: &Range<usize>) -> Option<Arc<str>> {
        self.second_at(span).map(|second| Arc::clone(&second.name))
    }

    fn second_at(&self, span: &Range<usize>) -> Option<&SecondFile> {
        self.second.as_ref().filter(|second| span.start >= second.start)
    }

    fn location(&self, span: Range<usize>) -> Location {
        match self.second_at(&span) {
            None => Location { source: Arc::clone(&self.source), span },
            Some(second) => {
                let span = span.start - second.start..span.end.saturating_sub(second.start);
                Location { source: Arc::clone(&second.source), span }
            }
        }
    }

    /// Returns the line of a place, as it is named in a message about `from`.
    pub(super) fn line_seen_from(&self, span: &Range<usize>, from: &Range<usize>) -> String {
        let line = self.line(span);
        match (self.second_at(span), self.second_at(from)) {
            (Some(second), None) => format!("line {line} of {}", second.source.name),
            (None, Some(_)) => format!("line {line} of {}", self.source.name),
            _ => format!("line {line}"),
        }
    }

    /// Returns true if the text only tries a suggestion: its errors need no suggestions of their own.
    pub(super) fn is_trial(&self) -> bool {
        self.is_trial
    }

    /// Returns the text with the name of its file.
    pub fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source)
    }

    /// Returns the text: that of both files, if there are two.
    pub fn text(&self) -> &str {
        self.second.as_ref().map_or(&self.source.text, |second| &second.joined)
    }

    /// Returns the line of a place in its file, from 1.
    pub fn line(&self, span: &Range<usize>) -> usize {
        let lines_before = self.second_at(span).map_or(0, |second| second.lines_before);
        self.line_starts.partition_point(|&start| start <= span.start) + 1 - lines_before
    }

    /// Returns the place of a part of a string, or that of the whole string if it has escapes.
    pub(super) fn part(&self, string: &Spanned<String>, part: Range<usize>) -> Range<usize> {
        let span = string.span();
        let inside = span.start + 1..span.end.saturating_sub(1);
        if self.text().get(inside.clone()) == Some(string.get_ref().as_str()) {
            inside.start + part.start..inside.start + part.end
        } else {
            span
        }
    }

    /// Returns the start of the line of a place.
    pub(super) fn line_start(&self, at: usize) -> usize {
        let lines_before = self.line_starts.partition_point(|&start| start <= at);
        lines_before.checked_sub(1).and_then(|line| self.line_starts.get(line)).copied().unwrap_or(0)
    }

    /// Adds an error at a place of the text.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, span, message.into(), help.into());
    }

    /// Adds an error about an invalid value at a place of the text.
    pub fn invalid(&self, span: Range<usize>, value: InvalidValue) {
        self.error(span, value.message, value.help);
    }

    /// Returns the value of the text at a place, or adds an error about it.
    pub(super) fn valid<T>(&self, span: Range<usize>, value: Result<T, InvalidValue>) -> Option<T> {
        value.map_err(|error| self.invalid(span, error)).ok()
    }

    /// Adds an error at a place of the text. `explain` is called only if the error will be shown.
    pub fn error_with(&self, span: Range<usize>, explain: impl FnOnce() -> InvalidValue) {
        self.add_with(Severity::Error, span, explain);
    }

    /// Adds a warning at a place of the text. `explain` is called only if the warning will be shown.
    pub fn warning_with(&self, span: Range<usize>, explain: impl FnOnce() -> InvalidValue) {
        self.add_with(Severity::Warning, span, explain);
    }

    /// Adds a warning at a place of the text.
    pub fn warning(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, span, message.into(), help.into());
    }

    /// Adds a problem of another file.
    pub fn push(&self, diagnostic: Diagnostic) {
        let place = diagnostic.place.as_ref();
        let second = self.second.as_ref();
        let place = place.map(|Location { source, span }| {
            match second.filter(|second| Arc::ptr_eq(source, &second.source)) {
                Some(second) => (false, second.start + span.start),
                None => (!Arc::ptr_eq(source, &self.source), span.start),
            }
        });
        self.keep(diagnostic.severity, place, || diagnostic);
    }

    /// Returns true if there are no errors.
    pub fn is_valid(&self) -> bool {
        self.found.borrow().errors.count == 0
    }

    /// Returns the problems: those of the text in its order, those of other files, and how many more there are.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let FoundDiagnostics { errors, warnings, notes, .. } = self.found.borrow().clone();
        let omitted = [errors.note("error"), warnings.note("warning")];
        let mut shown = notes;
        shown.extend(errors.first);
        shown.extend(warnings.first);
        shown.into_values().chain(omitted.into_iter().flatten()).collect()
    }

    /// Adds a problem at a place of the text.
    pub fn add(&self, severity: Severity, span: Range<usize>, message: String, help: String) {
        self.add_with(severity, span, || InvalidValue { message, help });
    }

    fn add_with(&self, severity: Severity, span: Range<usize>, explain: impl FnOnce() -> InvalidValue) {
        self.keep(severity, Some((false, span.start)), || {
            let InvalidValue { message, help } = explain();
            let help = Some(shorten(&help, MAX_TEXT)).filter(|help| !help.is_empty());
            let place = Some(self.location(span));
            Diagnostic { severity, message: shorten(&message, MAX_TEXT), place, help }
        });
    }

    /// Creates and keeps a diagnostic if it is shown. The cell is not borrowed while `diagnostic` runs.
    fn keep(
        &self,
        severity: Severity,
        place: Option<(bool, usize)>,
        diagnostic: impl FnOnce() -> Diagnostic,
    ) {
        let position = self.found.borrow_mut().count(severity, place);
        if let Some(position) = position {
            let diagnostic = diagnostic();
            self.found.borrow_mut().insert(position, diagnostic);
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    text.match_indices('\n').map(|(at, _)| at + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Report {
        Report::new(Arc::new(Source { name: "downtime.toml".into(), text: text.into() }))
    }

    #[test]
    fn the_first_hundred_by_place_are_shown_and_the_rest_are_counted() {
        let report = report(&"x\n".repeat(1000));
        let mut calls = 0;
        for at in (0..1000).rev() {
            report.error_with(at * 2..at * 2 + 1, || {
                calls += 1;
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
        assert_eq!(calls, 1000);
        assert!(!report.is_valid());
    }

    #[test]
    fn a_problem_that_is_not_shown_is_not_explained() {
        let report = report(&"x\n".repeat(1000));
        let calls = std::cell::Cell::new(0);
        for at in 0..1000 {
            report.error_with(at * 2..at * 2 + 1, || {
                calls.set(calls.get() + 1);
                InvalidValue::new("wrong", "right")
            });
        }
        assert_eq!(calls.get(), MAX_SHOWN);
        assert_eq!(report.diagnostics().len(), MAX_SHOWN + 1);
    }

    #[test]
    fn one_warning_that_is_not_shown_is_counted_in_the_singular() {
        let report = report("x");
        (0..=MAX_SHOWN).for_each(|_| report.warning(0..1, "odd", ""));
        assert_eq!(report.diagnostics().last().unwrap().message, "1 more warning is not shown");
        assert!(report.is_valid());
    }

    #[test]
    fn a_long_message_is_truncated() {
        let report = report("x");
        report.error(0..1, "é".repeat(1_000_000), "é".repeat(MAX_TEXT));
        let shown = report.diagnostics();
        assert_eq!(shown[0].message.chars().count(), MAX_TEXT + 1);
        assert_eq!(shown[0].help.as_ref().unwrap().chars().count(), MAX_TEXT);
    }

    #[test]
    fn a_line_begins_after_the_newline_before_it() {
        let report = report("ab\nc\n\nd");
        for (at, start) in [(0, 0), (2, 0), (3, 3), (4, 3), (5, 5), (6, 6), (99, 6)] {
            assert_eq!(report.line_start(at), start, "{at}");
        }
    }
}
