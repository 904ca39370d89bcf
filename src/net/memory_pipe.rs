//! A pipe in memory between the two tasks that translate a message of HTTP/2. They are mostly of one thread.
//!
//! Bytes are written only while the reader waits for some: nothing is produced for a client that takes nothing, and a reader
//! takes what was written without a copy. A reader that takes all that it may gets twice as much the next time.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is written for a reader that waits the first time, in bytes: the head and a small page.
const FIRST_SIZE: usize = 8 << 10;
/// The same for a reader that has taken a lot.
const MAX_SIZE: usize = 64 << 10;

/// Returns both ends of a pipe that carries bytes in both directions.
pub fn memory_pipe() -> (PipeEnd, PipeEnd) {
    let ((reader, their_writer), (their_reader, writer)) = (one_way(), one_way());
    (PipeEnd { reader, writer }, PipeEnd { reader: their_reader, writer: their_writer })
}

fn one_way() -> (PipeReader, PipeWriter) {
    let state = Arc::new(Mutex::new(PipeState {
        bytes: BytesMut::new(),
        size: FIRST_SIZE,
        is_wanted: true,
        is_closed: false,
        reader: None,
        writer: None,
    }));
    (PipeReader(Arc::clone(&state)), PipeWriter(state))
}

/// One end of a pipe. The other end notices when it is dropped.
#[derive(Debug)]
pub struct PipeEnd {
    reader: PipeReader,
    writer: PipeWriter,
}

impl PipeEnd {
    /// Ready when the other end waits for bytes, or is gone: how many can be written.
    pub fn poll_wanted(&self, cx: &Context<'_>) -> Poll<usize> {
        let state = &mut *lock(&self.writer.0);
        if state.is_closed || state.is_wanted && state.bytes.is_empty() {
            return Poll::Ready(state.size);
        }
        register(&mut state.writer, cx);
        Poll::Pending
    }

    /// The two directions of this end.
    pub fn into_split(self) -> (PipeReader, PipeWriter) {
        (self.reader, self.writer)
    }
}

/// Reads from one direction of a pipe.
#[derive(Debug)]
pub struct PipeReader(Arc<Mutex<PipeState>>);

/// Writes to one direction of a pipe. Dropping it, or shutting it down, ends what the reader gets.
#[derive(Debug)]
pub struct PipeWriter(Arc<Mutex<PipeState>>);

#[derive(Debug)]
struct PipeState {
    bytes: BytesMut,
    /// How many bytes there may be.
    size: usize,
    /// True if the reader has waited for the bytes that come now.
    is_wanted: bool,
    /// True once one of the two ends is gone.
    is_closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

fn lock(state: &Mutex<PipeState>) -> MutexGuard<'_, PipeState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PipeState {
    fn close(&mut self) {
        self.is_closed = true;
        wake(&mut self.reader);
        wake(&mut self.writer);
    }

    /// Ready when there are bytes to read; false at the end.
    fn poll_readable(&mut self, cx: &Context<'_>) -> Poll<bool> {
        if !self.bytes.is_empty() {
            return Poll::Ready(true);
        }
        if self.is_closed {
            return Poll::Ready(false);
        }
        self.is_wanted = true;
        register(&mut self.reader, cx);
        wake(&mut self.writer);
        Poll::Pending
    }

    /// Records that the reader takes what there is.
    fn begin_read(&mut self) {
        if std::mem::take(&mut self.is_wanted) && self.bytes.len() >= self.size {
            self.size = (2 * self.size).min(MAX_SIZE);
        }
    }
}

