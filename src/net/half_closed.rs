//! A client that has stopped sending: it may be waiting for its response, or have left.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite as _;
use tokio::time::{Instant, Sleep, sleep};

use super::stream::Stream;

/// How long such a client may get nothing before the gateway finds out if it has left.
const PROBE_AFTER: Duration = Duration::from_millis(500);
/// How often the connection is checked after that.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Finds out if a client that has stopped sending has left. The end of its data looks the same in both cases. But the system
/// of a client that has left resets the connection when something is sent to it.
#[derive(Debug)]
pub(super) struct HalfClosed {
    timer: Pin<Box<Sleep>>,
    is_probed: bool,
    /// True if that was so late after its request that it is not meant as the end of that.
    is_late: bool,
    /// True if it has sent more than is read during its request, so that an end of that would not show.
    pub(super) is_assumed: bool,
}

impl HalfClosed {
    /// The client has stopped sending.
    pub(super) fn new(is_late: bool) -> Self {
        let timer = Box::pin(sleep(PROBE_AFTER));
        Self { timer, is_probed: false, is_late, is_assumed: false }
    }

    /// The client may have stopped sending behind what is not read during its request.
    pub(super) fn assumed() -> Self {
        Self { is_assumed: true, ..Self::new(false) }
    }

    /// A further request of the client begins, which it has sent before it stopped.
    pub(super) fn begin_request(&mut self) {
        self.is_late = false;
        self.restart();
    }

    /// Records that something was sent to the client.
    pub(super) fn restart(&mut self) {
        self.is_probed = false;
        self.timer.as_mut().reset(Instant::now() + PROBE_AFTER);
    }

    /// Ready when the client has left. `probe` is sent if nothing else is. If it is empty, nothing can be sent: a client that stopped
    /// late is taken to have left, and of another one, what is sent next of the response will tell.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>, stream: &mut Stream, probe: &[u8]) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if stream.has_failed() || probe.is_empty() && self.is_late {
                return Poll::Ready(());
            }
            if !self.is_probed && !probe.is_empty() {
                match Pin::new(&mut *stream).poll_write(cx, probe) {
                    Poll::Ready(Ok(length)) if length == probe.len() => self.is_probed = true,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            self.timer.as_mut().reset(Instant::now() + CHECK_INTERVAL);
        }
    }
}
