//! Upgrades (RFC 9110 7.8): once the upstream has switched protocols, the two connections are one tunnel.

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::headers::{has_token, tokens};
use super::pool::Connection;

/// A client's wish to speak another protocol.
pub(super) struct Upgrade {
    protocols: HeaderValue,
    client: OnUpgrade,
}

impl Upgrade {
    /// The wish that the request states, if it may be granted.
    pub(super) fn wanted(request: &mut Request<Incoming>) -> Option<Self> {
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

    /// What the client would speak instead.
    pub(super) fn protocols(&self) -> HeaderValue {
        self.protocols.clone()
    }

    /// What the upstream has switched to, if that was asked for.
    pub(super) fn granted(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let asked =
            |protocol: &str| tokens(&self.protocols).any(|other| other.eq_ignore_ascii_case(protocol));
        headers.get(UPGRADE).filter(|granted| tokens(granted).next().is_some_and(asked)).cloned()
    }

    /// Passes bytes on, both ways, from when the 101 has reached the client until both sides are done. Bytes
    /// that the client sent before wait till then.
    pub(super) fn tunnel(self, upstream: OnUpgrade, connection: Connection) {
        tokio::task::spawn_local(async move {
            // To drop it earlier would close it.
            let _connection = connection;
            let joined = tokio::try_join!(self.client, upstream);
            let Ok((client, upstream)) = joined.inspect_err(|error| tracing::debug!(%error, "no tunnel"))
            else {
                return;
            };
            let ended = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(upstream)).await;
            match ended {
                Ok((sent, received)) => tracing::debug!(sent, received, "tunnel closed"),
                Err(error) => tracing::debug!(%error, "tunnel broke off"),
            }
        });
    }
}

/// Whether a protocol carries further HTTP requests, which would pass in the tunnel without a decision on them
/// (h2c smuggling).
fn carries_requests(protocol: &str) -> bool {
    let name = protocol.split('/').next().unwrap_or_default();
    ["h2c", "h2", "http", "tls"].iter().any(|carrier| name.eq_ignore_ascii_case(carrier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_that_carries_requests_is_not_switched_to() {
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
