//! A file with the operators or the machines, which is read again when it has changed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{error, warn};

use crate::config::diagnostic::{Diagnostic, Severity};
use crate::logging::first_error;
use crate::store::read::{self, FileStamp, MAX_LENGTH};

/// Parses the text of a file with this name.
type Parse<T> = fn(&str, &str) -> Result<T, Vec<Diagnostic>>;

/// The entries of a file. A file that is malformed or cannot be read leaves them as they were, with a line in the log; one that does
/// not exist has none.
#[derive(Debug)]
pub(super) struct EntryFile<T> {
    parse: Parse<T>,
    read: Mutex<ReadEntries<T>>,
}

/// The entries, as they were read.
#[derive(Debug)]
struct ReadEntries<T> {
    path: Option<PathBuf>,
    stamp: Option<FileStamp>,
    entries: Arc<T>,
}

impl<T: Default> EntryFile<T> {
    /// Creates one that nothing was read of.
    pub(super) fn new(parse: Parse<T>) -> Self {
        let read = ReadEntries { path: None, stamp: None, entries: Arc::default() };
        Self { parse, read: Mutex::new(read) }
    }

    /// Reads the file for the first time.
    ///
    /// # Errors
    /// It is malformed, or cannot be read.
    pub(super) fn open(&self, path: Option<&Path>) -> Result<(), Vec<Diagnostic>> {
        self.refresh(path).1
    }

    /// Returns the entries of the file at `path` as it is now; without a path, none.
    pub(super) fn current(&self, path: Option<&Path>) -> Arc<T> {
        let (entries, result) = self.refresh(path);
        let first = result.err().and_then(|errors| first_error(&errors, ""));
        if let (Some(path), Some((errors, first))) = (path, first) {
            let file = path.display();
            error!(%file, errors, "{file} is not applied, and its last valid version stays in effect: {first}");
        }
        entries
    }

    /// Reads the file if it has changed. Each version has its errors reported once.
    fn refresh(&self, path: Option<&Path>) -> (Arc<T>, Result<(), Vec<Diagnostic>>) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.path.as_deref() != path {
            *read = ReadEntries { path: path.map(Path::to_owned), stamp: None, entries: Arc::default() };
        }
        let Some(path) = path else { return (Arc::clone(&read.entries), Ok(())) };
        let stamp = FileStamp::from_path(path);
        if stamp == read.stamp {
            return (Arc::clone(&read.entries), Ok(()));
        }
        read.stamp = stamp;
        let result = if stamp.is_none() { Ok(T::default()) } else { self.read(path) };
        let result = result.map(|entries| read.entries = Arc::new(entries));
        (Arc::clone(&read.entries), result)
    }

    fn read(&self, path: &Path) -> Result<T, Vec<Diagnostic>> {
        let name = path.display().to_string();
        warn_if_readable_by_others(path);
        let failed = |message: String| vec![Diagnostic::for_file(message, "check its owner and mode")];
        let (bytes, _) = read::read(path, MAX_LENGTH).map_err(|error| failed(format!("{name} {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| failed(format!("{name} is not UTF-8")))?;
        (self.parse)(&name, &text)
    }
}

fn warn_if_readable_by_others(path: &Path) {
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o007 != 0 {
        let message = format!("all users of this machine can access {}", path.display());
        let help = format!("run `chmod o= {}`", path.display());
        let warning = Diagnostic { severity: Severity::Warning, ..Diagnostic::for_file(message, help) };
        warn!("{}", warning.summary());
    }
}
