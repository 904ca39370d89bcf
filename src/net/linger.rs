//! Closes a connection so that the other end can read what was sent.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::stream::Stream;

/// How long to read and discard what the other end still sends. Closing a connection with unread bytes resets it, and the
/// last response may be lost.
const LINGER: Duration = Duration::from_secs(2);

/// Stops sending, and reads and discards at most `limit` bytes, for [`LINGER`] at most.
pub(super) async fn linger(mut stream: Stream, limit: u64) {
    let closing = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(limit), &mut tokio::io::sink()).await
    };
    // If this fails, the client has left.
    let _ = timeout(LINGER, closing).await;
}
