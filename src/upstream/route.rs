//! The route of a request: its upstream, and the client that it comes from.

use crate::config::upstream_address::{UpstreamAddress, UpstreamScheme};
use crate::config::{Limits, UpstreamSite};
use crate::http1::fields::{FieldFilter, Sender};
use crate::http1::request::RequestHead;
use crate::net::peer::Peer;

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
    /// The site that it leads to.
    pub site: &'a UpstreamSite,
    /// The limits for it.
    pub limits: &'a Limits,
    /// True if a request may be closed before its response has begun: see [`Proxy::forward`](super::Proxy::forward).
    pub is_watched: bool,
    /// True if the response is for this client only: no cache may keep it.
    pub is_private: bool,
    /// The value of X-Request-Id.
    pub request_id: &'a [u8],
    /// The other end of the client's connection.
    pub peer: &'a Peer,
    /// True if the peer is a trusted proxy.
    pub trusted: bool,
}

impl Route<'_> {
    /// Returns how to send a request. HTTP/1.1 costs less, holds up no request by another one, and can be upgraded; only gRPC
    /// needs HTTP/2.
    pub(super) fn protocol(&self, head: &RequestHead<'_>) -> Protocol {
        match &self.site.upstream {
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
