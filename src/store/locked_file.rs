//! The config file as it was read, under its lock.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::read::{FileStamp, MAX_LENGTH, ReadError, open, read_open};
use super::{PAUSE, Reason};

/// A file that was read. It stays locked until this is dropped.
pub(super) struct LockedFile {
    file: File,
    metadata: Metadata,
    bytes: Vec<u8>,
}

impl LockedFile {
    /// Reads a locked file; `None` if it is being written.
    pub(super) fn read(file: File) -> Result<Option<Self>, Reason> {
        match read_open(&file, MAX_LENGTH) {
            Ok((bytes, metadata)) => Ok(Some(Self { file, metadata, bytes })),
            Err(ReadError::Changing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(super) fn text(&self) -> Result<&str, Reason> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let valid = self.bytes.iter().take(error.valid_up_to());
            Reason::NotUtf8(1 + valid.filter(|byte| **byte == b'\n').count())
        })
    }

    /// Returns true if the path names this file, and nothing has touched it since it was read.
    pub(super) fn is_untouched_at(&self, path: &Path) -> bool {
        link_stamp(path).is_ok_and(|stamp| stamp == self.stamp()) && self.has_same_bytes()
    }

    /// Returns true if the path names this file, with the content and attributes that were read. The file may have been
    /// renamed.
    pub(super) fn is_same_version_at(&self, path: &Path) -> bool {
        link_stamp(path).is_ok_and(|stamp| stamp.is_same_version(&self.stamp())) && self.has_same_bytes()
    }

    fn stamp(&self) -> FileStamp {
        FileStamp::from(&self.metadata)
    }

    fn has_same_bytes(&self) -> bool {
        let mut bytes = vec![0; self.bytes.len()];
        self.file.read_exact_at(&mut bytes, 0).is_ok() && bytes == self.bytes
    }
}

/// Returns the stamp of the file that a path names. A symbolic link is not followed.
pub(super) fn link_stamp(path: &Path) -> io::Result<FileStamp> {
    fs::symlink_metadata(path).map(|metadata| FileStamp::from(&metadata))
}

/// Opens and locks the file that the path names; `None` if there is no such file now. Waits up to `lock_timeout` for each
/// process that holds the lock.
///
/// An edit holds the locks of the old file and of the new one, so after a wait the path may name another file than the
/// locked one.
pub(super) fn lock(path: &Path, lock_timeout: Duration) -> Result<Option<File>, Reason> {
    let mut held = None;
    loop {
        let file = match open(path, OFlags::NOFOLLOW) {
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) if !names(path, &file) => return Ok(None),
            // Without locks (some network file systems) the comparison before the rename has to do.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {
                let holder = file.metadata().map_err(|error| Reason::Io("be read", error))?;
                let holder = FileStamp::from(&holder);
                let since =
                    held.filter(|(last, _)| *last == holder).map_or_else(Instant::now, |(_, since)| since);
                if since.elapsed() >= lock_timeout {
                    return Err(Reason::Locked(since.elapsed()));
                }
                held = Some((holder, since));
                thread::sleep(PAUSE);
            }
        }
    }
}

fn names(path: &Path, file: &File) -> bool {
    match (link_stamp(path), file.metadata()) {
        (Ok(named), Ok(opened)) => named.is_same_file(&FileStamp::from(&opened)),
        _ => false,
    }
}
