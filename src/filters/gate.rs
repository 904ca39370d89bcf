//! The gate: responds instead of the site while it is down.

use std::sync::Arc;

use http::{HeaderMap, Method};
use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::context::{OwnedDecision, RequestContext};
use crate::page;
use crate::snapshot::{CurrentSnapshot, Phase, Snapshot};

/// Responds with the down page or the redirect. Rejects requests that pass.
pub fn gate() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter().and_then(|context: Arc<RequestContext>| {
        let RequestContext { request, current, decided } = &*context;
        let CurrentSnapshot { snapshot, phase } = current;
        let response = respond(snapshot, phase, &decided.decision, &request.method, &request.headers);
        std::future::ready(response.ok_or_else(not_found))
    })
}

/// Returns the response to a decision; `None` if another filter or the site responds.
pub fn respond(
    snapshot: &Snapshot,
    phase: &Phase,
    decision: &OwnedDecision,
    method: &Method,
    headers: &HeaderMap,
) -> Option<Response> {
    match decision {
        OwnedDecision::Page(key) => {
            Some(snapshot.page(phase, *key).respond(method, headers, key.retry_after).map(Into::into))
        }
        OwnedDecision::Redirect(location) => {
            Some(page::redirect(location, &snapshot.config.response.fields).map(Into::into))
        }
        OwnedDecision::Status | OwnedDecision::Probe(_) | OwnedDecision::Site => None,
    }
}
