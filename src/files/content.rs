//! The bytes of a file, read in chunks: on blocking threads, or at once if the system has them in memory.

use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::task::{spawn_blocking, yield_now};

/// The bytes that are read at once. A slow reader holds as many; a fast one is served as fast as with more.
const CHUNK: usize = 32 << 10;

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
        let mut chunk = self.allocate();
        let read = self.file.read_exact_at(&mut chunk, self.rest.start);
        self.check().and(read)?;
        self.rest.start += chunk.len() as u64;
        Ok(chunk.into())
    }

    /// Reads the next chunk without blocking, if the system has it in memory and the file has not changed.
    fn read_cached(&mut self) -> Option<Bytes> {
        let mut chunk = self.allocate();
        let into = &mut [IoSliceMut::new(&mut chunk)];
        let read = preadv2(&self.file, into, self.rest.start, ReadWriteFlags::NOWAIT).ok()?;
        if read < chunk.len() || !self.is_as_before().ok()? {
            return None;
        }
        self.rest.start += chunk.len() as u64;
        Some(chunk.into())
    }

    /// Returns space for the next bytes, at most as many as are left.
    fn allocate(&self) -> Vec<u8> {
        let left = self.rest.end.saturating_sub(self.rest.start);
        vec![0; usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK))]
    }

    /// Returns false if the file has shrunk or was rewritten.
    fn is_as_before(&self) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        let is_unchanged = metadata.len() == self.len && metadata.modified().ok() == self.modified;
        Ok(metadata.len() > self.len || is_unchanged)
    }

    /// Fails if the file has shrunk or was rewritten. A file that has grown passes: it is probably a log, and the range is
    /// still there. The time of the last status change does not count, since a rename over the file changes it.
    fn check(&self) -> io::Result<()> {
        // A write sets the time before the length: what looks rewritten may be about to grow.
        for patience in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(10)] {
            std::thread::sleep(patience);
            if self.is_as_before()? {
                return Ok(());
            }
        }
        Err(io::Error::new(CHANGED, "the file shrank or was rewritten in place"))
    }

    /// Streams `first` and then the rest, which is read when it is wanted: the system reads ahead. If the rest cannot be read,
    /// the stream ends in an error.
    pub(super) fn stream_after(self, first: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
        let rest = stream::try_unfold(self, |mut content| async move {
            if content.is_empty() {
                return Ok(None);
            }
            if let Some(chunk) = content.read_cached() {
                // A fast client never makes the thread wait. Let its other connections run.
                yield_now().await;
                return Ok(Some((chunk, content)));
            }
            let read = spawn_blocking(move || content.read().map(|chunk| (chunk, content)));
            read.await?.map(Some)
        });
        stream::once(ready(Ok(first))).chain(rest).inspect_err(|error| {
            tracing::warn!(target: "downtime::files", %error, "a file was sent only in part");
        })
    }
}
