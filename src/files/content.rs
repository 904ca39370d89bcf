//! The content of a response with a file: bytes in memory, or a file that is open.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{Advice, fadvise};
use tokio::task::{JoinError, spawn_blocking};

use super::finder::Finder;
use super::reading::{ReadFault, check, read, read_in_memory};
use super::refusal::FileRefusal;
use super::version::FileVersion;
use super::warnings::{CANNOT_READ, SENT_IN_PART};
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
    /// That of the last look at it.
    pub(super) version: Cell<FileVersion>,
}

impl StoredFile {
    /// Returns the file. Opens it again if it was closed.
    async fn open(&self) -> Result<Arc<CountedFile>, ReadFault> {
        if let Some(file) = self.lent.get() {
            return Ok(file);
        }
        let opened = self.finder.reopen(&self.path, &self.version.get()).await;
        let file = opened.map_err(|refusal| {
            ReadFault::Failed(io::Error::other(format!(
                "it was closed because its descriptor was needed while the client took nothing, and {}",
                match refusal {
                    FileRefusal::Changed | FileRefusal::NotFound =>
                        "was changed, replaced or removed meanwhile",
                    _ => "cannot be opened again",
                }
            )))
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

    /// Reads the first `length` bytes that are sent of the file, as long as the response can still be another one.
    pub(super) async fn read_first(&mut self, length: u64) -> Result<(), FileRefusal> {
        let range = |(index, part): (usize, &Part)| match part {
            Part::Range(range) => Some((index, range.clone())),
            Part::Bytes(_) => None,
        };
        let Some((index, range)) = self.parts.iter().enumerate().find_map(range) else { return Ok(()) };
        let first = range.start..range.end.min(range.start.saturating_add(length));
        if first.is_empty() {
            return Ok(());
        }
        let rest = first.end..range.end;
        let bytes = self.try_read(first).await.map_err(|fault| match fault {
            ReadFault::Changed => FileRefusal::Changed,
            ReadFault::Failed(error) => {
                CANNOT_READ.log(&self.file.path, &error);
                FileRefusal::Internal
            }
        })?;
        if let Some(part) = self.parts.get_mut(index) {
            *part = Part::Range(rest);
        }
        self.parts.insert(index, Part::Bytes(bytes));
        Ok(())
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
        self.report(self.try_read(range).await)
    }

    /// Makes the system read a range into its memory, so that sending from it seldom waits for a disk: only the first and the
    /// last byte tell whether it is there. To ask for all of it takes as long as to send it.
    ///
    /// # Errors
    /// As those of [`StoredContent::read`].
    pub async fn load(&self, range: Range<u64>) -> io::Result<()> {
        self.report(self.try_load(range).await)
    }

    async fn try_read(&self, range: Range<u64>) -> Result<Bytes, ReadFault> {
        let file = self.file.open().await?;
        if let Some(bytes) = self.read_at_once(file.file(), &range) {
            return Ok(bytes);
        }
        let version = self.file.version.get();
        self.look_at(spawn_blocking(move || read(file.file(), &version, &range)).await)
    }

    async fn try_load(&self, range: Range<u64>) -> Result<(), ReadFault> {
        let file = self.file.open().await?;
        let last = range.end.saturating_sub(1)..range.end;
        let has = |part| self.read_at_once(file.file(), &part).is_some();
        if has(range.start..range.end.min(range.start.saturating_add(1))) && has(last.clone()) {
            return Ok(());
        }
        let version = self.file.version.get();
        let load = move || {
            let file = file.file();
            let length = std::num::NonZero::new(range.end.saturating_sub(range.start));
            // Only advice: if it fails, the next read waits.
            let _ = fadvise(file, range.start, length, Advice::WillNeed);
            read(file, &version, &last)
        };
        self.look_at(spawn_blocking(load).await).map(drop)
    }

    /// Reads a range without waiting, if the system has it in memory and the file has not changed.
    fn read_at_once(&self, file: &File, range: &Range<u64>) -> Option<Bytes> {
        let bytes = read_in_memory(file, range)?;
        self.file.version.set(check(file, &self.file.version.get()).ok()?);
        Some(bytes)
    }

    /// Takes over the version, which may be one with another number of links.
    fn look_at(
        &self,
        result: Result<Result<(Bytes, FileVersion), ReadFault>, JoinError>,
    ) -> Result<Bytes, ReadFault> {
        let (bytes, version) = result.map_err(|error| ReadFault::Failed(error.into()))??;
        self.file.version.set(version);
        Ok(bytes)
    }

    fn report<T>(&self, result: Result<T, ReadFault>) -> io::Result<T> {
        result.map_err(|fault| {
            let error = io::Error::from(fault);
            SENT_IN_PART.log(&self.file.path, &error);
            error
        })
    }
}
