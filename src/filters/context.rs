//! A request on its way through the filters, with its decision.

use std::future::ready;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection};

use crate::counters::Outcome;
use crate::decision::{Decision, Down, Pass};
use crate::http1::scheme::Scheme;
use crate::matching::request::{Hosts, X_FORWARDED_HOST, client_scheme};
use crate::snapshot::{CurrentSnapshot, PageKey};

/// The parts of a request that the filters respond by, owned.
#[derive(Clone, Debug)]
pub struct RequestParts {
    /// The method.
    pub method: Method,
    /// The path as text, as received.
    pub path: String,
    /// The query without `?`.
    pub query: Option<String>,
    /// The host that it is for.
    pub host: Option<String>,
    /// The fields.
    pub headers: HeaderMap,
    /// The body, if the response depends on it; else empty.
    pub body: Bytes,
}

/// A request, its decision, and the values that the decision was made on. Made once for each request that is answered
/// here.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The request.
    pub request: RequestParts,
    /// The snapshot that the decision was made on, and its phase.
    pub current: CurrentSnapshot,
    /// The decision.
    pub decided: Decided,
}

/// A decision, and what was found out about the request for it.
#[derive(Clone, Debug)]
pub struct Decided {
    /// True if the peer is a trusted proxy.
    pub trusted: bool,
    /// The client, if it is known.
    pub client: Option<IpAddr>,
    /// The scheme of the connection.
    pub scheme: Scheme,
    /// The time at which the request was received.
    pub now: Timestamp,
    /// The decision.
    pub decision: OwnedDecision,
    /// What the request gets, and why, for metrics and logs.
    pub outcome: Outcome,
}

impl Decided {
    /// Returns true if the request passes because of a bypass: the response is for this client only.
    pub fn is_bypassed(&self) -> bool {
        self.outcome == Outcome::Bypass
    }
}

/// The part of a [`Decision`] that the filters need, without borrows.
#[derive(Clone, Debug)]
pub enum OwnedDecision {
    /// The gate redirects to this URL with https; without one, it refuses.
    Https(Option<HeaderValue>),
    /// The status filter responds.
    Status,
    /// The gateway itself responds to a probe, with 200 or 503.
    Probe(StatusCode),
    /// The enter filter responds.
    Enter,
    /// The site responds.
    Site,
    /// The gate responds with the down page.
    Page(PageKey),
    /// The gate redirects to this URL.
    Redirect(HeaderValue),
}

impl RequestContext {
    /// Returns the hosts that the request is for.
    pub fn hosts(&self) -> Hosts<'_> {
        let RequestParts { host, headers, .. } = &self.request;
        let lines = headers.get_all(X_FORWARDED_HOST).iter().map(HeaderValue::as_bytes);
        Hosts::received(host.as_deref(), lines, self.decided.trusted)
    }

    /// Returns the scheme that the client used: the one that a trusted proxy reports, or else that of the connection.
    pub fn scheme(&self) -> Scheme {
        let lines = self.request.headers.get_all("x-forwarded-proto").iter().map(HeaderValue::as_bytes);
        client_scheme(self.decided.scheme, lines, self.decided.trusted)
    }

    /// A filter that responds to the requests for which `respond` returns a response, and rejects the others. The gateway puts the
    /// context into the request's extensions.
    pub(super) fn filter(
        respond: fn(&Self) -> Option<Response>,
    ) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
        let respond = move |context: Arc<Self>| ready(respond(&context).ok_or_else(not_found));
        warp::ext::get::<Arc<Self>>().and_then(respond)
    }
}

impl From<Decision<'_>> for OwnedDecision {
    fn from(decision: Decision<'_>) -> Self {
        match decision {
            Decision::Https(_, location) => Self::Https(location),
            Decision::Pass(Pass::Status) => Self::Status,
            Decision::Pass(Pass::Enter) => Self::Enter,
            Decision::Pass(Pass::Probe { is_down: true, .. }) => Self::Probe(StatusCode::OK),
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
