//! The reasons why a file cannot be read or replaced.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

use crate::store::read::{ReadError, SpecialFile, path_help};

/// The reason why a file cannot be read or replaced.
#[derive(Debug)]
pub enum Reason {
    /// It does not exist.
    Missing,
    /// It is a symbolic link to this path, which does not exist.
    Dangling(PathBuf),
    /// It is a directory.
    Directory,
    /// It is a device, a pipe or a socket.
    NotAFile,
    /// The user may not read it, or one of its directories.
    Unreadable,
    /// The text is longer than [`MAX_LENGTH`](crate::store::read::MAX_LENGTH), or would be.
    TooLarge,
    /// The text is not UTF-8 in this line, counted from 1.
    NotUtf8(usize),
    /// Another edit has held the lock for this long.
    Locked(Duration),
    /// Another program wrote the file again and again.
    KeepsChanging,
    /// The user may not create files of this owner and group, which are those of the file.
    Owner(u32, u32),
    /// The extended attribute of this name cannot be copied to the new file.
    Attribute(String, io::Error),
    /// It is a mount point, which cannot be replaced by a rename.
    MountPoint,
    /// Its file system is mounted read-only.
    ReadOnly,
    /// The disk or the user's quota is full.
    Full,
    /// The user may not create files in this directory.
    DirectoryDenied(PathBuf),
    /// It cannot be created: this directory does not exist.
    NoDirectory(PathBuf),
    /// The user may write to its directory, but not replace it.
    Protected,
    /// Another program saved the file while it was being replaced, and the save could not be put back: the file has the
    /// edit, and the path named here has the save.
    Stranded(PathBuf, io::Error),
    /// The file was replaced, but the change may not survive a power failure.
    Unsynced(io::Error),
    /// The system refused something else.
    Io(&'static str, io::Error),
}

impl Reason {
    /// Converts an error in creating or writing a file in this directory.
    pub(in crate::store) fn from_writing(directory: &Path, error: io::Error) -> Self {
        Self::from_file_system(error).unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Self::DirectoryDenied(directory.to_owned()),
            _ => Self::Io("be written", error),
        })
    }

    /// Converts an error in creating a file in this directory where none was.
    pub(in crate::store) fn from_creating(directory: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoDirectory(directory.to_owned()),
            _ => Self::from_writing(directory, error),
        }
    }

    /// Converts an error in giving the new file this owner and group, or the old file's mode.
    pub(in crate::store) fn from_ownership(user: u32, group: u32, error: io::Error) -> Self {
        Self::from_file_system(error).unwrap_or_else(|error| match error.kind() {
            // The latter is for an owner that the user namespace does not know.
            io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput => Self::Owner(user, group),
            _ => Self::Io("be written", error),
        })
    }

    /// Converts an error in giving the new file the extended attribute of this name.
    pub(in crate::store) fn from_attribute(name: &[u8], error: io::Error) -> Self {
        let attribute = |error| Self::Attribute(String::from_utf8_lossy(name).into_owned(), error);
        Self::from_file_system(error).unwrap_or_else(attribute)
    }

    /// Converts an error in renaming the new file to the old one's path.
    pub(in crate::store) fn from_renaming(error: io::Error) -> Self {
        Self::from_file_system(error).unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => Self::MountPoint,
            io::ErrorKind::PermissionDenied => Self::Protected,
            _ => Self::Io("be replaced", error),
        })
    }

    /// Converts an error that means the same whatever was written; returns any other error as it is.
    fn from_file_system(error: io::Error) -> Result<Self, io::Error> {
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => Ok(Self::ReadOnly),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Ok(Self::Full),
            _ => Err(error),
        }
    }

    pub(super) fn problem(&self) -> String {
        match self {
            Self::Missing => "does not exist".into(),
            Self::Dangling(target) => {
                format!("is a symbolic link to {}, which does not exist", target.display())
            }
            Self::Directory => "is a directory".into(),
            Self::NotAFile => "is not a regular file".into(),
            Self::Unreadable => "cannot be read by this user".into(),
            Self::TooLarge => "is over 1 MiB, or would be".into(),
            Self::NotUtf8(line) => format!("is not UTF-8 in line {line}"),
            Self::Locked(wait) => {
                format!("has been locked by another command for {:.0} s", wait.as_secs_f64())
            }
            Self::KeepsChanging => "keeps changing".into(),
            Self::Owner(user, group) => {
                format!("belongs to user {user} and group {group}, which this user cannot give to a new file")
            }
            Self::Attribute(name, error) => {
                format!("has the extended attribute {name}, which cannot be given to a new file ({error})")
            }
            Self::MountPoint => {
                "is a mount point (such as a container's bind mount), so it cannot be replaced".into()
            }
            Self::ReadOnly => "is on a read-only file system".into(),
            Self::Full => "cannot be written, as its file system or your quota is full".into(),
            Self::DirectoryDenied(directory) => {
                format!("cannot be written, as this user may not create files in {}", directory.display())
            }
            Self::NoDirectory(directory) => {
                format!("could not be created: the directory {} does not exist", directory.display())
            }
            Self::Protected => "is protected against being replaced".into(),
            Self::Stranded(kept, error) => {
                let kept = kept.display();
                format!(
                    "was edited, but another program saved it meanwhile; that save is now in {kept} ({error})"
                )
            }
            Self::Unsynced(error) => {
                format!("was edited, but the change may not survive a power failure ({error})")
            }
            Self::Io(what, error) => format!("could not {what} ({error})"),
        }
    }

    /// Returns what to do about it if a command made the edit.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Missing => "create it, or name another file with --config",
            Self::Dangling(_) => "create the target, or correct the link",
            Self::Directory => "name a file with --config",
            Self::NotAFile => "name a regular file with --config",
            Self::Unreadable => "run the command as a user who may read it",
            Self::TooLarge => "remove periods that have ended",
            Self::NotUtf8(_) => "save it as UTF-8",
            Self::Locked(_) => "wait until that command ends, or stop it, and try again",
            Self::KeepsChanging => "try again when no other program is writing it",
            Self::Owner(..) => "run the command as that user and in that group, or as root",
            Self::Attribute(..) => "run the command as the file's owner, or as root",
            Self::MountPoint => "mount its directory instead, or edit the file that is mounted",
            Self::ReadOnly => "remount it read-write, or edit the file where it comes from",
            Self::Full => "free some space, and try again",
            Self::DirectoryDenied(_) => "run the command as a user who may write there",
            Self::Protected => "run the command as its owner, and check with lsattr that it is not immutable",
            Self::Stranded(..) => "merge the two by hand",
            Self::Unsynced(_) => "run sync",
            Self::NoDirectory(_) => "create the directory, or correct the path",
            Self::Io(_, error) => path_help(error).unwrap_or("check its path and its disk, and try again"),
        }
    }

    /// Returns what to do about it if the admin page made the edit.
    pub(super) fn admin_help(&self) -> &'static str {
        match self {
            Self::Missing => "restore it, or start `downtime admin` with another --config",
            Self::Directory | Self::NotAFile => "start `downtime admin` with a regular file as --config",
            Self::Unreadable => "run `downtime admin` as a user who may read the file",
            Self::Owner(..) => "run `downtime admin` as that user and in that group, or as root",
            Self::Attribute(..) => "run `downtime admin` as the file's owner, or as root",
            Self::DirectoryDenied(_) => "run `downtime admin` as a user who may write there",
            Self::Protected => {
                "run `downtime admin` as the file's owner, and check with lsattr that the file is not immutable"
            }
            _ => self.help(),
        }
    }
}

impl From<ReadError> for Reason {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => Self::Missing,
                io::ErrorKind::PermissionDenied => Self::Unreadable,
                _ => Self::Io("be read", error),
            },
            ReadError::NotRegular(SpecialFile::Directory) => Self::Directory,
            ReadError::NotRegular(_) => Self::NotAFile,
            ReadError::TooLong(_) => Self::TooLarge,
            ReadError::Changing => Self::KeepsChanging,
        }
    }
}

/// Displays the part of a message that follows the path.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.problem(), self.help())
    }
}
