//! The configuration file on disk, and its replacement by an edited one.
//!
//! An edit is whole or not at all: the new text is written to a hidden file beside the old one, synced, and put in its
//! place by one rename, so that a reader finds either text and never a part of one. Mode, owner, extended attributes
//! and access control list are the old file's; a symbolic link stays and what it names is replaced. Other names of the
//! file (hard links) keep the old text.
//!
//! Two edits at once both take effect. Each holds an advisory lock (`flock(2)`) on the file while it reads, edits and
//! replaces, and then sees whether the path still names the file that it locked. No lock file lies beside the
//! configuration. Editors take no lock, so what the rename puts aside is compared with what was read: where somebody
//! saved meanwhile, that text is put back and edited anew. Where the file system knows no locks or no exchange, the
//! file is looked at once more right before the rename.
//!
//! A process killed on the way may leave a hidden `.NAME.XXXXXX` (six letters or digits) beside the file, which does no
//! harm and may be deleted.

mod attributes;
mod error;
pub mod read;
mod replacement;
mod source;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{io, thread};

pub use error::{FileError, Reason, StoreError};
use source::LockedFile;

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// A configuration file that can be edited.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
    patience: Duration,
}

impl Store {
    /// The file that the path names now, through symbolic links.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let real = fs::canonicalize(path).map_err(|error| FileError::new(path, unresolved(path, error)))?;
        Ok(Self { path: real, patience: PATIENCE })
    }

    /// The absolute path of the file itself, links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long an edit waits for another one, and for the file to be left alone: 10 seconds unless told.
    ///
    /// Of others that come to their end one after the other it waits so long for each.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Hands the text to `edit`, and replaces the file by the text that it gives, if it gives another one.
    ///
    /// Where the file was changed meanwhile `edit` is called again, with the text as it is by then; only the last call
    /// counts. It runs under the lock, so it should be quick.
    ///
    /// # Errors
    ///
    /// Nothing is changed, and no temporary file left, except as [`Reason::Stranded`] and [`Reason::Unsynced`] say.
    pub fn edit<T, E>(
        &self,
        mut edit: impl FnMut(&str) -> Result<(Option<String>, T), E>,
    ) -> Result<T, StoreError<E>> {
        let mut deadline = Instant::now() + self.patience;
        loop {
            let begun = Instant::now();
            let file = source::lock(&self.path, self.patience).map_err(|reason| self.failed(reason))?;
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

    /// One try; none if the file changed meanwhile.
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
        // Whatever was found may be found in a text that somebody was only half done writing.
        if source.stands_at(&self.path) { outcome } else { Ok(None) }
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

/// What the last of a chain of symbolic links names; none if the path is no link.
fn dangling(path: &Path) -> Option<PathBuf> {
    let target = path.parent()?.join(fs::read_link(path).ok()?);
    Some(dangling(&target).unwrap_or(target))
}
