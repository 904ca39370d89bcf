//! The errors of editing the config file, with help.

mod reason;

use std::fmt;
use std::path::{Path, PathBuf};

pub use self::reason::Reason;

/// An error in an edit: of the edit itself, or of the file.
#[derive(Debug)]
pub enum StoreError<E> {
    /// The edit was refused; nothing was written.
    Edit(E),
    /// The file could not be read or replaced.
    File(FileError),
}

/// A file that cannot be read or replaced.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    reason: Reason,
}

impl FileError {
    pub(super) fn new(path: &Path, reason: Reason) -> Self {
        Self { path: path.to_owned(), reason }
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the reason why it cannot be read or replaced.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Returns the message without the help: the path, what is wrong, and whether the edit was made.
    pub fn problem(&self) -> String {
        let outcome = match self.reason {
            Reason::Stranded(..) | Reason::Unsynced(_) => "",
            _ => ": nothing was changed",
        };
        format!("{} {}{outcome}", self.path.display(), self.reason.problem())
    }

    /// Returns what to do about it if a command made the edit.
    pub fn help(&self) -> &'static str {
        self.reason.help()
    }

    /// Returns what to do about it if the admin page made the edit.
    pub fn admin_help(&self) -> &'static str {
        self.reason.admin_help()
    }
}

impl<E: fmt::Display> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.reason)
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for StoreError<E> {}

impl std::error::Error for FileError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_on_the_admin_page_is_for_the_service() {
        let io_error = || std::io::Error::other("EIO");
        for reason in [
            Reason::Missing,
            Reason::Directory,
            Reason::NotAFile,
            Reason::Unreadable,
            Reason::Owner(1, 2),
            Reason::Attribute("user.origin".into(), io_error()),
            Reason::DirectoryDenied("/etc".into()),
            Reason::Protected,
        ] {
            let help = FileError::new(Path::new("a.toml"), reason).admin_help();
            assert!(help.contains("`downtime admin`") && !help.contains("the command"), "{help}");
        }
        for reason in [Reason::Full, Reason::MountPoint, Reason::Io("be read", io_error())] {
            let error = FileError::new(Path::new("a.toml"), reason);
            assert_eq!(error.admin_help(), error.help());
        }
    }
}
