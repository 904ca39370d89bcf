//! The gate: responds instead of the site while it is down.

use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderValue, StatusCode};
use warp::reply::{Reply as _, Response};
use warp::{Filter, Rejection};

use super::context::{OwnedDecision, RequestContext};
use crate::page::{self, VisitorRequest};
use crate::snapshot::{CurrentSnapshot, Phase, Snapshot};

/// Responds with the down page or a redirect. Rejects requests that pass.
pub fn gate() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    RequestContext::filter(|context| {
        let RequestContext { request, current, decided } = context;
        let CurrentSnapshot { snapshot, phase } = current;
        let request = VisitorRequest {
            method: &request.method,
            headers: &request.headers,
            is_favicon: page::is_favicon(&request.method, &request.path),
            is_unsent: true,
        };
        respond(snapshot, phase, &decided.decision, &request)
    })
}

/// Returns the response to a decision; `None` if another filter or the site responds.
pub fn respond(
    snapshot: &Snapshot,
    phase: &Phase,
    decision: &OwnedDecision,
    request: &VisitorRequest<'_>,
) -> Option<Response> {
    match decision {
        OwnedDecision::Https(location) => Some(to_https(location.as_ref())),
        OwnedDecision::Page(key) => {
            Some(snapshot.page(phase, *key).respond(request, key.retry_after).map(Into::into))
        }
        OwnedDecision::Redirect(location) => {
            Some(page::redirect(location, &snapshot.config.response.fields).map(Into::into))
        }
        OwnedDecision::Status | OwnedDecision::Enter | OwnedDecision::Probe(_) | OwnedDecision::Site => None,
    }
}

/// Returns the redirect to a URL with https, which keeps method and body (RFC 9110, section 15.4.9).
fn to_https(location: Option<&HeaderValue>) -> Response {
    let Some(location) = location else {
        let text = "this site is served over https only\n";
        return warp::reply::with_status(text, StatusCode::BAD_REQUEST).into_response();
    };
    let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
    response.headers_mut().insert(LOCATION, location.clone());
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}
