//! A stream for hyper that follows the client's frames, how long it takes for one and how many it sends, and that sends those
//! of the gateway together.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::frames::{FrameKind, Frames};
use super::sent_frames::SentFrames;
use crate::net::peer::Peer;
use crate::net::stream::Stream;

/// How much is sent at once, in bytes: two records of TLS. hyper writes each DATA frame by itself, and a system call for each of
/// many small responses would cost more than all else.
const MAX_BATCH: usize = 32 << 10;

/// A client's stream while hyper serves HTTP/2 on it. Clones share the stream.
#[derive(Clone)]
pub(super) struct GuardedStream(Rc<RefCell<GuardedState>>);

struct GuardedState {
    stream: Stream,
    /// The bytes to read before those of the stream.
    first: Bytes,
    frames: Frames,
    since: Instant,
    has_requests: bool,
    /// What hyper has written.
    batch: Vec<u8>,
    written: SentFrames,
    /// How much of the batch was sent.
    sent: usize,
    /// Since when the client has taken nothing, although there is something to send.
    blocked_since: Option<Instant>,
    has_written: bool,
}

impl GuardedStream {
    /// Guards a stream whose `first` bytes, beginning with the preface, were read already. They may already be a
    /// [flood](Self::flood).
    pub(super) fn new(stream: Stream, first: Bytes, peer: Rc<Peer>) -> Self {
        let since = Instant::now();
        let mut frames = Frames::new(since);
        frames.read(&first, since);
        Self(Rc::new(RefCell::new(GuardedState {
            stream,
            first,
            frames,
            since,
            has_requests: false,
            batch: Vec::new(),
            written: SentFrames::new(peer),
            sent: 0,
            blocked_since: None,
            has_written: false,
        })))
    }

    /// Records that the head of a request is complete.
    pub(super) fn record_request(&self) {
        self.0.borrow_mut().has_requests = true;
    }

    /// The type of a frame of which the client has sent too many. Nothing more is read then.
    pub(super) fn flood(&self) -> Option<FrameKind> {
        self.0.borrow().frames.flood()
    }

    /// Returns true if the head of a request was complete.
    pub(super) fn has_requests(&self) -> bool {
        self.0.borrow().has_requests
    }

    /// Since when the client has been busy with a frame, a head, or its first request.
    pub(super) fn receiving_since(&self) -> Option<Instant> {
        let state = self.0.borrow();
        if state.has_requests { state.frames.since() } else { Some(state.since) }
    }

    /// Since when the client has taken nothing, although there is something to send.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.0.borrow().blocked_since
    }

    /// Sends what hyper has written. Ready when the client has taken all of it.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_send(cx)
    }

    /// Returns how many heads hyper has refused since the last call.
    pub(super) fn take_refused(&self) -> usize {
        self.0.borrow_mut().written.take_refused()
    }

    /// Returns true if anything was sent since the last call.
    pub(super) fn take_has_written(&self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().has_written)
    }
}

impl GuardedState {
    /// Sends the batch. Ready when the client has taken all of it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.batch.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let sent = self.poll_send_batch(cx);
        match sent {
            // An idle connection needs no memory for it.
            Poll::Ready(Ok(())) => (self.batch, self.sent) = (Vec::new(), 0),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => _ = self.blocked_since.get_or_insert_with(Instant::now),
        }
        sent
    }

    fn poll_send_batch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.batch.get(self.sent..) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            self.sent += sent;
            self.frames.add_sent(sent);
            self.blocked_since = None;
            self.has_written = true;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.0.borrow_mut();
        if !state.first.is_empty() {
            let first = state.first.split_to(state.first.remaining().min(buf.remaining()));
            buf.put_slice(&first);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut state.stream).poll_read(cx, buf);
        match buf.filled().get(before..) {
            None | Some([]) => {}
            Some(bytes) => state.frames.read(bytes, Instant::now()),
        }
        match state.frames.flood() {
            None => read,
            Some(kind) => Poll::Ready(Err(io::Error::other(format!("too many {kind} frames")))),
        }
    }
}

/// Writes to the batch. Only a full one is sent; [`GuardedStream::poll_send`] sends the rest.
impl AsyncWrite for GuardedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let state = &mut *self.0.borrow_mut();
        if state.batch.len() >= MAX_BATCH {
            ready!(state.poll_send(cx))?;
        }
        let before = state.batch.len();
        state.batch.reserve(MAX_BATCH - before);
        for slice in slices {
            let space = MAX_BATCH - state.batch.len();
            state.batch.extend_from_slice(slice.get(..space).unwrap_or(slice));
        }
        let written = state.batch.get(before..).unwrap_or_default();
        state.frames.add_sent_parts(state.written.read(written));
        Poll::Ready(Ok(written.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: hyper flushes after each DATA frame.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.0.borrow_mut();
        ready!(state.poll_send(cx))?;
        Pin::new(&mut state.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;

    use super::*;

    fn guarded() -> (GuardedStream, UnixStream) {
        let (ours, client) = UnixStream::pair().unwrap();
        (GuardedStream::new(ours.into(), Bytes::new(), Rc::new(Peer::new(None))), client)
    }

    async fn send(stream: &GuardedStream) -> io::Result<()> {
        poll_fn(|cx| stream.poll_send(cx)).await
    }

    #[tokio::test]
    async fn what_is_written_is_sent_together() {
        let (mut stream, client) = guarded();
        for frame in [&b"HEADERS "[..], b"DATA "] {
            stream.write_all(frame).await.unwrap();
            stream.flush().await.unwrap();
        }
        let mut got = [0; 100];
        assert_eq!(client.try_read(&mut got).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(!stream.take_has_written());
        send(&stream).await.unwrap();
        client.readable().await.unwrap();
        let length = client.try_read(&mut got).unwrap();
        assert_eq!(&got[..length], b"HEADERS DATA ");
        assert!(stream.take_has_written());
        assert_eq!(stream.0.borrow().batch.capacity(), 0, "an idle connection takes no memory");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_holds_back_what_is_written() {
        let (mut stream, mut client) = guarded();
        let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut written = 0;
        while let Some(more) = stream.write(&sent[written..]).now_or_never() {
            written += more.unwrap();
        }
        assert!(written < sent.len() && stream.0.borrow().batch.capacity() == MAX_BATCH);
        assert!(stream.blocked_since().is_some());
        let rest = async {
            stream.write_all(&sent[written..]).await.unwrap();
            assert!(stream.blocked_since().is_none());
            stream.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let (read, ()) = tokio::join!(client.read_to_end(&mut got), rest);
        assert_eq!((read.unwrap(), got), (sent.len(), sent));
    }
}
