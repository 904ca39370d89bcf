//! Upgrades (RFC 9110, section 7.8): after the upstream has switched protocols, the two connections are a tunnel.

use std::io;

use tokio::io::{AsyncWriteExt as _, copy_bidirectional};

use super::buffers::Buffers;
use crate::http1::fields::tokens;
use crate::http1::request::{RequestHead, Version};
use crate::http1::response::ResponseHead;
use crate::net::client::ClientConnection;
use crate::net::stream::Stream;

/// Returns the protocols that a client offers to switch to, if it may.
pub(super) fn offered_protocols<'b>(head: &RequestHead<'b>) -> Vec<&'b [u8]> {
    if head.version != Version::Http11 || !head.options.upgrade {
        return Vec::new();
    }
    head.values("upgrade").flat_map(tokens).filter(|protocol| !carries_requests(protocol)).collect()
}

/// Returns true if a protocol carries HTTP requests, which would pass through the tunnel without a decision (h2c
/// smuggling).
fn carries_requests(protocol: &[u8]) -> bool {
    let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
    [&b"h2c"[..], b"h2", b"http", b"tls"].iter().any(|carrier| name.eq_ignore_ascii_case(carrier))
}

/// Returns true if a 101 switches to a protocol that the client has offered.
pub(super) fn is_requested(request: &RequestHead<'_>, response: &ResponseHead<'_>) -> bool {
    let offered = offered_protocols(request);
    let granted = response.values("upgrade").flat_map(tokens).next();
    granted.is_some_and(|granted| offered.iter().any(|offer| offer.eq_ignore_ascii_case(granted)))
}

/// Sends the 101 to the client, and copies bytes both ways until both sides have closed. Bytes that the client has sent early
/// have waited until now.
pub(super) async fn run(client: &mut ClientConnection, upstream: Stream, buffers: &mut Buffers) {
    // On the heap: few requests need it.
    match Box::pin(copy(client, upstream, buffers)).await {
        Ok((sent, received)) => tracing::debug!(sent, received, "the tunnel has closed"),
        Err(error) => tracing::debug!(%error, "the tunnel failed"),
    }
}

async fn copy(
    client: &mut ClientConnection,
    mut upstream: Stream,
    buffers: &mut Buffers,
) -> io::Result<(u64, u64)> {
    client.send_interim(&buffers.to_client).await?;
    upstream.write_all(client.input().bytes()).await?;
    upstream.flush().await?;
    client.stream().write_all(buffers.from_upstream.bytes()).await?;
    copy_bidirectional(client.stream(), &mut upstream).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_that_carries_requests_is_not_offered() {
        for (fields, expected) in [
            ("Connection: upgrade\r\nUpgrade: websocket", "websocket"),
            ("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket, h2c, derp", "WebSocket derp"),
            ("Connection: upgrade\r\nUpgrade: h2c, H2C, HTTP/2.0, TLS/1.2, h2", ""),
            ("Upgrade: websocket", ""),
            ("Connection: upgrade", ""),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
            let head = RequestHead::parse(head.as_bytes()).unwrap();
            assert_eq!(
                String::from_utf8(offered_protocols(&head).join(&b' ')).unwrap(),
                expected,
                "{fields}"
            );
        }
    }
}
