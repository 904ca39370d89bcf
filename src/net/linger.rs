//! Closes a connection so that the client can read the last response.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::client::ClientConnection;
use super::request_body::MAX_DISCARDED;
use crate::http1::scheme::Scheme;

/// How long to read and discard what the client still sends. Closing a connection with unread bytes resets it, and the last
/// response may be lost.
const LINGER: Duration = Duration::from_secs(2);

/// As [`LINGER`], for a client that has sent nothing, but may just be sending a request when the server stops.
const STOP_LINGER: Duration = Duration::from_secs(1);

/// Closes a connection after the last response, or while it is idle.
pub async fn close(client: ClientConnection) {
    // Over TLS, the client is told that this is the end, and tells the same (RFC 8446, section 6.1). It may have done so before:
    // that is unread too.
    if client.may_lose_response() || client.peer().scheme() == Scheme::Https {
        Box::pin(linger(client)).await;
    } else if client.is_stopping() {
        Box::pin(linger_for(STOP_LINGER, client)).await;
    }
}

/// Closes a connection that waits for a request, without waiting for the client.
pub async fn close_at_once(client: ClientConnection) {
    linger_for(Duration::ZERO, client).await;
}

/// Closes a connection, and gives a client that may still be sending some time to read the last response.
pub async fn linger(client: ClientConnection) {
    linger_for(LINGER, client).await;
}

async fn linger_for(limit: Duration, client: ClientConnection) {
    let (mut stream, _) = client.into_parts();
    let closing = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(MAX_DISCARDED), &mut tokio::io::sink()).await
    };
    // If this fails, the client has left.
    let _ = timeout(limit, closing).await;
}
