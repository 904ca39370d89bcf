//! The configuration file on disk, and its replacement by an edited one.
//!
//! An edit is all or nothing: the new text is written to a hidden file in the same directory, synced, and renamed over
//! the old one, so that a reader finds either text and never a part of one. The new file keeps mode, owner, extended
//! attributes and access control list. A symbolic link stays, and its target is replaced. Other hard links to the file
//! keep the old text.
//!
//! Two edits at the same time both take effect. Each holds an advisory lock (`flock(2)`) on the file while it reads,
//! edits and replaces it, and then checks that the path still names the locked file. There is no lock file. Editors take
//! no lock, so the file that the rename moves aside is compared with the one that was read: if another program saved
//! meanwhile, its text is put back and edited again. On file systems without locks or exchange, the file is compared
//! once more right before the rename.
//!
//! A process that is killed during an edit may leave a hidden `.NAME.XXXXXX` (six letters or digits) beside the file. It has
//! the text before or after the edit, or what another program has saved meanwhile, if the kill came before that was put back.

mod attributes;
pub mod closed_directory;
mod creation;
mod error;
mod locked_file;
pub mod read;
mod replacement;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{io, thread};

pub use creation::create;
pub use error::{FileError, Reason, StoreError};
use locked_file::LockedFile;

/// The default of [`Store::with_lock_timeout`].
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// A configuration file that commands edit.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
    lock_timeout: Duration,
}

impl Store {
    /// Finds the file that the path names now, through symbolic links.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let real = fs::canonicalize(path).map_err(|error| FileError::new(path, unresolved(path, error)))?;
        Ok(Self { path: real, lock_timeout: LOCK_TIMEOUT })
    }

    /// Returns the absolute path of the file, without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets how long an edit waits for each other edit, and for other programs to stop writing. The default is 10 seconds.
    #[must_use]
    pub fn with_lock_timeout(self, lock_timeout: Duration) -> Self {
        Self { lock_timeout, ..self }
    }

    /// Calls `edit` with the text, and writes the text that it returns, if that differs.
    ///
    /// If the file changes meanwhile, `edit` is called again with the new text; only the last call counts. It runs under
    /// the lock, so it should be quick.
    ///
    /// # Errors
    ///
    /// The file is unchanged, and no temporary file is left, except for [`Reason::Stranded`] and [`Reason::Unsynced`].
    pub fn edit<T, E>(
        &self,
        mut edit: impl FnMut(&str) -> Result<(Option<String>, T), E>,
    ) -> Result<T, StoreError<E>> {
        let mut deadline = Instant::now() + self.lock_timeout;
        loop {
            let begun = Instant::now();
            let file =
                locked_file::lock(&self.path, self.lock_timeout).map_err(|reason| self.failed(reason))?;
            deadline += begun.elapsed();
            if let Some(file) = file
                && let Some(value) = self.attempt(file, &mut edit)?
            {
                return Ok(value);
            }
            if Instant::now() >= deadline {
                return Err(self.failed(if self.path.exists() {
                    Reason::KeepsChanging
                } else {
                    Reason::Missing
                }));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Edits the locked file once; `None` if it changed meanwhile.
    fn attempt<T, E>(
        &self,
        file: File,
        edit: &mut impl FnMut(&str) -> Result<(Option<String>, T), E>,
    ) -> Result<Option<T>, StoreError<E>> {
        let source = LockedFile::read(file).map_err(|reason| self.failed(reason))?;
        let Some(source) = source else { return Ok(None) };
        let outcome = match source.text() {
            Ok(text) => match edit(text) {
                Ok((Some(new), value)) if new != text => return self.replace(&source, &new, value),
                Ok((_, value)) => Ok(Some(value)),
                Err(error) => Err(StoreError::Edit(error)),
            },
            Err(reason) => Err(self.failed(reason)),
        };
        // Another program may have been writing: then the outcome is that of an incomplete text.
        if source.is_untouched_at(&self.path) { outcome } else { Ok(None) }
    }

    fn replace<T, E>(&self, source: &LockedFile, text: &str, value: T) -> Result<Option<T>, StoreError<E>> {
        let replaced =
            replacement::replace(&self.path, source, text).map_err(|reason| self.failed(reason))?;
        Ok(replaced.then_some(value))
    }

    fn failed<E>(&self, reason: Reason) -> StoreError<E> {
        StoreError::File(FileError::new(&self.path, reason))
    }
}

fn unresolved(path: &Path, error: io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::NotFound => dangling(path).map_or(Reason::Missing, Reason::Dangling),
        io::ErrorKind::PermissionDenied => Reason::Unreadable,
        _ => Reason::Io("be found", error),
    }
}

/// Returns the target of the last link in a chain of symbolic links; `None` if the path is not a link.
pub fn dangling(path: &Path) -> Option<PathBuf> {
    let target = path.parent()?.join(fs::read_link(path).ok()?);
    Some(dangling(&target).unwrap_or(target))
}