fn register(waker: &mut Option<Waker>, cx: &Context<'_>) {
    if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *waker = Some(cx.waker().clone());
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl PipeReader {
    /// Takes all that was written, at least one byte; none at the end.
    pub fn poll_take(&mut self, cx: &Context<'_>) -> Poll<BytesMut> {
        let state = &mut *lock(&self.0);
        if ready!(state.poll_readable(cx)) {
            state.begin_read();
        }
        Poll::Ready(std::mem::take(&mut state.bytes))
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        lock(&self.0).close();
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        lock(&self.0).close();
    }
}

impl AsyncRead for PipeEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let state = &mut *lock(&self.reader.0);
        if ready!(state.poll_readable(cx)) {
            state.begin_read();
            let taken = state.bytes.len().min(buf.remaining());
            buf.put_slice(state.bytes.get(..taken).unwrap_or_default());
            state.bytes.advance(taken);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let state = &mut *lock(&self.0);
        if state.is_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let space = if state.is_wanted { state.size.saturating_sub(state.bytes.len()) } else { 0 };
        if space == 0 && !bytes.is_empty() {
            register(&mut state.writer, cx);
            return Poll::Pending;
        }
        let written = bytes.len().min(space);
        state.bytes.extend_from_slice(bytes.get(..written).unwrap_or_default());
        wake(&mut state.reader);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).close();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Writes as much as is taken now.
    fn write(to: &mut (impl AsyncWrite + Unpin)) -> usize {
        let bytes = vec![b'x'; 1 << 20];
        to.write(&bytes).now_or_never().map_or(0, Result::unwrap)
    }

    async fn take(from: &mut PipeReader) -> usize {
        poll_fn(|cx| from.poll_take(cx)).await.len()
    }

    #[tokio::test]
    async fn nothing_is_written_until_the_reader_waits_and_then_twice_as_much() {
        let (mut from, mut to) = one_way();
        let mut expected = FIRST_SIZE;
        for _ in 0..6 {
            assert_eq!((write(&mut to), write(&mut to)), (expected, 0));
            assert_eq!(take(&mut from).await, expected);
            assert_eq!(write(&mut to), 0, "nobody has asked");
            assert!(take(&mut from).now_or_never().is_none());
            expected = (2 * expected).min(MAX_SIZE);
        }
    }

    #[tokio::test]
    async fn a_reader_that_takes_little_gets_no_more_the_next_time() {
        let (mut from, mut to) = one_way();
        for _ in 0..3 {
            to.write_all(b"some").await.unwrap();
            assert_eq!(take(&mut from).await, 4);
            assert!(take(&mut from).now_or_never().is_none());
        }
        assert_eq!(write(&mut to), FIRST_SIZE);
    }

    #[tokio::test]
    async fn a_writer_sees_when_the_reader_waits_and_how_much_it_takes() {
        let (mut one, mut other) = memory_pipe();
        let wanted = |pipe: &PipeEnd| poll_fn(|cx| pipe.poll_wanted(cx)).now_or_never();
        assert_eq!(wanted(&one), Some(FIRST_SIZE));
        one.write_all(b"some").await.unwrap();
        assert_eq!(wanted(&one), None, "it has not been taken");
        other.read_exact(&mut [0; 4]).await.unwrap();
        assert_eq!(wanted(&one), None, "nobody has asked for more");
        assert!(other.read(&mut [0]).now_or_never().is_none());
        assert_eq!(write(&mut one), FIRST_SIZE);
        other.read_exact(&mut [0; FIRST_SIZE]).await.unwrap();
        assert!(other.read(&mut [0]).now_or_never().is_none());
        assert_eq!(wanted(&one), Some(2 * FIRST_SIZE));
        drop(other);
        assert!(wanted(&one).is_some(), "a write shows the end");
    }

    #[tokio::test]
    async fn each_end_notices_that_the_other_is_gone() {
        let (mut from, mut to) = one_way();
        to.write_all(b"last").await.unwrap();
        drop(to);
        assert_eq!((take(&mut from).await, take(&mut from).await), (4, 0));
        let (from, mut to) = one_way();
        drop(from);
        assert_eq!(to.write(b"lost").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn everything_arrives_in_both_directions() {
        let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        let (mut one, mut other) = memory_pipe();
        let mut arrived = Vec::new();
        let write = async {
            one.write_all(&sent).await.unwrap();
            one.shutdown().await.unwrap();
        };
        let (read, ()) = tokio::join!(other.read_to_end(&mut arrived), write);
        assert_eq!((read.unwrap(), &arrived), (sent.len(), &sent));
        other.write_all(b"back").await.unwrap();
        drop(other);
        let mut back = Vec::new();
        one.read_to_end(&mut back).await.unwrap();
        assert_eq!(back, b"back");
    }
}
