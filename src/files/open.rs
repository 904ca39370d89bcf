//! Finds and opens files without leaving the root.
//!
//! A file is located by `openat2` with `O_PATH`, which resolves the path beneath the root (openat2(2)) without opening the file:
//! the driver of a device and the writer of a FIFO do not notice. It can be asked to fail where it would have to wait for a
//! disk: then, and where the system does not have it, cap-std locates the file on a blocking thread. Only a regular file is
//! opened, through what was located.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::refusal::FileRefusal;
use super::version::FileVersion;
use super::warnings::CANNOT_OPEN;
use crate::escape::cut;

/// Files are opened so that the thread does not wait until another process gives up its lease on the file.
const FLAGS: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// A file or directory that was located.
#[derive(Debug)]
pub(super) enum Entry {
    File(LocatedFile),
    Directory,
}

/// A regular file that was located, and not opened.
#[derive(Debug)]
pub(super) struct LocatedFile {
    handle: File,
    pub(super) version: FileVersion,
}

/// A regular file that was opened for reading.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) version: FileVersion,
}

/// Whether a thread may wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskWait {
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
    pub(super) fn open(root: &Path, waiting: DiskWait, is_missing: &AtomicBool) -> Result<Self, Failure> {
        let opened = if waiting == DiskWait::Never {
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

    /// Locates `path` below the root. Symbolic links are followed if they stay below it; one with an absolute target does not.
    /// Anything but a regular file or a directory is not found.
    pub(super) fn locate(&self, path: &Path) -> Result<Entry, Failure> {
        let (handle, metadata) = self.resolve(path, OFlags::PATH)?;
        match metadata.file_type() {
            kind if kind.is_file() => {
                Ok(Entry::File(LocatedFile { handle, version: FileVersion::new(&metadata) }))
            }
            kind if kind.is_dir() => Ok(Entry::Directory),
            _ => Err(FileRefusal::NotFound.into()),
        }
    }

    /// Opens a file for reading that was located at `path`.
    pub(super) fn open_file(&self, path: &Path, located: &LocatedFile) -> Result<OpenFile, Failure> {
        let link = format!("/proc/self/fd/{}", located.handle.as_raw_fd());
        let version = located.version;
        match rustix::fs::open(link, FLAGS | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => Ok(OpenFile { file: file.into(), version }),
            // /proc is not mounted.
            Err(Errno::NOENT) => self.open_again(path, located),
            Err(Errno::MFILE) if matches!(self, Self::Descriptor(_)) => Err(Failure::WouldWait),
            Err(error) => Err(refuse(error.into(), path).into()),
        }
    }

    /// Opens `path` for reading, where a file was before.
    pub(super) fn open_path(&self, path: &Path) -> Result<OpenFile, Failure> {
        match self.locate(path)? {
            Entry::File(located) => self.open_file(path, &located),
            Entry::Directory => Err(FileRefusal::Changed.into()),
        }
    }

    /// Opens `path` for reading, unless it is another file than that which was located.
    fn open_again(&self, path: &Path, located: &LocatedFile) -> Result<OpenFile, Failure> {
        let (file, metadata) = self.resolve(path, FLAGS)?;
        let version = FileVersion::new(&metadata);
        if version == located.version {
            Ok(OpenFile { file, version })
        } else {
            Err(FileRefusal::Changed.into())
        }
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> Result<(File, Metadata), Failure> {
        let file = match self {
            Self::Descriptor(root) => {
                let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
                match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                    // PERM: a filter of system calls. INVAL: before Linux 5.12. MFILE: a descriptor must be waited for.
                    Err(Errno::AGAIN | Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::MFILE) => {
                        return Err(Failure::WouldWait);
                    }
                    opened => opened.map(File::from).map_err(io::Error::from),
                }
            }
            Self::Capability(root) => {
                let mut options = OpenOptions::new();
                options.read(true).custom_flags(flags.bits().cast_signed());
                root.open_with(path, &options).map(cap_std::fs::File::into_std)
            }
        };
        let found = file.and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        found.map_err(|error| refuse(error, path).into())
    }
}

fn refuse(error: io::Error, path: &Path) -> FileRefusal {
    // cap-std has an error of its own for a path that leads out of the root.
    let leads_out = Errno::from_io_error(&error)
        .map_or(error.kind() == io::ErrorKind::PermissionDenied, |errno| errno == Errno::XDEV);
    if leads_out {
        let path = path.to_string_lossy();
        let path = cut(&path);
        tracing::debug!(target: "downtime::files", %path, "a symbolic link leads out of the root, or its target is absolute");
    }
    let message = error.to_string();
    let refusal = FileRefusal::from(error);
    // The operator can fix these.
    if matches!(refusal, FileRefusal::Forbidden | FileRefusal::Internal | FileRefusal::Unavailable) {
        CANNOT_OPEN.log(path, &message);
    }
    refusal
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;

    #[test]
    fn without_proc_a_file_is_opened_again_if_it_is_still_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("a"), directory.path().join("b"));
        fs::write(&path, "one").unwrap();
        for waiting in [DiskWait::Never, DiskWait::Allowed] {
            let root = RootDirectory::open(directory.path(), waiting, &AtomicBool::new(false)).unwrap();
            let Ok(Entry::File(located)) = root.locate(Path::new("a")) else { panic!("a file") };
            let opened = root.open_again(Path::new("a"), &located).unwrap();
            let mut content = String::new();
            (&opened.file).read_to_string(&mut content).unwrap();
            assert_eq!((&*content, opened.version), ("one", located.version));

            fs::write(&other, "one").unwrap();
            fs::rename(&other, &path).unwrap();
            let opened = root.open_again(Path::new("a"), &located);
            assert_eq!(opened.err(), Some(FileRefusal::Changed.into()), "{waiting:?}");
            assert!(root.open_file(Path::new("a"), &located).is_ok(), "the file that was located");
        }
    }
}
