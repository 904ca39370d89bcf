//! Reading files that other programs may be writing.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, OFlags, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;

/// The longest config file or template that is read or written, in bytes.
pub const MAX_LENGTH: u64 = 1 << 20;

/// Returns what to do about a path that leads nowhere.
pub fn path_help(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error) {
        Some(Errno::LOOP) => Some("correct the symbolic links: they lead in a circle"),
        Some(Errno::NOTDIR) => Some("correct the path: a part of it is not a directory"),
        _ => None,
    }
}

/// The metadata that tell one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    owner: (u32, u32),
    /// The last change of content, in seconds and nanoseconds.
    modified: (i64, i64),
    /// The last change of content, attributes or name.
    changed: (i64, i64),
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl FileStamp {
    /// Returns the stamp of the file that a path leads to through symbolic links; `None` if there is none.
    pub fn from_path(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::from)
    }

    /// Returns true if both are of the same file, whatever its name and content.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Returns true if both are of the same file with the same content and attributes. A rename makes no difference.
    pub(super) fn is_same_version(&self, other: &Self) -> bool {
        Self { changed: other.changed, ..*self } == *other
    }
}

/// Returns true if the file that a path leads to is a mount point, as far as the system can tell.
pub fn is_mount_point(path: &Path) -> bool {
    let status = statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    status.is_ok_and(|status| status.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// The reason why a file could not be read as a whole.
#[derive(Debug)]
pub enum ReadError {
    /// The system refused.
    Io(io::Error),
    /// It is not a regular file.
    NotRegular(SpecialFile),
    /// It is longer than the limit, in bytes.
    TooLong(u64),
    /// It was written to while it was read.
    Changing,
}

/// A file that is not a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialFile {
    /// A directory.
    Directory,
    /// A named pipe.
    Pipe,
    /// A device.
    Device,
    /// Something that cannot be opened (`open(2)`, ENXIO).
    Socket,
}

impl ReadError {
    /// Returns true if the file does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Returns true if this user may not read the file.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Returns true if the system lacked descriptors, so that the file may be readable soon although it does not change.
    pub fn is_out_of_descriptors(&self) -> bool {
        let errno = match self {
            Self::Io(error) => Errno::from_io_error(error),
            Self::NotRegular(_) | Self::TooLong(_) | Self::Changing => None,
        };
        matches!(errno, Some(Errno::MFILE | Errno::NFILE))
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => f.write_str("does not exist"),
            Self::Io(_) if self.is_forbidden() => f.write_str("cannot be read by this user"),
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::NotRegular(kind) => write!(f, "is {kind}, not a file"),
            Self::TooLong(MAX_LENGTH) => f.write_str("is longer than 1 MiB"),
            Self::TooLong(limit) => write!(f, "is longer than {} KiB", limit / 1024),
            Self::Changing => f.write_str("is being written to"),
        }
    }
}

impl fmt::Display for SpecialFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory",
            Self::Pipe => "a pipe",
            Self::Device => "a device",
            Self::Socket => "a socket or an absent device",
        })
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::NXIO) => Self::NotRegular(SpecialFile::Socket),
            _ => Self::Io(error),
        }
    }
}

/// How often a file is opened that changes each time.
const MAX_ATTEMPTS: usize = 100;

/// Reads a regular file of at most `limit` bytes. One that changes meanwhile, as one that is being replaced does, is opened again; it
/// fails if it changes each time.
pub fn read(path: &Path, limit: u64) -> Result<(Vec<u8>, FileStamp), ReadError> {
    let once = || {
        let (bytes, metadata) = read_open(&open(path, OFlags::empty())?, limit)?;
        Ok((bytes, FileStamp::from(&metadata)))
    };
    let mut attempts = std::iter::repeat_with(once).take(MAX_ATTEMPTS);
    attempts.find(|read| !matches!(read, Err(ReadError::Changing))).unwrap_or(Err(ReadError::Changing))
}

/// Opens a regular file for reading. It never waits, not even for the writer of a pipe.
pub(super) fn open(path: &Path, flags: OFlags) -> Result<File, ReadError> {
    let flags = flags.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match special(&file.metadata()?) {
        Some(kind) => Err(ReadError::NotRegular(kind)),
        None => Ok(file),
    }
}

