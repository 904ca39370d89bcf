//! The gateway's own response to a probe: the site is down on purpose, or the gateway is stopping.

use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::{HeaderValue, StatusCode};
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::context::{OwnedDecision, RequestContext};

/// Responds to probes that the gateway answers itself. Rejects the others.
pub fn probe() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter(|context| respond(&context.decided.decision))
}

/// Returns the response to a decision; `None` if something else responds.
pub fn respond(decision: &OwnedDecision) -> Option<Response> {
    let OwnedDecision::Probe(status) = decision else { return None };
    let text = if *status == StatusCode::OK { "ok\n" } else { "the gateway is stopping\n" };
    let mut response = warp::reply::with_status(text, *status).into_response();
    let fields = response.headers_mut();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    Some(response)
}
