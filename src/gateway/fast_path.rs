//! The fast path for plain requests: from the bytes of a head to the bytes of the down page, or to the upstream.
//!
//! It makes the same decision and sends the same bytes as [`Gateway::respond`](Service::respond) would. It leaves out only
//! what cannot matter to a plain request.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::failure::failure_response;
use super::head::{ParsedStart, PlainHead, header_slots, parse};
use super::prepared::encode;
use super::{AccessLogLine, Gateway};
use crate::clock;
use crate::config::{Config, Site, UpstreamSite};
use crate::decision::{Decision, Pass, decide};
use crate::filters::context::page_key;
use crate::matching::path::RequestPath;
use crate::matching::request::{Hosts, Query, Request, X_FORWARDED_HOST, forwarded_hosts};
#[cfg(doc)]
use crate::server::Service;
use crate::server::{ClientConnection, FastPath};
use crate::snapshot::Snapshot;
use crate::upstream::relay::{self, Relay};
use crate::upstream::{Peer, Route, Scheme, UpstreamError};

/// A plain request that is being forwarded.
pub struct ForwardedRequest {
    snapshot: Arc<Snapshot>,
    trusted: bool,
    access: Option<AccessLogLine>,
    relay: Relay,
}

impl<R> Gateway<R> {
    /// Decides on the request that `unread` begins with, if it is plain.
    pub(super) fn decide_plain(&self, unread: &[u8], peer: &Peer) -> FastPath<ForwardedRequest> {
        match parse(unread, &mut header_slots()) {
            ParsedStart::Incomplete => FastPath::Incomplete,
            ParsedStart::Other => FastPath::Fallback,
            ParsedStart::Plain(head) => self.decide_head(&head, peer).unwrap_or(FastPath::Fallback),
        }
    }

    fn decide_head(&self, head: &PlainHead<'_, '_>, peer: &Peer) -> Option<FastPath<ForwardedRequest>> {
        let now = clock::now();
        let current = self.cache.at(now);
        let (snapshot, phase) = &*current;
        let config = &snapshot.config;
        let trusted = config.server.trusted_proxies.trusts(peer.address());
        // To find the client behind a proxy takes more fields.
        if trusted && (config.rules.exemptions.has_networks() || config.log.access) {
            return None;
        }
        let name = X_FORWARDED_HOST;
        let forwarded = head.values(&name).filter(|_| trusted);
        let request = Request {
            method: head.method,
            hosts: Hosts { own: Some(head.host), forwarded: forwarded_hosts(forwarded) },
            path: RequestPath::new(head.path),
            query: Query::new(head.query()),
            has_override_field: head.has_override_field,
            // A redirect is left to `respond`, which finds out if this is true.
            is_navigation: true,
            client: peer.address(),
        };
        match decide(&config.rules, &request, &phase.state, now) {
            Decision::Unavailable(down) if !config.log.access && !head.is_special => {
                let response = self.responses.get(snapshot, phase, page_key(&down), head, now);
                Some(FastPath::Respond { head: head.length, response })
            }
            Decision::Pass(pass) if pass != Pass::Status => {
                let access = AccessLogLine::new(config, head.method, head.path, peer.address());
                let relay = self.relay(head, peer, trusted, config)?;
                let request = ForwardedRequest { snapshot: Arc::clone(snapshot), trusted, access, relay };
                Some(FastPath::Forward { head: head.length, request })
            }
            _ => None,
        }
    }

    fn relay(&self, head: &PlainHead<'_, '_>, peer: &Peer, trusted: bool, config: &Config) -> Option<Relay> {
        let is_forwarded = matches!(config.site, Site::Upstream(_)) && !head.has_codings;
        let request = relay::PlainRequest {
            method: head.method.as_str(),
            target: head.target,
            host: head.host,
            fields: head.fields,
        };
        is_forwarded.then(|| self.proxy.relay(&request, peer, trusted, Scheme::Http))
    }

    /// Forwards a request whose head is still the first of the client's unread bytes.
    pub(super) async fn forward_plain(
        &self,
        request: ForwardedRequest,
        peer: &Peer,
        client: &mut ClientConnection<'_>,
    ) -> ControlFlow<()> {
        let ForwardedRequest { snapshot, trusted, mut access, relay } = request;
        let Site::Upstream(site) = &snapshot.config.site else { return ControlFlow::Break(()) };
        let route = Route::new(site, peer, trusted, Scheme::Http);
        let mut log = |status| {
            if let Some(access) = access.take() {
                access.log(status);
            }
        };
        let on_status = |status| {
            snapshot.reachability.record(true);
            log(status);
        };
        match relay.run(&self.proxy, &route, client, on_status).await {
            Ok(relay::Relayed::Whole { closes: false }) => ControlFlow::Continue(()),
            Ok(relay::Relayed::Whole { closes: true } | relay::Relayed::BrokenOff) => ControlFlow::Break(()),
            Err(error) => {
                let Some(response) = instead_of_upstream(client.unread(), &error, site, &snapshot) else {
                    return ControlFlow::Break(());
                };
                log(response.status().as_u16());
                match client.write(&encode(response, clock::now())).await {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            }
        }
    }
}

/// Returns the response to the request that `unread` begins with, if the upstream gave none.
fn instead_of_upstream(
    unread: &[u8],
    error: &UpstreamError,
    site: &UpstreamSite,
    snapshot: &Snapshot,
) -> Option<Response<Bytes>> {
    let mut slots = header_slots();
    let ParsedStart::Plain(head) = parse(unread, &mut slots) else { return None };
    Some(failure_response(error, site, snapshot, head.method, &head.page_fields()))
}
