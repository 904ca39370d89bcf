//! Reading files that others may be writing.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;

/// The longest config file or template that is read or written, in bytes.
pub const MAX_LENGTH: u64 = 1 << 20;

/// What tells one state of a file from another without reading it: device, inode, size, and the times of the last
/// change of content and of inode in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl FileStamp {
    /// The stamp of the file that a path leads to; `None` where there is none.
    pub fn from_path(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::from)
    }
}

/// Returns true if the file that a path leads to is mounted by itself, as far as the system can tell.
pub fn is_mount_point(path: &Path) -> bool {
    let status = statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    status.is_ok_and(|status| status.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Why a file could not be read whole.
#[derive(Debug)]
pub enum ReadError {
    /// The system says why.
    Io(io::Error),
    /// It is a folder, a pipe, a socket or a device.
    NotRegular(&'static str),
    /// It is longer than the limit, in bytes.
    TooLong(u64),
    /// It was written to while it was read.
    Changing,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => f.write_str("does not exist"),
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                f.write_str("may not be read by this user")
            }
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::NotRegular(kind) => write!(f, "is {kind}, not a file"),
            Self::TooLong(limit) => write!(f, "is longer than {} KiB", limit / 1024),
            Self::Changing => f.write_str("is being written to"),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a regular file of at most `limit` bytes. It counts only when the file's stamp is the same before and after.
pub fn read(path: &Path, limit: u64) -> Result<(Vec<u8>, FileStamp), ReadError> {
    let file = open(path).map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NXIO) => ReadError::NotRegular("a socket or an absent device"),
        _ => ReadError::Io(error),
    })?;
    let before = file.metadata()?;
    if let Some(kind) = irregular(&before) {
        return Err(ReadError::NotRegular(kind));
    }
    let mut bytes = Vec::new();
    (&file).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLong(limit));
    }
    let stamp = FileStamp::from(&before);
    let quiet = stamp == FileStamp::from(&file.metadata()?) && bytes.len() as u64 == before.size();
    if quiet { Ok((bytes, stamp)) } else { Err(ReadError::Changing) }
}

/// Without `O_NONBLOCK` a pipe in place of the file would hang here. A socket cannot be opened (`open(2)`, ENXIO).
fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn irregular(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("a directory"),
        () if kind.is_fifo() => Some("a pipe"),
        () => Some("a device"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        refusal_of(path, 16)
    }

    fn refusal_of(path: &Path, limit: u64) -> String {
        read(path, limit).unwrap_err().to_string()
    }

    #[test]
    fn a_regular_file_within_the_limit_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for text in ["", "x", "sixteen bytes!!!"] {
            std::fs::write(&path, text).unwrap();
            let (bytes, stamp) = read(&path, 16).unwrap();
            assert_eq!((bytes.as_slice(), Some(stamp)), (text.as_bytes(), FileStamp::from_path(&path)));
        }
        std::fs::write(&path, "seventeen bytes!!").unwrap();
        assert_eq!(refusal(&path), "is longer than 0 KiB");
    }

    #[test]
    fn more_bytes_than_the_stamp_says_are_no_whole_file() {
        // Of length 0, the system says, and of the same stamp before and after.
        let path = Path::new("/proc/version");
        assert_eq!(FileStamp::from_path(path).unwrap().size, 0);
        assert_eq!(refusal_of(path, MAX_LENGTH), "is being written to");
    }

    #[test]
    fn a_refusal_says_why() {
        let io = |kind: io::ErrorKind| ReadError::from(io::Error::from(kind));
        for (error, words) in [
            (io(io::ErrorKind::NotFound), "does not exist"),
            (io(io::ErrorKind::PermissionDenied), "may not be read by this user"),
            (io(io::ErrorKind::TimedOut), "cannot be read: timed out"),
            (ReadError::TooLong(MAX_LENGTH), "is longer than 1024 KiB"),
            (ReadError::Changing, "is being written to"),
        ] {
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn what_is_no_regular_file_is_refused_without_a_hang() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(refusal(&pipe), "is a pipe, not a file");
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        assert_eq!(refusal(&folder.path().join("socket")), "is a socket or an absent device, not a file");
        assert_eq!(refusal(folder.path()), "is a directory, not a file");
        assert_eq!(refusal(Path::new("/dev/zero")), "is a device, not a file");
        assert_eq!(refusal(&folder.path().join("none")), "does not exist");
        assert_eq!(FileStamp::from_path(&folder.path().join("none")), None);
    }
}
