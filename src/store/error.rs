//! Why a file could not be edited, and what to do about it.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

/// Why an edit failed: by what the edit itself says, or by the file.
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

/// Why a file cannot be read or replaced.
#[derive(Debug)]
pub enum Reason {
    /// There is no such file.
    Missing,
    /// The path is a symbolic link to this, which does not exist.
    Dangling(PathBuf),
    /// The path names a directory.
    Directory,
    /// The path names a device, a pipe or a socket.
    NotAFile,
    /// The user may not read the file, or not reach it.
    Unreadable,
    /// The text is over [`MAX_LENGTH`](crate::store::read::MAX_LENGTH), or would be.
    TooLarge,
    /// The text is not UTF-8, from this line on, counted from 1.
    NotUtf8(usize),
    /// Another edit held the lock all this time.
    Locked(Duration),
    /// Something else wrote the file again and again.
    KeepsChanging,
    /// The file has this owner and group, and the user may not give a file to them.
    Owner(u32, u32),
    /// The new file could not be given the old one's extended attribute of this name.
    Attribute(String, io::Error),
    /// The file is bind-mounted, so that no rename can replace it.
    MountPoint,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The disk, or the user's quota of it, is full.
    Full,
    /// The user may not create files in this directory.
    DirectoryDenied(PathBuf),
    /// The file may not be replaced, although its directory may be written to.
    Protected,
    /// Somebody saved the file at the very moment of its replacement, and the save could not be put back: the edit
    /// stands in the file, the save in the one named here.
    Stranded(PathBuf, io::Error),
    /// The file was replaced, but it is not known that it would survive a power failure.
    Unsynced(io::Error),
    /// Anything else that the system refused.
    Io(&'static str, io::Error),
}

impl FileError {
    pub(super) fn new(path: &Path, reason: Reason) -> Self {
        Self { path: path.to_owned(), reason }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is the matter with it.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl Reason {
    /// What the error means where a file is created, written or given its attributes in this directory.
    pub(super) fn of_writing(directory: &Path, error: io::Error) -> Self {
        Self::of_file_system(error).unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Self::DirectoryDenied(directory.to_owned()),
            _ => Self::Io("be written", error),
        })
    }

    /// What the error means where the new file is given the old one's owner, group or mode.
    pub(super) fn of_giving(user: u32, group: u32, error: io::Error) -> Self {
        Self::of_file_system(error).unwrap_or_else(|error| match error.kind() {
            // The latter is for an owner that the user namespace does not know.
            io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput => Self::Owner(user, group),
            _ => Self::Io("be written", error),
        })
    }

    /// What the error means where the new file is given the extended attribute of this name.
    pub(super) fn of_attribute(name: &[u8], error: io::Error) -> Self {
        let attribute = |error| Self::Attribute(String::from_utf8_lossy(name).into_owned(), error);
        Self::of_file_system(error).unwrap_or_else(attribute)
    }

    /// What the error means where the new file takes the old one's place.
    pub(super) fn of_renaming(error: io::Error) -> Self {
        Self::of_file_system(error).unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => Self::MountPoint,
            io::ErrorKind::PermissionDenied => Self::Protected,
            _ => Self::Io("be replaced", error),
        })
    }

    /// What the error means whatever was to be written; the error, where that depends.
    fn of_file_system(error: io::Error) -> Result<Self, io::Error> {
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => Ok(Self::ReadOnly),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Ok(Self::Full),
            _ => Err(error),
        }
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
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "it does not exist: create it, or name another with --config"),
            Self::Dangling(target) => {
                let target = target.display();
                write!(
                    f,
                    "it is a symbolic link to {target}, which does not exist: create that, or correct the link"
                )
            }
            Self::Directory => write!(f, "it is a directory: name a file in it with --config"),
            Self::NotAFile => write!(f, "it is not a regular file: name one with --config"),
            Self::Unreadable => write!(f, "it may not be read: run the command as a user who may read it"),
            Self::TooLarge => write!(f, "it is over 1 MiB, or would be: remove periods that are over"),
            Self::NotUtf8(line) => write!(f, "line {line} is not UTF-8: save the file in that encoding"),
            Self::Locked(wait) => {
                let wait = wait.as_secs_f64();
                write!(
                    f,
                    "another command has been editing it for {wait:.0} s: let it end, or end it, and try again"
                )
            }
            Self::KeepsChanging => {
                write!(f, "something else keeps changing it: try again once nothing does")
            }
            Self::Owner(user, group) => write!(
                f,
                "it belongs to user {user} and group {group}, which its replacement cannot be given: \
                 run the command as that user, or as root"
            ),
            Self::Attribute(name, error) => write!(
                f,
                "its attribute {name} cannot be given to its replacement ({error}): \
                 run the command as the file's owner, or as root"
            ),
            Self::MountPoint => write!(
                f,
                "it is mounted by itself (as a container's bind mount), so it cannot be replaced: \
                 mount its directory instead, or edit the file where it comes from"
            ),
            Self::ReadOnly => write!(
                f,
                "its file system is read-only: mount it for writing, or edit the file where it comes from"
            ),
            Self::Full => {
                write!(f, "its file system, or your quota there, is full: free some space, and try again")
            }
            Self::DirectoryDenied(directory) => {
                let directory = directory.display();
                write!(
                    f,
                    "its replacement cannot be written into {directory}: run the command as a user who may write there"
                )
            }
            Self::Protected => write!(
                f,
                "it may not be replaced: run the command as its owner, and see with lsattr that it is not immutable"
            ),
            Self::Stranded(kept, error) => {
                let kept = kept.display();
                write!(
                    f,
                    "it was edited, but somebody else's save of that moment is now in {kept} ({error}): \
                     merge the two by hand"
                )
            }
            Self::Unsynced(error) => {
                write!(f, "it was edited, but may not survive a power failure ({error}): run sync")
            }
            Self::Io(what, error) => {
                write!(
                    f,
                    "it could not {what} ({error}): see that its path and its disk are sound, and try again"
                )
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for StoreError<E> {}

impl std::error::Error for FileError {}
