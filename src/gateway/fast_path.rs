//! The short way of a plain request: from its head to the bytes of the down page, or to those that go to the upstream.
//!
//! It decides as every request is decided, and what it sends is what the long way would send; it only leaves out what
//! cannot matter to a plain request.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::head::{Beginning, PlainHead, beginning, room};
use super::prepared::written;
use super::{AccessLogLine, Gateway, unreachable};
use crate::clock;
use crate::config::{Config, Site, UpstreamSite};
use crate::decision::{Decision, Pass, decide};
use crate::filters::context::page_key;
use crate::matching::path::RequestPath;
use crate::matching::request::{Hosts, Query, Request, X_FORWARDED_HOST, forwarded_hosts};
use crate::server::{ClientConnection, FastPath};
use crate::snapshot::Snapshot;
use crate::upstream::relay::{self, Relay};
use crate::upstream::{Peer, Route, Scheme, UpstreamError};

/// A plain request on its way to the upstream.
pub struct ForwardedRequest {
    snapshot: Arc<Snapshot>,
    trusted: bool,
    access: Option<AccessLogLine>,
    relay: Relay,
}

impl<R> Gateway<R> {
    /// What is to be done about the request that `unread` begins with, if it is plain.
    pub(super) fn at_once(&self, unread: &[u8], peer: &Peer) -> FastPath<ForwardedRequest> {
        match beginning(unread, &mut room()) {
            Beginning::Incomplete => FastPath::Incomplete,
            Beginning::Other => FastPath::Other,
            Beginning::Plain(head) => self.decide_at_once(&head, peer).unwrap_or(FastPath::Other),
        }
    }

    fn decide_at_once(&self, head: &PlainHead<'_, '_>, peer: &Peer) -> Option<FastPath<ForwardedRequest>> {
        let now = clock::now();
        let seen = self.view.at(now);
        let (snapshot, phase) = &*seen;
        let config = &snapshot.config;
        let trusted = config.server.trusted_proxies.trusts(peer.address());
        // Whom a proxy speaks for is a matter of more fields.
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
            // Whether it really is one is found out on the long way, which a redirect takes.
            is_navigation: true,
            client: peer.address(),
        };
        match decide(&config.rules, &request, &phase.state, now) {
            Decision::Unavailable(down) if !config.log.access && !head.is_special => {
                let answer = self.prepared.answer(snapshot, phase, page_key(&down), head, now);
                Some(FastPath::Answer { head: head.length, answer })
            }
            Decision::Pass(pass) if pass != Pass::Status => {
                let access = AccessLogLine::begin(config, head.method, head.path, peer.address());
                let relay = self.relay_of(head, peer, trusted, config)?;
                let relay = ForwardedRequest { snapshot: Arc::clone(snapshot), trusted, access, relay };
                Some(FastPath::Relay { head: head.length, relay })
            }
            _ => None,
        }
    }

    fn relay_of(
        &self,
        head: &PlainHead<'_, '_>,
        peer: &Peer,
        trusted: bool,
        config: &Config,
    ) -> Option<Relay> {
        let is_passed_on = matches!(config.site, Site::Upstream(_)) && !head.has_codings;
        let passed_on = relay::PlainRequest {
            method: head.method.as_str(),
            target: head.target,
            host: head.host,
            fields: head.fields,
        };
        is_passed_on.then(|| self.proxy.relay(&passed_on, peer, trusted, Scheme::Http))
    }

    /// Passes a request on that is still the first of what its client has sent.
    pub(super) async fn pass_at_once(
        &self,
        passing: ForwardedRequest,
        peer: &Peer,
        client: &mut ClientConnection<'_>,
    ) -> ControlFlow<()> {
        let ForwardedRequest { snapshot, trusted, mut access, relay } = passing;
        let Site::Upstream(site) = &snapshot.config.site else { return ControlFlow::Break(()) };
        let route = Route::new(site, peer, trusted, Scheme::Http);
        let mut log = |status| {
            if let Some(access) = access.take() {
                access.log(status);
            }
        };
        let answered = |status| {
            snapshot.reachability.record(true);
            log(status);
        };
        match relay.run(&self.proxy, &route, client, answered).await {
            Ok(relay::Relayed::Whole { closes: false }) => ControlFlow::Continue(()),
            Ok(relay::Relayed::Whole { closes: true } | relay::Relayed::BrokenOff) => ControlFlow::Break(()),
            Err(fault) => {
                let Some(response) = instead(client.unread(), &fault, site, &snapshot) else {
                    return ControlFlow::Break(());
                };
                log(response.status().as_u16());
                match client.write(&written(response, clock::now())).await {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            }
        }
    }
}

/// What the request that `unread` begins with gets instead of the upstream's answer.
fn instead(
    unread: &[u8],
    fault: &UpstreamError,
    site: &UpstreamSite,
    snapshot: &Snapshot,
) -> Option<Response<Bytes>> {
    let mut room = room();
    let Beginning::Plain(head) = beginning(unread, &mut room) else { return None };
    Some(unreachable(fault, site, snapshot, head.method, &head.wanted()))
}
