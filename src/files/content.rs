//! The content of a response with a file: bytes in memory, or a file that is open.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::task::spawn_blocking;

use super::fault::{CANNOT_READ, SENT_IN_PART};
use super::finder::Finder;
use super::open::{Failure, OpenFile, Waiting};
use super::refusal::FileRefusal;
use super::version::FileVersion;
use crate::descriptors::{CountedFile, LentFile};

/// What is sent of a file.
#[derive(Debug)]
pub enum FileContent {
    /// All of it.
    Memory(Bytes),
    /// Parts that are to be read.
    Stored(StoredContent),
}

/// The parts of a file, and what is sent between them.
#[derive(Debug)]
pub struct StoredContent {
    file: StoredFile,
    parts: VecDeque<Part>,
}

/// A file that is open, or was closed while its client was waited for.
#[derive(Debug)]
pub(super) struct StoredFile {
    pub(super) finder: Arc<Finder>,
    pub(super) lent: LentFile,
    /// Below the root.
    pub(super) path: PathBuf,
    pub(super) version: FileVersion,
}

impl StoredFile {
    /// Returns the file. Opens it again if it was closed.
    async fn open(&self) -> io::Result<Arc<CountedFile>> {
        if let Some(file) = self.lent.get() {
            return Ok(file);
        }
        let opened = self.finder.reopen(&self.path, &self.version).await;
        let file = opened.map_err(|refusal| {
            io::Error::other(format!(
                "it was closed because its descriptor was needed while the client took nothing, and {}",
                match refusal {
                    FileRefusal::Changed | FileRefusal::NotFound => "was changed or replaced meanwhile",
                    _ => "cannot be opened again",
                }
            ))
        })?;
        Ok(self.lent.replace(file))
    }
}

/// A part of the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes that are sent as they are.
    Bytes(Bytes),
    /// A range of the file.
    Range(Range<u64>),
}

impl StoredContent {
    /// The parts must lie within the length of the file's version.
    pub(super) fn new(file: StoredFile, parts: impl IntoIterator<Item = Part>) -> Self {
        Self { file, parts: parts.into_iter().collect() }
    }

    /// Takes the next part.
    pub fn next_part(&mut self) -> Option<Part> {
        self.parts.pop_front()
    }

    /// The file, for system calls that send from it. Before such a call, [`StoredContent::load`] the range. Set it aside while the
    /// client is waited for.
    pub fn file(&self) -> &LentFile {
        &self.file.lent
    }

    /// Reads a range into memory, on a blocking thread unless the system has it there.
    ///
    /// # Errors
    /// It cannot be read, or somebody has written to the file, which is then a mix of two versions; or it was closed and is not
    /// the same any more. All of them are logged.
    pub async fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let (file, version) = (self.report(self.file.open().await)?, self.file.version);
        if let Some(bytes) = read_at_once(file.file(), &version, &range) {
            return Ok(bytes);
        }
        self.report(spawn_blocking(move || read(file.file(), &version, &range)).await?)
    }

    /// Makes the system read a range into its memory, so that sending from it does not wait for a disk.
    ///
    /// # Errors
    /// As those of [`StoredContent::read`].
    pub async fn load(&self, range: Range<u64>) -> io::Result<()> {
        let (file, version) = (self.report(self.file.open().await)?, self.file.version);
        let last = range.end.saturating_sub(1)..range.end;
        let has = |part| read_at_once(file.file(), &version, &part).is_some();
        if has(range.start..range.end.min(range.start.saturating_add(1))) && has(last.clone()) {
            return Ok(());
        }
        let load = move || {
            let file = file.file();
            let length = std::num::NonZero::new(range.end.saturating_sub(range.start));
            // Only advice: if it fails, the next read waits.
            let _ = fadvise(file, range.start, length, Advice::WillNeed);
            read(file, &version, &last).map(drop)
        };
        self.report(spawn_blocking(load).await?)
    }

    fn report<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| SENT_IN_PART.log(&self.file.path, error))
    }
}

/// Reads a whole file, of exactly this version. The path is for the log.
pub(super) fn read_whole(opened: &OpenFile, path: &Path, waiting: Waiting) -> Result<Bytes, Failure> {
    let OpenFile { file, version } = opened;
    let whole = 0..version.length();
    let read = match read_in_memory(file, &whole) {
        Some(bytes) => Ok(bytes),
        None if waiting == Waiting::Never => return Err(Failure::WouldWait),
        None => read_waiting(file, &whole),
    };
    let current = file.metadata().map(|metadata| FileVersion::new(&metadata));
    if current.as_ref().is_ok_and(|current| current != version) {
        return Err(FileRefusal::Changed.into());
    }
    current.and(read).map_err(|error| {
        CANNOT_READ.log(path, &error);
        FileRefusal::Internal.into()
    })
}

/// Reads a range without waiting, if the system has it in memory and the file has not changed.
fn read_at_once(file: &File, version: &FileVersion, range: &Range<u64>) -> Option<Bytes> {
    let bytes = read_in_memory(file, range)?;
    is_as_before(file, version).ok()?.then_some(bytes)
}

/// Reads a range without waiting, if the system has it in memory.
fn read_in_memory(file: &File, range: &Range<u64>) -> Option<Bytes> {
    let mut bytes = allocate(range);
    let into = &mut [IoSliceMut::new(&mut bytes)];
    let length = preadv2(file, into, range.start, ReadWriteFlags::NOWAIT).ok()?;
    (length == bytes.len()).then(|| bytes.into())
}

fn read_waiting(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    let mut bytes = allocate(range);
    file.read_exact_at(&mut bytes, range.start).map(|()| bytes.into())
}

fn read(file: &File, version: &FileVersion, range: &Range<u64>) -> io::Result<Bytes> {
    let read = read_waiting(file, range);
    check(file, version).and(read)
}

fn allocate(range: &Range<u64>) -> Vec<u8> {
    vec![0; usize::try_from(range.end.saturating_sub(range.start)).unwrap_or_default()]
}

/// Returns false if somebody has written to the file.
fn is_as_before(file: &File, version: &FileVersion) -> io::Result<bool> {
    Ok(version.has_content_of(&FileVersion::new(&file.metadata()?)))
}

/// Fails if somebody has written to the file.
fn check(file: &File, version: &FileVersion) -> io::Result<()> {
    if is_as_before(file, version)? {
        return Ok(());
    }
    Err(io::Error::other("another program has written to the file"))
}
