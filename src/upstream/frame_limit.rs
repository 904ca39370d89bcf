//! How many heads an upstream may send over HTTP/2.
//!
//! hyper discards interim responses without telling anyone. An upstream that sends them without end, or SETTINGS, would keep a
//! core busy until the request ends.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tracing::warn;

use super::exchange::MAX_INTERIM;
use crate::log_interval::LogInterval;
use crate::net::frame_finder::{FrameFinder, FrameKind};
use crate::net::stream::Stream;

/// How many frames each request allows: interim responses, a final one, and trailers.
const PER_REQUEST: usize = MAX_INTERIM + 2;
/// How many are allowed at the start, and at most.
const MAX: usize = 100 * PER_REQUEST;

/// How many HEADERS and SETTINGS frames an upstream may still send on a connection. Clones share it.
#[derive(Clone)]
pub(super) struct FrameAllowance(Arc<AtomicUsize>);

impl Default for FrameAllowance {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(MAX)))
    }
}

impl FrameAllowance {
    /// Allows the frames of one more request.
    pub(super) fn add_request(&self) {
        let more = |left: usize| Some((left + PER_REQUEST).min(MAX));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Counts a frame. Returns false if it is one too many.
    fn take(&self) -> bool {
        let fewer = |left: usize| left.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
    }
}

/// What an upstream has said of a connection.
#[derive(Clone, Copy, Default)]
pub(super) struct Announced {
    /// True once a GOAWAY came.
    pub(super) goes_away: bool,
    /// True once SETTINGS came. They may change later.
    pub(super) has_settings: bool,
}

/// The stream of an upstream, which fails after one frame too many, and tells what the upstream says of the connection.
pub(super) struct LimitedStream {
    stream: Stream,
    finder: FrameFinder,
    allowance: FrameAllowance,
    announced: watch::Sender<Announced>,
    /// True while SETTINGS may not have come as a whole.
    is_in_settings: bool,
    /// True once anything came.
    has_begun: bool,
}

impl LimitedStream {
    /// Changes `announced` when a GOAWAY or SETTINGS come.
    pub(super) fn new(
        stream: Stream,
        allowance: FrameAllowance,
        announced: watch::Sender<Announced>,
    ) -> Self {
        let finder = FrameFinder::of_headers(0);
        Self { stream, finder, allowance, announced, is_in_settings: false, has_begun: false }
    }

    /// Counts the frames in what was received.
    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        static WARNED: LogInterval = LogInterval::new();
        let is_first = !self.has_begun;
        self.has_begun |= !bytes.is_empty();
        // As a frame, that would be longer than any that is allowed.
        if is_first && bytes.starts_with(b"HTTP/1.") {
            return Err(io::Error::other("it answered in HTTP/1: write `http://` instead of `h2c://`"));
        }
        let Self { finder, allowance, announced, is_in_settings, .. } = self;
        let mut is_allowed = true;
        finder.find(bytes, |frame| match frame.kind {
            FrameKind::Headers => is_allowed &= allowance.take(),
            FrameKind::Settings => {
                is_allowed &= allowance.take();
                *is_in_settings = true;
            }
            FrameKind::GoAway => announced.send_modify(|announced| announced.goes_away = true),
            _ => {}
        });
        if *is_in_settings && !bytes.is_empty() {
            *is_in_settings = !finder.is_between_frames();
            announced.send_modify(|announced| announced.has_settings = true);
        }
        if is_allowed {
            return Ok(());
        }
        let why = "the upstream sent too many interim responses (1xx) or SETTINGS";
        if WARNED.is_due() {
            warn!("a connection of HTTP/2 was closed: {why}; more are not logged for a minute");
        }
        Err(io::Error::other(why))
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.count(buf.filled().get(before..).unwrap_or_default())?;
        read
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
