//! One request on its way through the filters, with all that was decided over it.

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

/// A request's head, the snapshot and the moment that it is decided on, and the verdict: made once for each request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The request's head, as it came.
    pub head: Parts,
    /// The other end of the connection; `None`: a Unix socket.
    pub peer: Option<IpAddr>,
    /// Whether the peer's `X-Forwarded-*` are believed.
    pub trusted: bool,
    /// The client, where it is known.
    pub client: Option<IpAddr>,
    /// The one snapshot.
    pub snapshot: Arc<Snapshot>,
    /// What its schedule says.
    pub phase: Arc<Phase>,
    /// The one clock reading.
    pub now: Timestamp,
    /// What becomes of the request.
    pub verdict: OwnedDecision,
}

/// A decision without borrows, as far as the filters need it.
#[derive(Clone, Debug)]
pub enum OwnedDecision {
    /// The status filter answers.
    Status,
    /// The site answers.
    Site,
    /// The down page answers.
    Page(PageKey),
    /// It is sent elsewhere.
    Redirect(HeaderValue),
}

impl RequestContext {
    /// Decides a request.
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
        let verdict = OwnedDecision::from(decide(&snapshot.config.rules, &request, &phase.state, now));
        Self { head, peer, trusted, client, snapshot, phase, now, verdict }
    }

    /// The hosts that the request is for.
    pub fn hosts(&self) -> Hosts<'_> {
        hosts(&self.head, self.trusted)
    }

    /// The exchange that the service around the filters has put beside the request.
    pub fn filter() -> impl Filter<Extract = (Arc<Self>,), Error = warp::Rejection> + Clone {
        warp::ext::get::<Arc<Self>>()
    }
}

impl From<Decision<'_>> for OwnedDecision {
    fn from(decision: Decision<'_>) -> Self {
        match decision {
            Decision::Pass(Pass::Status) => Self::Status,
            Decision::Pass(_) => Self::Site,
            Decision::Unavailable(down) => Self::Page(key(&down)),
            Decision::Redirect(_, redirect) => Self::Redirect(redirect.location().clone()),
        }
    }
}

/// Which page a request gets that is down.
pub fn key(down: &Down<'_>) -> PageKey {
    PageKey {
        period: down.period,
        start: down.occurrence.start,
        until: down.until,
        retry_after: down.retry_after,
    }
}

/// The path of the target as it came; `*` and authorities are no paths, and match no rule.
fn path(head: &Parts) -> &str {
    match head.uri.path() {
        "" => "/",
        path => path,
    }
}

/// The hosts that the request is for: the target's authority beats the Host field (RFC 9112 3.2.2), and a trusted proxy
/// may say which others it was asked for.
fn hosts(head: &Parts, trusted: bool) -> Hosts<'_> {
    let host = || head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let own = head.uri.authority().map(Authority::as_str).or_else(host);
    let lines = head.headers.get_all(X_FORWARDED_HOST).iter().filter(|_| trusted);
    Hosts { own, forwarded: forwarded_hosts(lines.map(HeaderValue::as_bytes)) }
}
