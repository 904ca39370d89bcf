//! A stream for hyper that follows the client's frames: how long it takes for one, and how many it sends.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::frames::{FrameKind, Frames};
use crate::net::stream::Stream;

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
    /// Since when the client has taken nothing, although there is something to send.
    blocked_since: Option<Instant>,
    has_written: bool,
}

impl GuardedStream {
    /// Guards a stream whose `first` bytes, beginning with the preface, were read already.
    pub(super) fn new(stream: Stream, first: Bytes) -> Self {
        let since = Instant::now();
        let frames = Frames::new(since);
        Self(Rc::new(RefCell::new(GuardedState {
            stream,
            first,
            frames,
            since,
            has_requests: false,
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

    /// Returns true if anything was written since the last call.
    pub(super) fn take_has_written(&self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().has_written)
    }
}

impl GuardedState {
    fn record_write(
        &mut self,
        write: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = write(Pin::new(&mut self.stream));
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.frames.add_sent(bytes);
                self.blocked_since = None;
                self.has_written = true;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => _ = self.blocked_since.get_or_insert_with(Instant::now),
        }
        written
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.0.borrow_mut();
        let before = buf.filled().len();
        let read = if state.first.is_empty() {
            Pin::new(&mut state.stream).poll_read(cx, buf)
        } else {
            let first = state.first.split_to(state.first.remaining().min(buf.remaining()));
            buf.put_slice(&first);
            Poll::Ready(Ok(()))
        };
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

impl AsyncWrite for GuardedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().record_write(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().record_write(|stream| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_shutdown(cx)
    }
}