/// Reads an open file from its beginning. It counts only if the stamp is the same before and after, and agrees with
/// the length.
pub(super) fn read_open(file: &File, limit: u64) -> Result<(Vec<u8>, Metadata), ReadError> {
    let before = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLong(limit));
    }
    let is_same = FileStamp::from(&before) == FileStamp::from(&file.metadata()?);
    if is_same && bytes.len() as u64 == before.size() {
        Ok((bytes, before))
    } else {
        Err(ReadError::Changing)
    }
}

fn special(metadata: &Metadata) -> Option<SpecialFile> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some(SpecialFile::Directory)
    } else if kind.is_fifo() {
        Some(SpecialFile::Pipe)
    } else {
        Some(SpecialFile::Device)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    fn error(path: &Path) -> String {
        error_with_limit(path, 16)
    }

    fn error_with_limit(path: &Path, limit: u64) -> String {
        read(path, limit).unwrap_err().to_string()
    }

    #[test]
    fn a_regular_file_within_the_limit_is_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for text in ["", "x", "sixteen bytes!!!"] {
            std::fs::write(&path, text).unwrap();
            let (bytes, stamp) = read(&path, 16).unwrap();
            assert_eq!((bytes.as_slice(), Some(stamp)), (text.as_bytes(), FileStamp::from_path(&path)));
        }
        std::fs::write(&path, "seventeen bytes!!").unwrap();
        assert_eq!(error(&path), "is longer than 0 KiB");
    }

    #[test]
    fn a_file_with_more_bytes_than_its_stamp_says_is_refused() {
        // Its length is always reported as 0, and its stamp does not change.
        let path = Path::new("/proc/version");
        assert_eq!(FileStamp::from_path(path).unwrap().size, 0);
        assert_eq!(error_with_limit(path, MAX_LENGTH), "is being written to");
    }

    #[test]
    fn a_file_that_others_replace_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let [path, new] = ["file", "new"].map(|name| directory.path().join(name));
        std::fs::write(&path, "text").unwrap();
        let is_read = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_read.load(Ordering::Relaxed) {
                    std::fs::write(&new, "text").unwrap();
                    std::fs::rename(&new, &path).unwrap();
                }
            });
            for _ in 0..2000 {
                let read = read(&path, MAX_LENGTH);
                assert!(matches!(&read, Ok((bytes, _)) if bytes == b"text"), "{read:?}");
            }
            is_read.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn an_error_names_the_cause() {
        let io = |kind: io::ErrorKind| ReadError::from(io::Error::from(kind));
        for (error, words) in [
            (io(io::ErrorKind::NotFound), "does not exist"),
            (io(io::ErrorKind::PermissionDenied), "cannot be read by this user"),
            (io(io::ErrorKind::TimedOut), "cannot be read: timed out"),
            (ReadError::TooLong(MAX_LENGTH), "is longer than 1 MiB"),
            (ReadError::Changing, "is being written to"),
        ] {
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn a_rename_keeps_the_version_and_a_write_keeps_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let [path, other, renamed] = ["file", "other", "renamed"].map(|name| directory.path().join(name));
        std::fs::write(&path, "text").unwrap();
        std::fs::write(&other, "text").unwrap();
        let stamp = |path| FileStamp::from_path(path).unwrap();
        let before = stamp(&path);
        assert!(!before.is_same_file(&stamp(&other)) && !before.is_same_version(&stamp(&other)));
        std::fs::rename(&path, &renamed).unwrap();
        assert!(before.is_same_file(&stamp(&renamed)) && before.is_same_version(&stamp(&renamed)));
        std::fs::write(&renamed, "longer text").unwrap();
        assert!(before.is_same_file(&stamp(&renamed)) && !before.is_same_version(&stamp(&renamed)));
    }

    #[test]
    fn a_special_file_is_refused_without_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(error(&pipe), "is a pipe, not a file");
        let _socket = std::os::unix::net::UnixListener::bind(directory.path().join("socket")).unwrap();
        assert_eq!(error(&directory.path().join("socket")), "is a socket or an absent device, not a file");
        assert_eq!(error(directory.path()), "is a directory, not a file");
        assert_eq!(error(Path::new("/dev/zero")), "is a device, not a file");
        assert_eq!(error(&directory.path().join("none")), "does not exist");
        assert_eq!(FileStamp::from_path(&directory.path().join("none")), None);
    }
}
