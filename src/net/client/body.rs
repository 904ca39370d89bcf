//! What a connection does with the body of its current request: asks for it, passes it on, or discards it.

use std::future::poll_fn;
use std::io;

use tokio::time::timeout;

use super::ClientConnection;
use crate::http1::chunked::MalformedBody;
use crate::http1::encode::CONTINUE;
use crate::http1::framing::TransferCoding;
use crate::net::request_body::DISCARD_TIME;

impl ClientConnection {
    /// Returns true if the request's body was received and handled.
    pub fn has_whole_body(&self) -> bool {
        self.body.is_whole()
    }

    /// Returns a number that grows by one with each byte of the body's content that was handled.
    pub fn body_position(&self) -> u64 {
        self.body.position()
    }

    /// Returns true if the client waits to be asked for the body, and has not sent any of it.
    pub fn awaits_continue(&self) -> bool {
        self.body.awaits_continue(&self.input)
    }

    /// Asks for the body, if the client waits for that.
    pub async fn ask_for_body(&mut self) -> io::Result<()> {
        if self.awaits_continue() {
            self.send_interim(CONTINUE).await?;
        }
        self.mark_asked();
        Ok(())
    }

    /// Records that the client was asked for the body.
    pub fn mark_asked(&mut self) {
        self.body.mark_asked();
    }

    /// Moves received bytes of the request's body to `out`. `passes` chooses the trailers.
    pub fn forward_body(
        &mut self,
        coding: TransferCoding,
        out: &mut Vec<u8>,
        passes: impl Fn(&str) -> bool,
    ) -> Result<(), MalformedBody> {
        self.body.forward(&mut self.input, coding, out, passes)
    }

    /// Reads and discards the rest of the request's body, within limits. Returns true if the next request can follow.
    pub async fn discard_body(&mut self) -> bool {
        let Self { body, input, stream, traffic, .. } = self;
        if body.is_whole() {
            return true;
        }
        let discarded = poll_fn(|cx| body.poll_discard(input, stream, traffic, cx));
        timeout(DISCARD_TIME, discarded).await.unwrap_or(false)
    }
}
