//! The file as it was read, under its lock.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::{PAUSE, Reason};
use crate::store::read::MAX_LENGTH;

/// A file that was read, and is locked until this is dropped.
pub(super) struct LockedFile {
    file: File,
    metadata: Metadata,
    bytes: Vec<u8>,
}

impl LockedFile {
    /// Reads a file that is locked; none if it is being written.
    pub(super) fn read(file: File) -> Result<Option<Self>, Reason> {
        let unreadable = |error| Reason::Io("be read", error);
        let metadata = file.metadata().map_err(unreadable)?;
        let mut bytes = Vec::new();
        (&file).take(MAX_LENGTH + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let after = file.metadata().map_err(unreadable)?;
        let quiet = same_version(&metadata, &after) && changed(&metadata) == changed(&after);
        Ok(quiet.then_some(Self { file, metadata, bytes }))
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(super) fn text(&self) -> Result<&str, Reason> {
        within_limit(self.bytes.len())?;
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let valid = self.bytes.iter().take(error.valid_up_to());
            Reason::NotUtf8(1 + valid.filter(|byte| **byte == b'\n').count())
        })
    }

    /// Whether the path names this file, untouched since it was read.
    pub(super) fn stands_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|now| changed(&now) == changed(&self.metadata))
            && self.is_at(path)
    }

    /// Whether the path names this file, its content and attributes as they were read.
    ///
    /// The time of the last status change does not count here: a rename sets it.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|now| same_version(&now, &self.metadata))
            && self.has_same_bytes()
    }

    fn has_same_bytes(&self) -> bool {
        let mut bytes = vec![0; self.bytes.len()];
        self.file.read_exact_at(&mut bytes, 0).is_ok() && bytes == self.bytes
    }
}

pub(super) fn within_limit(length: usize) -> Result<(), Reason> {
    if u64::try_from(length).is_ok_and(|length| length <= MAX_LENGTH) {
        Ok(())
    } else {
        Err(Reason::TooLarge)
    }
}

/// The device and inode: which file it is, whatever its name.
pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether it is the same file, with the content and attributes that it had, as far as they show.
pub(super) fn same_version(a: &Metadata, b: &Metadata) -> bool {
    let version = |m: &Metadata| (m.size(), m.mtime(), m.mtime_nsec(), m.mode(), m.uid(), m.gid());
    identity(a) == identity(b) && version(a) == version(b)
}

fn changed(metadata: &Metadata) -> (i64, i64) {
    (metadata.ctime(), metadata.ctime_nsec())
}

/// Opens and locks the file that the path names, waiting so long for each that holds the lock; none if there is no
/// such file at the moment.
///
/// Whoever replaces the file holds the lock of the old one and of the new one, so after a wait the lock may turn out
/// to be that of a file which the path no longer names.
pub(super) fn lock(path: &Path, patience: Duration) -> Result<Option<File>, Reason> {
    let mut held = None;
    loop {
        let Some(file) = open(path)? else { return Ok(None) };
        match file.try_lock() {
            Ok(()) if !names(path, &file) => return Ok(None),
            // Where there are no locks (some network file systems), the comparison before the rename has to do.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {
                let metadata = file.metadata().map_err(|error| Reason::Io("be read", error))?;
                let holder = (identity(&metadata), changed(&metadata));
                let since =
                    held.filter(|(last, _)| *last == holder).map_or_else(Instant::now, |(_, since)| since);
                if since.elapsed() >= patience {
                    return Err(Reason::Locked(since.elapsed()));
                }
                held = Some((holder, since));
                thread::sleep(PAUSE);
            }
        }
    }
}

fn open(path: &Path) -> Result<Option<File>, Reason> {
    // A pipe would keep a blocking open waiting for its writer.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW).bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(Reason::Unreadable),
        Err(error) => return Err(Reason::Io("be opened", error)),
    };
    match file.metadata().map_err(|error| Reason::Io("be read", error))?.file_type() {
        kind if kind.is_file() => Ok(Some(file)),
        kind if kind.is_dir() => Err(Reason::Directory),
        _ => Err(Reason::NotAFile),
    }
}

fn names(path: &Path, file: &File) -> bool {
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(named), Ok(opened)) => identity(&named) == identity(&opened),
        _ => false,
    }
}
