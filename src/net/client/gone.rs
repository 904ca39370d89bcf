//! Notice of a client that has left.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::ClientConnection;
use crate::http1::encode::CONTINUE;
use crate::net::deadline::Deadline;
use crate::net::half_closed::HalfClosed;

/// How long a client that was just accepted is not watched, in case it leaves, while its response is awaited. Watching takes two
/// system calls, and most responses are there by then.
pub const UNWATCHED: Duration = Duration::from_millis(250);
/// How long after its request a client may stop sending without being taken to have left. Programs that half-close their connection do so
/// right behind their request. A packet that is lost is sent again after 200 ms or more (RFC 6298, as Linux has it).
const HALF_CLOSE_TIME: Duration = Duration::from_millis(500);
/// How much of the next requests is read ahead, in bytes.
const MAX_PIPELINED: usize = 64 << 10;

impl ClientConnection {
    /// Ready when the client is to be watched, in case it leaves: at once, or if it was just accepted, when `unwatched` has passed.
    pub fn poll_watched(&mut self, cx: &mut Context<'_>, unwatched: &mut Deadline) -> Poll<()> {
        if self.stream.is_registered() {
            return Poll::Ready(());
        }
        self.was_unwatched = true;
        unwatched.poll_passed(cx)
    }

    /// Ready when a client that has got nothing of its response has left. Before the response, an interim one is the probe, if the
    /// client takes any: see [`ClientConnection::poll_gone`].
    pub fn poll_gone_before_response(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_left(cx, if self.takes_interim() { CONTINUE } else { b"" }, None)
    }

    /// Ready when the client has left within its response. What it sends meanwhile is kept, up to `MAX_PIPELINED`. Beyond that, nothing is
    /// read, and it may have stopped sending behind that.
    ///
    /// A client may stop sending and wait for its response. If it gets nothing for a while, `probe` is sent, which must not
    /// change the meaning of the response: if the client has left, its system then resets the connection. Where nothing can be sent,
    /// a client is taken to have left if it has certainly stopped more than `HALF_CLOSE_TIME` after its request.
    pub fn poll_gone(
        &mut self,
        cx: &mut Context<'_>,
        probe: &'static [u8],
        request_ended_at: Instant,
    ) -> Poll<()> {
        self.poll_left(cx, probe, Some(request_ended_at))
    }

    fn poll_left(
        &mut self,
        cx: &mut Context<'_>,
        probe: &'static [u8],
        request_ended_at: Option<Instant>,
    ) -> Poll<()> {
        loop {
            if let Some(half_closed) = &mut self.half_closed {
                return half_closed.poll_gone(cx, &mut self.stream, probe);
            }
            if self.input.bytes().len() >= MAX_PIPELINED {
                self.half_closed = Some(HalfClosed::assumed());
                continue;
            }
            let Poll::Ready(filled) = self.poll_fill(cx) else {
                self.is_watched = true;
                return Poll::Pending;
            };
            match filled {
                Ok(1..) => {}
                Ok(0) if !self.stream.end_means_gone() => {
                    // If it has sent a further request, it has stopped behind that.
                    let is_late = request_ended_at.is_some_and(|ended_at| {
                        let is_behind = !self.is_watched || ended_at.elapsed() <= HALF_CLOSE_TIME;
                        self.input.is_empty() && !(self.has_whole_body() && is_behind)
                    });
                    self.half_closed = Some(HalfClosed::new(is_late));
                }
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::os::fd::OwnedFd;
    use std::rc::Rc;

    use tokio::sync::watch;

    use super::*;
    use crate::net::accepted::AcceptedTcp;
    use crate::net::peer::Peer;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_was_just_accepted_is_watched_only_after_a_while() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, address) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let stream = AcceptedTcp::from(OwnedFd::from(accepted)).into();
        let (_stop, stopped) = watch::channel(false);
        let mut client =
            ClientConnection::new(stream, Rc::new(Peer::new(Some(address.ip()))), stopped, Duration::MAX);
        let (begun, mut unwatched) = (Instant::now(), Deadline::new());
        unwatched.start(UNWATCHED);
        poll_fn(|cx| client.poll_watched(cx, &mut unwatched)).await;
        assert!(begun.elapsed() >= UNWATCHED && !client.stream.is_registered());
        assert!(poll_fn(|cx| Poll::Ready(client.poll_gone(cx, b"", begun))).await.is_pending());
        assert!(client.stream.is_registered());
        unwatched.start(UNWATCHED);
        assert!(poll_fn(|cx| Poll::Ready(client.poll_watched(cx, &mut unwatched))).await.is_ready());
    }
}
