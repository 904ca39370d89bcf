//! Where the problems of one file are gathered.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Place, Severity, Source};

/// The problems found so far in one text.
#[derive(Debug)]
pub struct Report {
    source: Arc<Source>,
    /// Where each line but the first begins: thousands of periods ask for theirs.
    lines: Vec<usize>,
    diagnostics: RefCell<Vec<Diagnostic>>,
}

impl Report {
    /// Nothing found yet.
    pub fn new(source: Arc<Source>) -> Self {
        let lines = source.text.match_indices('\n').map(|(at, _)| at + 1).collect();
        Self { source, lines, diagnostics: RefCell::default() }
    }

    /// Goes on with what was found in a text before.
    pub fn resume(source: Arc<Source>, diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics: RefCell::new(diagnostics), ..Self::new(source) }
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

    /// Adds an error at a place of the text.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, span, message.into(), help.into());
    }

    /// Adds a warning at a place of the text.
    pub fn warning(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, span, message.into(), help.into());
    }

    /// Adds a problem of another file.
    pub fn push(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// Whether nothing but warnings and notes was found.
    pub fn is_valid(&self) -> bool {
        self.diagnostics.borrow().iter().all(|d| d.severity != Severity::Error)
    }

    /// All problems: those of the text in its order, then those of other files.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics.into_inner();
        diagnostics.sort_by_key(|d| {
            d.place.as_ref().map(|place| (!Arc::ptr_eq(&place.source, &self.source), place.span.start))
        });
        diagnostics
    }

    /// Adds a problem at a place of the text.
    pub fn add(&self, severity: Severity, span: Range<usize>, message: String, help: String) {
        let place = Some(Place { source: Arc::clone(&self.source), span });
        self.push(Diagnostic { severity, message, place, help: Some(help).filter(|help| !help.is_empty()) });
    }
}
