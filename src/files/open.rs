//! Opens files without leaving the root.
//!
//! A file is opened by `openat2`, which resolves the path beneath the root (openat2(2)). It can be asked to fail where it
//! would have to wait for a disk: then, and where the system does not have it, cap-std opens the file on a blocking thread.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::fault::CANNOT_OPEN;
use super::refusal::FileRefusal;
use super::version::FileVersion;

/// Files are opened so that a FIFO or a device never makes the thread wait.
const FLAGS: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// An opened file or directory.
#[derive(Debug)]
pub(super) enum Entry {
    File(OpenFile),
    Directory,
}

/// An opened regular file.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) version: FileVersion,
}

/// Whether a thread may wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    Never,
    Allowed,
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The thread would have to wait for a disk or a descriptor, and must not.
    WouldWait,
    Refused(FileRefusal),
}

impl<T: Into<FileRefusal>> From<T> for Failure {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

/// The root, opened for one request, so that a deployment can swap a symbolic link.
#[derive(Debug)]
pub(super) enum RootDirectory {
    Descriptor(OwnedFd),
    Capability(Dir),
}

impl RootDirectory {
    /// `is_missing` says if the last attempt has failed: only a change is logged.
    pub(super) fn open(root: &Path, waiting: Waiting, is_missing: &AtomicBool) -> Result<Self, Failure> {
        let opened = if waiting == Waiting::Never {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opened = openat2(CWD, root, flags, Mode::empty(), ResolveFlags::CACHED);
            Self::Descriptor(opened.map_err(|_| Failure::WouldWait)?)
        } else {
            let opened = Dir::open_ambient_dir(root, ambient_authority());
            Self::Capability(opened.map_err(|error| {
                if !is_missing.swap(true, Ordering::Relaxed) {
                    tracing::error!(target: "downtime::files", root = %root.display(), %error, "cannot open the root directory of the site");
                }
                FileRefusal::Unavailable
            })?)
        };
        if is_missing.load(Ordering::Relaxed) && is_missing.swap(false, Ordering::Relaxed) {
            tracing::info!(target: "downtime::files", root = %root.display(), "the root directory of the site can be opened again");
        }
        Ok(opened)
    }

    /// Opens `path` below the root. Symbolic links are followed if they stay below it; one with an absolute target does not.
    /// Anything but a regular file or a directory is not found.
    pub(super) fn open_entry(&self, path: &Path) -> Result<Entry, Failure> {
        let file = match self {
            Self::Descriptor(root) => {
                let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
                match openat2(root, path, FLAGS | OFlags::CLOEXEC, Mode::empty(), resolve) {
                    // PERM: a filter of system calls. INVAL: before Linux 5.12. MFILE: a descriptor must be waited for.
                    Err(Errno::AGAIN | Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::MFILE) => {
                        return Err(Failure::WouldWait);
                    }
                    opened => opened.map(File::from).map_err(io::Error::from),
                }
            }
            Self::Capability(root) => {
                let mut options = OpenOptions::new();
                options.read(true).custom_flags(FLAGS.bits().cast_signed());
                root.open_with(path, &options).map(cap_std::fs::File::into_std)
            }
        };
        let opened = file.and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(|error| refuse(error, path))?;
        match metadata.file_type() {
            kind if kind.is_file() => {
                Ok(Entry::File(OpenFile { file, version: FileVersion::new(&metadata) }))
            }
            kind if kind.is_dir() => Ok(Entry::Directory),
            _ => Err(FileRefusal::NotFound.into()),
        }
    }
}

fn refuse(error: io::Error, path: &Path) -> FileRefusal {
    let message = error.to_string();
    let refusal = FileRefusal::from(error);
    // The operator can fix these.
    if matches!(refusal, FileRefusal::Forbidden | FileRefusal::Internal | FileRefusal::Unavailable) {
        CANNOT_OPEN.log(path, &message);
    }
    refusal
}
