//! A stream for hyper that measures how long the client takes for the heads of requests.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::HEAD_TIMEOUT;
use super::frames::Frames;
use super::stream::Stream;

/// A client's stream while hyper uses it. Clones share the stream.
// hyper's upgrades need `Send`. The stream never leaves its thread, so the lock is always free.
#[derive(Clone)]
pub(super) struct GuardedStream(Arc<Mutex<GuardedState>>);

struct GuardedState {
    stream: Stream,
    clock: GuardTimer,
    /// The last bytes read.
    tail: [u8; 3],
    /// True if the client does not read what was written.
    is_blocked: bool,
    is_cut: bool,
}

enum GuardTimer {
    /// HTTP/1.1, waiting for a head or for the rest of it.
    Head {
        since: Instant,
        is_begun: bool,
    },
    /// HTTP/1.1, during a request.
    Request(RequestEnd),
    Http2 {
        frames: Frames,
        since: Instant,
        has_requests: bool,
    },
}

/// How to recognize the end of a request by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestEnd {
    /// By an empty line: that of the head, of the chunks or of the trailers.
    EmptyLine,
    /// Not at all: it has a Content-Length.
    Unknown,
}

/// The result of a check of the timer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TimerCheck {
    /// Check again at this time.
    Wait(Instant),
    /// The client is too slow with a head, or has not begun one. [`GuardedStream::cut`] leads to a response.
    Cut,
    /// The client is too slow, and no response can be sent.
    Close,
}

impl GuardedStream {
    /// Guards a stream that begins with a whole head, or has ended.
    pub(super) fn new(stream: Stream, is_http2: bool) -> Self {
        let since = Instant::now();
        let clock = if is_http2 {
            GuardTimer::Http2 { frames: Frames::new(), since, has_requests: false }
        } else {
            GuardTimer::Head { since, is_begun: true }
        };
        Self(Arc::new(Mutex::new(GuardedState {
            stream,
            clock,
            tail: [0; 3],
            is_blocked: false,
            is_cut: false,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, GuardedState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the head of a request is complete.
    pub(super) fn begin_request(&self, ending: RequestEnd) {
        match &mut self.inner().clock {
            GuardTimer::Http2 { has_requests, .. } => *has_requests = true,
            clock => *clock = GuardTimer::Request(ending),
        }
    }

    /// Records that the response to a request was sent. The next request may have begun in the same bytes. After a body with
    /// a Content-Length this cannot be seen, so the time of the next head starts with its next bytes.
    pub(super) fn end_request(&self) {
        let mut inner = self.inner();
        if let GuardTimer::Request(ending) = inner.clock {
            let is_begun = ending == RequestEnd::EmptyLine && !inner.ends_with_empty_line();
            inner.clock = GuardTimer::Head { since: Instant::now(), is_begun };
        }
    }

    /// Checks the timer now.
    pub(super) fn check(&self) -> TimerCheck {
        let inner = self.inner();
        let now = Instant::now();
        let (since, late) = match &inner.clock {
            GuardTimer::Request(_) => (None, TimerCheck::Cut),
            GuardTimer::Head { since, .. } if inner.is_blocked => (Some(*since), TimerCheck::Close),
            GuardTimer::Head { since, .. } => (Some(*since), TimerCheck::Cut),
            GuardTimer::Http2 { since, has_requests: false, .. } => (Some(*since), TimerCheck::Close),
            GuardTimer::Http2 { frames, .. } => (frames.since(), TimerCheck::Close),
        };
        let until = since.unwrap_or(now) + HEAD_TIMEOUT;
        if until <= now { late } else { TimerCheck::Wait(until) }
    }

    /// Stops reading. hyper then ends the connection, with an error if it has a part of a head.
    pub(super) fn cut(&self) {
        self.inner().is_cut = true;
    }

    /// Returns the stream if this is its only clone.
    pub(super) fn into_stream(self) -> Option<Stream> {
        let inner = Arc::into_inner(self.0)?;
        Some(inner.into_inner().unwrap_or_else(PoisonError::into_inner).stream)
    }
}

impl GuardedState {
    fn has_read(&mut self, bytes: &[u8]) {
        let last = bytes.get(bytes.len().saturating_sub(self.tail.len())..).unwrap_or_default();
        self.tail.rotate_left(last.len());
        let rest = self.tail.len() - last.len();
        for (to, from) in self.tail.iter_mut().skip(rest).zip(last) {
            *to = *from;
        }
        match &mut self.clock {
            GuardTimer::Head { since, is_begun } if !*is_begun => {
                (*since, *is_begun) = (Instant::now(), true);
            }
            GuardTimer::Head { .. } | GuardTimer::Request(_) => {}
            GuardTimer::Http2 { frames, .. } => frames.read(bytes, Instant::now()),
        }
    }

    fn ends_with_empty_line(&self) -> bool {
        self.tail.ends_with(b"\n\n") || self.tail == *b"\n\r\n"
    }

    /// The time for the next head starts when the client has read the last response.
    fn has_written(&mut self, written: &Poll<io::Result<usize>>) {
        self.is_blocked = written.is_pending();
        if let (GuardTimer::Head { since, .. }, Poll::Ready(Ok(_))) = (&mut self.clock, written) {
            *since = Instant::now();
        }
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner();
        if inner.is_cut {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut inner.stream).poll_read(cx, buf);
        match buf.filled().get(before..) {
            None | Some([]) => {}
            Some(bytes) => inner.has_read(bytes),
        }
        read
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.inner();
        let written = Pin::new(&mut inner.stream).poll_write(cx, bytes);
        inner.has_written(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.inner();
        let written = Pin::new(&mut inner.stream).poll_write_vectored(cx, slices);
        inner.has_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner().stream).poll_shutdown(cx)
    }
}
