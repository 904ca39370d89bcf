//! Notice of a client that has left.

use std::task::{Context, Poll, ready};

use super::ClientConnection;
use crate::http1::encode::CONTINUE;
use crate::net::half_closed::HalfClosed;

/// How much of the next requests is read ahead, in bytes.
const MAX_PIPELINED: usize = 64 << 10;

impl ClientConnection {
    /// Ready when the client has left. What it sends meanwhile is kept, up to `MAX_PIPELINED`. Beyond that, nothing is read, and it
    /// may have stopped sending behind that.
    ///
    /// A client may stop sending and wait for its response. If it gets nothing for a while, `probe` is sent, which must not
    /// change the meaning of the response: if the client has left, its system then resets the connection. Where nothing can be sent
    /// within a response, a client that has stopped sending within it is taken to have left.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>, probe: &'static [u8]) -> Poll<()> {
        loop {
            if let Some(half_closed) = &mut self.half_closed {
                return half_closed.poll_gone(cx, &mut self.stream, probe);
            }
            if self.input.bytes().len() >= MAX_PIPELINED {
                self.half_closed = Some(HalfClosed::assumed());
                continue;
            }
            match ready!(self.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) if !self.stream.end_means_gone() => {
                    // If it has sent a further request, it has stopped behind that.
                    let is_within_response = self.has_begun_response && self.input.is_empty();
                    self.half_closed = Some(HalfClosed::new(is_within_response));
                }
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Ready when a client that has got nothing of its response has left: [`ClientConnection::poll_gone`] with an interim
    /// response as the probe, if it takes any.
    pub fn poll_gone_before_response(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_gone(cx, if self.takes_interim() { CONTINUE } else { b"" })
    }
}
