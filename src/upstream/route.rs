//! The route of a request: its upstream, and the client that it comes from.

use std::sync::Arc;
use std::time::Duration;

use super::via;
use crate::config::upstream_address::{UpstreamAddress, UpstreamScheme};
use crate::config::{Limits, UpstreamSite};
use crate::http1::fields::{FieldFilter, Sender};
use crate::http1::request::RequestHead;
use crate::http1::scheme::Scheme;
use crate::net::client::ClientConnection;
use crate::net::peer::Peer;
use crate::tls::UpstreamTls;

/// How requests are sent to an upstream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Protocol {
    /// As HTTP/1.1.
    Http1,
    /// As HTTP/2.
    Http2,
    /// As HTTP/2 if the upstream agrees to that in the handshake of TLS, or else as HTTP/1.1.
    Negotiated,
}

/// The route of a request.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// The upstream.
    pub upstream: &'a UpstreamAddress,
    /// The settings for TLS; `None` for the default ones.
    pub tls: &'a Option<Arc<UpstreamTls>>,
    /// The limit for name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The limit from sending the request, or the last of its body, to the response's head.
    pub response_timeout: Duration,
    /// The limit for the next byte of a body, of the request or the response.
    pub body_timeout: Duration,
    /// The limit for a connection to be idle; zero if it is not kept.
    pub idle_limit: Duration,
    /// The limit for the idle connections that a thread keeps to the upstream.
    pub max_idle: usize,
    /// The limit for connections to upstreams, of the whole process; zero for none.
    pub max_connections: usize,
    /// The limit for a tunnel to be idle; zero for none.
    pub tunnel_idle: Duration,
    /// True if a request may be closed before its response has begun: see [`Proxy::forward`](super::Proxy::forward).
    pub is_watched: bool,
    /// True if the response is for this client only: no cache may keep it.
    pub is_private: bool,
    /// The value of X-Request-Id, instead of the one that came with the request; `None` if that passes.
    pub request_id: Option<&'a [u8]>,
    /// The version in which the request was received, as in Via.
    pub received_version: &'static str,
    /// The other end of the client's connection.
    pub peer: &'a Peer,
    /// True if the peer is a trusted proxy.
    pub trusted: bool,
    /// The scheme of the client's request.
    pub scheme: Scheme,
}

impl<'a> Route<'a> {
    /// The route to a site, with its configured limits.
    pub fn new(
        site: &'a UpstreamSite,
        limits: &Limits,
        client: &ClientConnection,
        peer: &'a Peer,
        trusted: bool,
    ) -> Self {
        Self {
            upstream: &site.upstream,
            tls: &site.tls,
            connect_timeout: site.connect_timeout,
            response_timeout: site.response_timeout,
            body_timeout: limits.body_timeout,
            idle_limit: limits.upstream_idle,
            max_idle: limits.upstream_idle_connections,
            max_connections: limits.upstream_connections,
            tunnel_idle: limits.tunnel_idle,
            is_watched: false,
            is_private: false,
            request_id: None,
            received_version: via::version(client),
            peer,
            trusted,
            scheme: peer.scheme(),
        }
    }

    /// Returns how to send a request. HTTP/1.1 costs less, holds up no request by another one, and can be upgraded; only gRPC
    /// needs HTTP/2.
    pub(super) fn protocol(&self, head: &RequestHead<'_>) -> Protocol {
        match self.upstream {
            UpstreamAddress::Tcp { scheme: UpstreamScheme::H2c, .. } => Protocol::Http2,
            UpstreamAddress::Tcp { scheme: UpstreamScheme::Https, .. } if is_grpc(head) => {
                Protocol::Negotiated
            }
            UpstreamAddress::Tcp { .. } | UpstreamAddress::Unix(_) => Protocol::Http1,
        }
    }

    /// The sender of the request.
    pub(super) fn sender(&self) -> Sender {
        if self.trusted { Sender::TrustedProxy } else { Sender::Client }
    }

    /// Returns the filter for the fields and trailers of a request.
    pub(super) fn filter<'m>(&self, head: &'m RequestHead<'_>) -> FieldFilter<'m> {
        FieldFilter { sender: self.sender(), options: &head.options }
    }
}

/// Returns true for a call of gRPC, but not of gRPC-Web, which is for HTTP/1.1.
fn is_grpc(head: &RequestHead<'_>) -> bool {
    let media_type = b"application/grpc";
    head.values("content-type").next().is_some_and(|value| match value.split_at_checked(media_type.len()) {
        Some((start, rest)) => start.eq_ignore_ascii_case(media_type) && !rest.starts_with(b"-"),
        None => false,
    })
}
