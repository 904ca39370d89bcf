//! The problems that are kept: the first ones of each severity, in the order of their places.

use std::collections::BTreeMap;

use crate::config::diagnostic::{Diagnostic, Severity};
use crate::plural::{are, counted};

/// The most errors that are shown, and the most warnings; the rest are only counted.
pub const MAX_SHOWN: usize = 100;

/// The order of problems: those without a place, then those of the text, then those of other files. The number keeps
/// problems of the same place in the order in which they were found.
pub(super) type Position = (Option<(bool, usize)>, usize);

#[derive(Clone, Debug, Default)]
pub(super) struct FoundDiagnostics {
    pub(super) errors: FirstDiagnostics,
    pub(super) warnings: FirstDiagnostics,
    pub(super) notes: BTreeMap<Position, Diagnostic>,
    total: usize,
}

/// The first problems of one severity, and the number of all.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstDiagnostics {
    pub(super) first: BTreeMap<Position, Diagnostic>,
    pub(super) count: usize,
}

impl FoundDiagnostics {
    /// Counts a problem, and returns its position if it is shown.
    pub(super) fn count(&mut self, severity: Severity, place: Option<(bool, usize)>) -> Option<Position> {
        self.total += 1;
        let position = (place, self.total);
        let kept = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => return Some(position),
        };
        kept.count += 1;
        kept.keeps(&position).then_some(position)
    }

    pub(super) fn insert(&mut self, position: Position, diagnostic: Diagnostic) {
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

    pub(super) fn note(&self, what: &str) -> Option<Diagnostic> {
        let more = self.count.saturating_sub(self.first.len());
        (more > 0).then(|| Diagnostic {
            severity: Severity::Note,
            message: format!("{} {} not shown", counted(more, &format!("more {what}")), are(more)),
            place: None,
            help: Some("fix those above, then check again".into()),
        })
    }
}
