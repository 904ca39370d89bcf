//! The client that sends a request, as far as its connection and trusted proxies tell.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::config::AdminConfig;
use crate::http1::request::RequestHead;
use crate::http1::scheme::Scheme;
use crate::matching::client_address::client_address;
use crate::matching::own_host::{is_for_own_host, is_own_host};
use crate::matching::request::{Hosts, client_scheme};
use crate::net::peer::Peer;

/// The client that sends a request.
#[derive(Debug)]
pub struct Caller<'b> {
    /// The fields of the request.
    pub headers: HeaderMap,
    /// True if the peer is a trusted proxy.
    pub is_trusted: bool,
    /// Its address, if it is known.
    pub address: Option<IpAddr>,
    /// The scheme that it uses.
    pub scheme: Scheme,
    /// The hosts that the request is for.
    pub hosts: Hosts<'b>,
    /// True if the request is for this site.
    pub is_for_own_host: bool,
}

impl<'b> Caller<'b> {
    /// Reads what is known about the client.
    pub fn new(head: &RequestHead<'b>, peer: &Peer, config: &AdminConfig) -> Self {
        let trust = &config.trusted_proxies;
        let is_trusted = peer.is_in(|address| trust.includes(address));
        let addresses = head.values("x-forwarded-for");
        let is_trusted_address = |address| trust.contains(address);
        let hosts = Hosts::received(head.host, head.values("x-forwarded-host"), is_trusted);
        Self {
            headers: head.header_map(),
            is_trusted,
            address: client_address(peer.address(), addresses, is_trusted_address, is_trusted),
            scheme: client_scheme(peer.scheme(), head.values("x-forwarded-proto"), is_trusted),
            is_for_own_host: is_for_own_host(head, &config.hosts)
                && hosts.forwarded.iter().all(|host| is_own_host(host, &config.hosts)),
            hosts,
        }
    }

    /// Returns the secret of a machine, if the request carries one (RFC 6750, section 2.1).
    pub fn bearer_token(&self) -> Option<&[u8]> {
        let value = self.headers.get(AUTHORIZATION)?.as_bytes();
        let (scheme, secret) = value.split_at_checked(b"bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(secret.trim_ascii())
    }

    /// Returns where the request comes from, for the log.
    pub fn from(&self) -> String {
        self.address.map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string())
    }
}
