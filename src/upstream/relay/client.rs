use std::io;
use std::task::{Context, Poll};

/// The client's end of a request that is passed on.
pub trait RelayClient {
    /// Writes what the system takes now, in bytes; at least one.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Ready once the client has left. What it says meanwhile is kept for later.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether the connection is to close behind this response.
    fn is_last(&self) -> bool;
}
