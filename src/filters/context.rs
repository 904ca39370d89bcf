//! A request on its way through the filters, with its decision.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;
use http::uri::Authority;
use jiff::Timestamp;
use warp::Filter;

use crate::decision::{Decision, Down, Pass, decide};
use crate::matching::client_address::client_address;
use crate::matching::path::RequestPath;
use crate::matching::request::{
    Hosts, Query, Request, X_FORWARDED_HOST, forwarded_hosts, is_method_override,
};
use crate::page::is_navigation;
use crate::snapshot::{PageKey, Phase, Snapshot};

/// A request's head, its decision, and the values that the decision was made on. Made once for each request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The request's head, as received.
    pub head: Parts,
    /// The other end of the connection; `None`: a Unix socket.
    pub peer: Option<IpAddr>,
    /// True if the peer is a trusted proxy.
    pub trusted: bool,
    /// The client, if it is known.
    pub client: Option<IpAddr>,
    /// The snapshot that the decision was made on.
    pub snapshot: Arc<Snapshot>,
    /// The snapshot's phase at `now`.
    pub phase: Arc<Phase>,
    /// The time at which the request was received.
    pub now: Timestamp,
    /// The decision.
    pub decision: OwnedDecision,
}

/// The part of a [`Decision`] that the filters need, without borrows.
#[derive(Clone, Debug)]
pub enum OwnedDecision {
    /// The status filter responds.
    Status,
    /// The site responds.
    Site,
    /// The gate responds with the down page.
    Page(PageKey),
    /// The gate redirects to this URL.
    Redirect(HeaderValue),
}

impl RequestContext {
    /// Makes the decision on a request.
    pub fn new(head: Parts, peer: Option<IpAddr>, snapshot: Arc<Snapshot>, now: Timestamp) -> Self {
        let trust = &snapshot.config.server.trusted_proxies;
        let trusted = trust.trusts(peer);
        let client = client_address(peer, &head.headers, |address| trust.contains(address), trusted);
        let phase = snapshot.phase(now);
        let request = Request {
            method: &head.method,
            hosts: hosts(&head, trusted),
            path: RequestPath::new(path(&head)),
            query: Query::new(head.uri.query()),
            has_override_field: head.headers.keys().any(|name| is_method_override(name.as_str())),
            is_navigation: is_navigation(&head.method, &head.headers),
            client,
        };
        let decision = OwnedDecision::from(decide(&snapshot.config.rules, &request, &phase.state, now));
        Self { head, peer, trusted, client, snapshot, phase, now, decision }
    }

    /// Returns the hosts that the request is for.
    pub fn hosts(&self) -> Hosts<'_> {
        hosts(&self.head, self.trusted)
    }

    /// Extracts the context, which the gateway has put into the request's extensions.
    pub fn filter() -> impl Filter<Extract = (Arc<Self>,), Error = warp::Rejection> + Clone {
        warp::ext::get::<Arc<Self>>()
    }
}

impl From<Decision<'_>> for OwnedDecision {
    fn from(decision: Decision<'_>) -> Self {
        match decision {
            Decision::Pass(Pass::Status) => Self::Status,
            Decision::Pass(_) => Self::Site,
            Decision::Unavailable(down) => Self::Page(page_key(&down)),
            Decision::Redirect(_, redirect) => Self::Redirect(redirect.location().clone()),
        }
    }
}

/// Returns the key of the page for a request that is down.
pub fn page_key(down: &Down<'_>) -> PageKey {
    PageKey {
        period: down.period,
        start: down.occurrence.start,
        until: down.until,
        retry_after: down.retry_after,
    }
}

/// Returns the path of the target as received. `*` and authorities are not paths and match no rule.
fn path(head: &Parts) -> &str {
    match head.uri.path() {
        "" => "/",
        path => path,
    }
}

/// Returns the hosts that the request is for. The target's authority takes precedence over the Host field (RFC 9112,
/// section 3.2.2), and a trusted proxy may add others.
fn hosts(head: &Parts, trusted: bool) -> Hosts<'_> {
    let host = || head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let own = head.uri.authority().map(Authority::as_str).or_else(host);
    let lines = head.headers.get_all(X_FORWARDED_HOST).iter().filter(|_| trusted);
    Hosts { own, forwarded: forwarded_hosts(lines.map(HeaderValue::as_bytes)) }
}
