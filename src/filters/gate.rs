//! The gate: answers for the site while it is down.

use std::sync::Arc;

use http::{HeaderMap, Method};
use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::context::{OwnedDecision, RequestContext};
use crate::page;
use crate::snapshot::{Phase, Snapshot};

/// The down page or the redirect, where that is the verdict; rejects what passes.
pub fn gate() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter().and_then(|exchange: Arc<RequestContext>| std::future::ready(answer(&exchange)))
}

fn answer(exchange: &RequestContext) -> Result<Response, Rejection> {
    let RequestContext { head, snapshot, phase, verdict, .. } = exchange;
    respond(snapshot, phase, verdict, &head.method, &head.headers).ok_or_else(not_found)
}

/// The response to a verdict; `None` where the site or the status answers.
pub fn respond(
    snapshot: &Snapshot,
    phase: &Phase,
    verdict: &OwnedDecision,
    method: &Method,
    headers: &HeaderMap,
) -> Option<Response> {
    match verdict {
        OwnedDecision::Page(key) => {
            Some(snapshot.page(phase, *key).respond(method, headers, key.retry_after).map(Into::into))
        }
        OwnedDecision::Redirect(location) => {
            Some(page::redirect(location, &snapshot.config.response.fields).map(Into::into))
        }
        OwnedDecision::Status | OwnedDecision::Site => None,
    }
}
