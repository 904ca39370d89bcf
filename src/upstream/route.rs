//! Where a request goes, and where it is from.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;

use crate::config::UpstreamSite;
use crate::config::upstream_address::UpstreamAddress;

/// Where a request goes, and what is known of where it is from.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// Where it goes.
    pub upstream: &'a UpstreamAddress,
    /// Until the connection is there: name, TCP and TLS.
    pub connect_timeout: Duration,
    /// From when the request was sent, or its body last moved, until the response's head is there.
    pub response_timeout: Duration,
    /// The other end of the client's connection.
    pub peer: &'a Peer,
    /// Whether the peer is a proxy whose X-Forwarded-* and Forwarded are believed.
    pub trusted: bool,
    /// How the client spoke to us.
    pub scheme: Scheme,
}

impl<'a> Route<'a> {
    /// The way to a site, as it is configured.
    pub fn to(site: &'a UpstreamSite, peer: &'a Peer, trusted: bool, scheme: Scheme) -> Self {
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

/// The other end of a client's connection: made once for all its requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    address: Option<IpAddr>,
    /// As X-Forwarded-For has it.
    pub(super) written: Option<HeaderValue>,
}

impl Peer {
    /// Its address; none at a Unix socket.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The peer with this address; none is one at a Unix socket. An IPv4-mapped IPv6 address is IPv4.
    pub fn new(address: Option<IpAddr>) -> Self {
        let address = address.map(|address| address.to_canonical());
        Self { address, written: address.and_then(|address| address.to_string().try_into().ok()) }
    }
}

/// For logs.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => address.fmt(f),
            None => f.write_str("a Unix socket peer"),
        }
    }
}

/// How a client speaks to the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As a URL has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
