//! Upgrades (RFC 9110, section 7.8): after the upstream has switched protocols, the two connections are a tunnel.

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::headers::{has_token, tokens};
use super::pool::Connection;

/// A client's request to switch to another protocol.
pub(super) struct Upgrade {
    protocols: HeaderValue,
    client: OnUpgrade,
}

impl Upgrade {
    /// Returns the upgrade that a request asks for, if it is allowed.
    pub(super) fn from_request(request: &mut Request<Incoming>) -> Option<Self> {
        if request.version() != Version::HTTP_11
            || !request.headers().contains_key(UPGRADE)
            || !has_token(request.headers(), CONNECTION, "upgrade")
        {
            return None;
        }
        let offers = request.headers().get_all(UPGRADE);
        let protocols: Vec<&str> =
            offers.iter().flat_map(tokens).filter(|offer| !carries_requests(offer)).collect();
        let protocols =
            HeaderValue::from_str(&protocols.join(", ")).ok().filter(|value| !value.is_empty())?;
        Some(Self { protocols, client: hyper::upgrade::on(request) })
    }

    /// The protocols that the client offers.
    pub(super) fn protocols(&self) -> HeaderValue {
        self.protocols.clone()
    }

    /// Returns the protocol that the upstream has switched to, if the client offered it.
    pub(super) fn granted(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let is_offered =
            |protocol: &str| tokens(&self.protocols).any(|other| other.eq_ignore_ascii_case(protocol));
        headers.get(UPGRADE).filter(|granted| tokens(granted).next().is_some_and(is_offered)).cloned()
    }

    /// Copies bytes both ways, from when the client has received the 101 until both sides have closed. Bytes that the
    /// client sends earlier wait until then.
    pub(super) fn tunnel(self, upstream: OnUpgrade, connection: Connection) {
        tokio::task::spawn_local(async move {
            // Dropping it would close it.
            let _connection = connection;
            let joined = tokio::try_join!(self.client, upstream);
            let Ok((client, upstream)) =
                joined.inspect_err(|error| tracing::debug!(%error, "the upgrade failed"))
            else {
                return;
            };
            let ended = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(upstream)).await;
            match ended {
                Ok((sent, received)) => tracing::debug!(sent, received, "the tunnel has closed"),
                Err(error) => tracing::debug!(%error, "the tunnel failed"),
            }
        });
    }
}

/// Returns true if a protocol carries HTTP requests, which would pass through the tunnel without a decision (h2c
/// smuggling).
fn carries_requests(protocol: &str) -> bool {
    let name = protocol.split('/').next().unwrap_or_default();
    ["h2c", "h2", "http", "tls"].iter().any(|carrier| name.eq_ignore_ascii_case(carrier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_that_carries_requests_is_refused() {
        for (protocol, carries) in [
            ("websocket", false),
            ("WebSocket", false),
            ("derp", false),
            ("h2c", true),
            ("H2C", true),
            ("HTTP/2.0", true),
            ("TLS/1.2", true),
        ] {
            assert_eq!(carries_requests(protocol), carries, "{protocol}");
        }
    }
}
