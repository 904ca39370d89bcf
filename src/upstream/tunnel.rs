//! Upgrades (RFC 9110, section 7.8): after the upstream has switched protocols, the two connections are a tunnel.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::timeout;

use super::buffers::Buffers;
use super::relay::Relay;
use super::websocket::{CloseCode, FrameReader};
use crate::http1::fields::tokens;
use crate::http1::request::{RequestHead, Version};
use crate::http1::response::ResponseHead;
use crate::net::buffer::Buffer;
use crate::net::client::ClientConnection;
use crate::net::deadline::Deadline;
use crate::net::stream::Stream;

/// How long the two sides of a WebSocket have to answer a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

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

/// Returns true if a 101 switches only to protocols that the client has offered.
pub(super) fn is_requested(request: &RequestHead<'_>, response: &ResponseHead<'_>) -> bool {
    let offered = offered_protocols(request);
    let is_offered = |granted: &[u8]| offered.iter().any(|offer| offer.eq_ignore_ascii_case(granted));
    let mut granted = response.values("upgrade").flat_map(tokens).peekable();
    granted.peek().is_some() && granted.all(is_offered)
}

/// Sends the 101 to the client, and copies bytes both ways until both sides have closed. Bytes that the client has sent early
/// have waited until now.
///
/// The tunnel also ends when `closing` is ready, or when no byte has come for `idle_limit`, unless that is zero. Then, and
/// when the server stops, both sides of a WebSocket get a Close.
pub(super) async fn run(
    client: &mut ClientConnection,
    upstream: &mut Stream,
    buffers: &mut Buffers,
    idle_limit: Duration,
    closing: Pin<&mut dyn Future<Output = ()>>,
) {
    // On the heap: few requests need it.
    let ended = Box::pin(async {
        let mut tunnel = Tunnel::begin(client, upstream, buffers).await?;
        let ended = tunnel.run(client, idle_limit, closing).await;
        client.traffic().add_received(tunnel.to_upstream.received);
        client.traffic().add_sent(tunnel.to_client.received);
        ended?;
        Ok::<_, io::Error>((tunnel.to_upstream.received, tunnel.to_client.received))
    });
    match ended.await {
        Ok((sent, received)) => tracing::debug!(sent, received, "the tunnel has closed"),
        Err(error) => tracing::debug!(%error, "the tunnel failed"),
    }
}

/// Both directions of a tunnel.
struct Tunnel<'u> {
    upstream: &'u mut Stream,
    to_upstream: Relay,
    to_client: Relay,
    is_websocket: bool,
}

impl<'u> Tunnel<'u> {
    async fn begin(
        client: &mut ClientConnection,
        upstream: &'u mut Stream,
        buffers: &mut Buffers,
    ) -> io::Result<Self> {
        client.send_interim(&buffers.to_client).await?;
        client.stream().keep_alive();
        upstream.keep_alive();
        let is_websocket = is_websocket(&buffers.to_client);
        let frames = |reader| is_websocket.then_some(reader);
        let to_upstream = Relay::new(client.input().bytes(), frames(FrameReader::Server));
        let to_client = Relay::new(buffers.from_upstream.bytes(), frames(FrameReader::Client));
        // A tunnel may be idle for long, and there may be many.
        *buffers = Buffers::default();
        *client.input() = Buffer::new();
        Ok(Self { upstream, to_upstream, to_client, is_websocket })
    }

    async fn run(
        &mut self,
        client: &mut ClientConnection,
        idle_limit: Duration,
        closing: Pin<&mut dyn Future<Output = ()>>,
    ) -> io::Result<()> {
        let stopped = client.stopped();
        let mut deadline = Deadline::new();
        deadline.start(idle_limit);
        let mut received = 0;
        let is_websocket = self.is_websocket;
        let copied = poll_fn(|cx| {
            let copied = self.poll_copy(cx, client);
            let now_received = self.to_upstream.received + self.to_client.received;
            if std::mem::replace(&mut received, now_received) != now_received {
                deadline.start(idle_limit);
            }
            match copied {
                Poll::Pending if !idle_limit.is_zero() => {
                    deadline.poll_passed(cx).map(|()| Ok(Some(CloseCode::GoingAway)))
                }
                copied => copied.map_ok(|()| None),
            }
        });
        // None if both sides have closed.
        let code = tokio::select! {
            biased;
            copied = copied => copied?,
            () = closing => Some(CloseCode::ServiceRestart),
            // Other protocols have no frame that says so.
            () = stopped, if is_websocket => Some(CloseCode::GoingAway),
        };
        match code {
            Some(code) => self.close(code, client).await,
            None => Ok(()),
        }
    }

    /// Sends a Close to both sides of a WebSocket, and waits until both have answered, for a short time.
    async fn close(&mut self, code: CloseCode, client: &mut ClientConnection) -> io::Result<()> {
        if !self.is_websocket {
            return Ok(());
        }
        self.to_upstream.close(code);
        self.to_client.close(code);
        timeout(CLOSE_TIMEOUT, poll_fn(|cx| self.poll_copy(cx, client))).await?
    }

    /// Ready when both directions have ended.
    fn poll_copy(&mut self, cx: &mut Context<'_>, client: &mut ClientConnection) -> Poll<io::Result<()>> {
        let sent = self.to_upstream.poll(cx, client.stream(), self.upstream)?;
        let received = self.to_client.poll(cx, self.upstream, client.stream())?;
        if sent.is_ready() && received.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

/// Returns true if a 101 switches to the WebSocket protocol.
fn is_websocket(switched: &[u8]) -> bool {
    let Ok(Some((_, head))) = ResponseHead::parse(switched, false) else { return false };
    head.values("upgrade")
        .flat_map(tokens)
        .next()
        .is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_requested_if_each_of_its_protocols_was_offered() {
        for (granted, expected) in [
            ("Upgrade: derp", true),
            ("Upgrade: DERP, chat", true),
            ("Upgrade: chat\r\nUpgrade: derp", true),
            ("Upgrade: derp, h2c", false),
            ("Upgrade: derp, other", false),
            ("Upgrade: derp\r\nUpgrade: TLS/1.0", false),
            ("Upgrade: other", false),
            ("Upgrade:", false),
            ("X: y", false),
        ] {
            let request =
                b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: derp, chat, h2c\r\n\r\n";
            let request = RequestHead::parse(request).unwrap();
            let response = format!("HTTP/1.1 101 Switching Protocols\r\n{granted}\r\n\r\n");
            let (_, response) = ResponseHead::parse(response.as_bytes(), false).unwrap().unwrap();
            assert_eq!(is_requested(&request, &response), expected, "{granted}");
        }
    }

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
