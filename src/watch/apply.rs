//! Applies or rejects a reading, and logs the outcome.

use std::path::PathBuf;
use std::sync::Arc;

use tracing::{debug, error, info};

use super::reconcile::{ReadOutcome, Reconcile};
use crate::clock;
use crate::config::diagnostic::Diagnostic;
use crate::config::load::Loaded;
use crate::logging::{SHOWN_BY_CHECK, first_error, log_warnings};
use crate::snapshot::{RejectedReading, Snapshot, Snapshots};
use crate::summary::StateFields;

const LOG_TARGET: &str = "downtime::watch";

/// Called with the snapshot that was current before, and the one that was just applied.
pub type Applied = Box<dyn Fn(&Snapshot, &Snapshot) + Send>;

/// Turns readings of one file into snapshots.
pub(super) struct Applier {
    pub(super) path: PathBuf,
    pub(super) snapshots: Arc<Snapshots>,
    pub(super) reconcile: Reconcile,
    pub(super) applied: Applied,
}

impl Applier {
    /// Applies or rejects a reading that is complete.
    pub(super) fn process(&mut self, loaded: Loaded) -> ReadOutcome {
        let outcome = self.reconcile.classify(loaded.fingerprint, loaded.reading.config.is_some());
        match outcome {
            ReadOutcome::Unchanged => debug!(target: LOG_TARGET, "read {}: unchanged", self.path.display()),
            ReadOutcome::Restored => {
                self.snapshots.restore();
                let file = self.path.display();
                info!(target: LOG_TARGET, %file, "{file} is back to the applied version");
            }
            ReadOutcome::Changed => self.apply(loaded),
            ReadOutcome::Rejected => self.reject(loaded),
        }
        outcome
    }

    fn apply(&self, mut loaded: Loaded) {
        let (Some(config), Some(sha256)) = (loaded.reading.config.clone(), loaded.sha256.take()) else {
            return;
        };
        let now = clock::now();
        let before = self.snapshots.current();
        let after = self.snapshots.apply(config, sha256, now);
        let StateFields { state, until, period } = after.state_fields(now);
        let file = self.path.display();
        info!(target: LOG_TARGET, state, until, period, %file, "applied {file}: {}", after.describe(now));
        (self.applied)(&before, &after);
        // An edit that takes the site down does not wait for the warnings.
        loaded.lint(now);
        log_warnings(&loaded.reading.diagnostics);
        after.set_warnings(loaded.reading.diagnostics);
    }

    fn reject(&self, loaded: Loaded) {
        let diagnostics = loaded.reading.diagnostics;
        let rejected =
            RejectedReading { at: clock::now(), sha256: loaded.sha256, diagnostics: diagnostics.clone() };
        // Before logging, so that /status is not behind the log.
        self.snapshots.reject(rejected);
        self.log_rejection("is not applied", &diagnostics);
    }

    /// Tells an operator who asked for a reload that the file has not changed, with its warnings, or that it is still invalid.
    pub(super) fn log_unchanged(&self) {
        let file = self.path.display();
        match self.snapshots.rejected() {
            None => {
                info!(target: LOG_TARGET, %file, "{file} is unchanged");
                log_warnings(self.snapshots.current().warnings());
            }
            Some(rejected) => self.log_rejection("is unchanged and still invalid", &rejected.diagnostics),
        }
    }

    fn log_rejection(&self, problem: &str, diagnostics: &[Diagnostic]) {
        let file = self.path.display();
        if let Some((errors, first)) = first_error(diagnostics, SHOWN_BY_CHECK) {
            error!(target: LOG_TARGET, %file, errors, "{file} {problem}, and the last valid configuration stays in effect: {first}");
        }
    }
}
