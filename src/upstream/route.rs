//! The route of a request: its upstream, and the client that it comes from.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;

use crate::config::UpstreamSite;
use crate::config::upstream_address::UpstreamAddress;

/// The route of a request.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// The upstream.
    pub upstream: &'a UpstreamAddress,
    /// The limit for name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The limit from sending the request, or the last progress of its body, to the response's head.
    pub response_timeout: Duration,
    /// The other end of the client's connection.
    pub peer: &'a Peer,
    /// True if the peer is a trusted proxy.
    pub trusted: bool,
    /// The scheme of the client's request.
    pub scheme: Scheme,
}

impl<'a> Route<'a> {
    /// The route to a site, with its configured limits.
    pub fn new(site: &'a UpstreamSite, peer: &'a Peer, trusted: bool, scheme: Scheme) -> Self {
        Self {
            upstream: &site.upstream,
            connect_timeout: site.connect_timeout,
            response_timeout: site.response_timeout,
            peer,
            trusted,
            scheme,
        }
    }
}

/// The other end of a client's connection, made once for all its requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    address: Option<IpAddr>,
    /// The value for X-Forwarded-For.
    pub(super) forwarded_for: Option<HeaderValue>,
}

impl Peer {
    /// The address; `None` for a Unix socket.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The peer with this address; `None` for a Unix socket. An IPv4-mapped IPv6 address becomes IPv4.
    pub fn new(address: Option<IpAddr>) -> Self {
        let address = address.map(|address| address.to_canonical());
        Self { address, forwarded_for: address.and_then(|address| address.to_string().try_into().ok()) }
    }
}

/// As shown in the log.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => address.fmt(f),
            None => f.write_str("a Unix socket peer"),
        }
    }
}

/// The scheme of a client's connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// Unencrypted.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme as in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
