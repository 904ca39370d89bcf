//! Log lines for faults of files: one for each kind and minute, since each request may meet the same fault.

use std::fmt::Display;
use std::path::Path;

use crate::escape::cut;
use crate::log_interval::LogInterval;

pub(super) static CANNOT_OPEN: FileWarning = FileWarning::new("cannot open a file");
pub(super) static CANNOT_READ: FileWarning = FileWarning::new("cannot read a file");
pub(super) static SENT_IN_PART: FileWarning = FileWarning::new("a file was sent only in part");

/// A kind of fault.
pub(super) struct FileWarning {
    message: &'static str,
    logged: LogInterval,
}

impl FileWarning {
    const fn new(message: &'static str) -> Self {
        Self { message, logged: LogInterval::new() }
    }

    /// Logs a fault, unless one of its kind was logged within the last minute.
    pub(super) fn log(&self, path: &Path, error: &dyn Display) {
        if self.logged.is_due() {
            let (path, message) = (path.to_string_lossy(), self.message);
            let path = cut(&path);
            tracing::warn!(target: "downtime::files", %path, %error, "{message}; more are not logged for a minute");
        }
    }
}
