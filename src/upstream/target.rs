//! Where the connection for a request leads.

use std::time::Duration;

use super::Route;
use super::connect::{TlsSettings, is_same};
use super::route::Protocol;
use super::tunnel::offered_protocols;
use crate::config::UpstreamSite;
use crate::config::upstream_address::UpstreamAddress;
use crate::http1::request::RequestHead;

/// Where the connection for a request leads, and how.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: UpstreamAddress,
    pub(super) tls: TlsSettings,
    pub(super) protocol: Protocol,
    /// The limit for connections to upstreams, of the whole process; zero for none.
    pub(super) max_connections: usize,
    /// The limit for the wait for a connection.
    pub(super) connect_timeout: Duration,
    /// False if the request needs a connection of its own, because it may become a tunnel.
    pub(super) may_share: bool,
}

impl Target {
    pub(super) fn new(route: &Route<'_>, protocol: Protocol, head: &RequestHead<'_>) -> Self {
        let UpstreamSite { upstream, tls, connect_timeout, .. } = route.site;
        let may_share = protocol != Protocol::Http1 || offered_protocols(head).is_empty();
        Self {
            address: upstream.clone(),
            tls: tls.clone(),
            protocol,
            max_connections: route.limits.upstream_connections,
            connect_timeout: *connect_timeout,
            may_share,
        }
    }

    /// Returns true if both lead to the same upstream with the same settings.
    pub(super) fn leads_to(&self, upstream: &UpstreamAddress, tls: &TlsSettings) -> bool {
        self.address == *upstream && is_same(&self.tls, tls)
    }
}
