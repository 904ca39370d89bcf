//! The bytes of a file, read in chunks on blocking threads.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use tokio::task::{JoinHandle, spawn_blocking};

/// The bytes read at once: enough that the trip to a blocking thread does not matter.
const CHUNK: usize = 128 * 1024;

/// The kind of error for a file that another program is writing.
pub(super) const CHANGED: io::ErrorKind = io::ErrorKind::ResourceBusy;

/// A range of a file that is still to be read, and the length and time that the file must keep.
#[derive(Debug)]
pub(super) struct FileContent {
    file: File,
    len: u64,
    modified: Option<SystemTime>,
    rest: Range<u64>,
}

/// A chunk that is being read, and the content after it.
type NextChunk = JoinHandle<io::Result<(Bytes, FileContent)>>;

impl FileContent {
    /// Creates the content of a `range` of a file with this metadata. The range must be within its length.
    pub(super) fn new(file: File, metadata: &Metadata, range: Range<u64>) -> Self {
        Self { file, len: metadata.len(), modified: metadata.modified().ok(), rest: range }
    }

    /// Returns true if nothing is left to read.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads the next chunk, blocking. Fails if the file has shrunk or was rewritten with the same length, so that two
    /// versions are never mixed.
    pub(super) fn read(&mut self) -> io::Result<Bytes> {
        let left = self.rest.end.saturating_sub(self.rest.start);
        let wanted = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        let mut chunk = vec![0; wanted];
        let read = self.file.read_exact_at(&mut chunk, self.rest.start);
        self.check().and(read)?;
        self.rest.start += chunk.len() as u64;
        Ok(chunk.into())
    }

    /// Fails if the file has shrunk or was rewritten. A file that has grown passes: it is probably a log, and the range is
    /// still there. The time of the last status change does not count, since a rename over the file changes it.
    fn check(&self) -> io::Result<()> {
        // A write sets the time before the length: what looks rewritten may be about to grow.
        for patience in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(10)] {
            std::thread::sleep(patience);
            let metadata = self.file.metadata()?;
            let unchanged = metadata.len() == self.len && metadata.modified().ok() == self.modified;
            if metadata.len() > self.len || unchanged {
                return Ok(());
            }
        }
        Err(io::Error::new(CHANGED, "the file shrank or was rewritten in place"))
    }

    /// Streams `first` and then the rest, reading one chunk ahead. If the rest cannot be read, the stream ends in an error.
    pub(super) fn stream_after(self, first: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
        let rest = stream::try_unfold(self.read_ahead(), |ahead| async move {
            let Some(ahead) = ahead else { return Ok(None) };
            let (chunk, content) = ahead.await??;
            Ok(Some((chunk, content.read_ahead())))
        });
        stream::once(ready(Ok(first))).chain(rest).inspect_err(|error| {
            tracing::warn!(target: "downtime::files", %error, "a file was sent only in part");
        })
    }

    fn read_ahead(mut self) -> Option<NextChunk> {
        if self.is_empty() {
            return None;
        }
        Some(spawn_blocking(move || self.read().map(|chunk| (chunk, self))))
    }
}
