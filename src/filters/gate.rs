//! The gate: answers for the site while it is down.

use std::sync::Arc;

use http::{HeaderMap, Method};
use warp::reject::not_found;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::exchange::{Exchange, Verdict};
use crate::page;
use crate::snapshot::{Phase, Snapshot};

/// The down page or the redirect, where that is the verdict; rejects what passes.
pub fn gate() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    Exchange::filter().and_then(|exchange: Arc<Exchange>| std::future::ready(answer(&exchange)))
}

fn answer(exchange: &Exchange) -> Result<Response, Rejection> {
    let Exchange { head, snapshot, phase, verdict, .. } = exchange;
    respond(snapshot, phase, verdict, &head.method, &head.headers).ok_or_else(not_found)
}

/// The response to a verdict; `None` where the site or the status answers.
pub fn respond(
    snapshot: &Snapshot,
    phase: &Phase,
    verdict: &Verdict,
    method: &Method,
    headers: &HeaderMap,
) -> Option<Response> {
    match verdict {
        Verdict::Page(key) => Some(snapshot.page(phase, *key).answer(method, headers, key.retry_after)),
        Verdict::Redirect(location) => Some(page::redirect(location, &snapshot.config.response.fields)),
        Verdict::Status | Verdict::Site => None,
    }
}
