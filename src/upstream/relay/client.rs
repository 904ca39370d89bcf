//! The client's connection, as forwarding uses it.

use std::io;
use std::task::{Context, Poll};

/// The client of a request that is forwarded.
pub trait RelayClient {
    /// Writes as much as the system takes now, at least one byte, and returns its length.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Ready when the client has left. What it sends meanwhile is kept.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Returns true if the connection closes after this response.
    fn is_last(&self) -> bool;
}
