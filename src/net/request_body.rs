//! How much of the body of a request is left, and what becomes of it.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::buffer::Buffer;
use super::stream::Stream;
use super::traffic::Traffic;
use crate::http1::chunked::MalformedBody;
use crate::http1::framing::{Framing, TransferCoding};
use crate::http1::request::RequestHead;

/// How much of an unwanted body is read, in bytes: enough for a form with some photographs.
pub const MAX_DISCARDED: u64 = 32 << 20;
/// How long an unwanted body is read.
pub const DISCARD_TIME: Duration = Duration::from_secs(10);

/// The rest of a request's body, of which some may be in the input of its connection.
#[derive(Debug)]
pub(super) struct RequestBody {
    framing: Framing,
    discarded: u64,
    /// True if the client sends the body only when it is asked for.
    awaits_continue: bool,
}

impl Default for RequestBody {
    fn default() -> Self {
        Self { framing: Framing::EMPTY, discarded: 0, awaits_continue: false }
    }
}

impl RequestBody {
    /// The body of the request with this head, before its first byte.
    pub(super) fn new(head: &RequestHead<'_>) -> Self {
        let awaits_continue = head.expects_continue && !head.framing.is_done();
        Self { framing: head.framing.clone(), discarded: 0, awaits_continue }
    }

    /// Returns true if all of it was handled.
    pub(super) fn is_whole(&self) -> bool {
        self.framing.is_done()
    }

    /// Returns a number that grows by one with each byte of its content.
    pub(super) fn position(&self) -> u64 {
        self.framing.position()
    }

    /// Returns true if the client waits to be asked for it, and has sent nothing yet.
    pub(super) fn awaits_continue(&self, input: &Buffer) -> bool {
        self.awaits_continue && input.is_empty() && !self.is_whole()
    }

    /// Records that the client was asked for it.
    pub(super) fn mark_asked(&mut self) {
        self.awaits_continue = false;
    }

    /// Moves received bytes of it to `out`. `passes` chooses the trailers.
    pub(super) fn forward(
        &mut self,
        input: &mut Buffer,
        coding: TransferCoding,
        out: &mut Vec<u8>,
        passes: impl Fn(&str) -> bool,
    ) -> Result<(), MalformedBody> {
        self.awaits_continue = false;
        input.expect(&self.framing);
        input.forward(&mut self.framing, coding, out, passes)
    }

    /// Ready when the rest was discarded (true), or cannot be (false): it is malformed or too long, or the client waits to
    /// be asked for it.
    pub(super) fn poll_discard(
        &mut self,
        input: &mut Buffer,
        stream: &mut Stream,
        traffic: &Traffic,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        loop {
            match self.framing.discard(input.bytes()) {
                Ok(taken) => {
                    // A client that has sent some of it no longer waits.
                    self.awaits_continue &= taken == 0;
                    input.consume(taken);
                }
                Err(MalformedBody) => return Poll::Ready(false),
            }
            if self.is_whole() {
                return Poll::Ready(true);
            }
            if self.awaits_continue(input) || self.discarded > MAX_DISCARDED {
                return Poll::Ready(false);
            }
            match ready!(input.poll_fill(stream, cx)) {
                Ok(length @ 1..) => {
                    self.discarded += length as u64;
                    traffic.add_received(length as u64);
                }
                Ok(0) | Err(_) => return Poll::Ready(false),
            }
        }
    }
}
