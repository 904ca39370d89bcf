//! The response to a request that the upstream did not respond to.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tracing::{error, info};

use crate::config::{UpstreamSite, WhenUnreachable};
use crate::page::NEGOTIATION_FIELDS;
use crate::snapshot::Snapshot;
use crate::upstream::UpstreamError;

const LOG_TARGET: &str = "downtime::gateway";

/// Returns the response to a request without a response from the upstream, and logs why there is none. `page_fields` are the
/// fields that the down page depends on.
pub(super) fn failure_response(
    error: &UpstreamError,
    site: &UpstreamSite,
    snapshot: &Snapshot,
    method: &Method,
    page_fields: &HeaderMap,
) -> Response<Bytes> {
    if error.client_fault().is_some() {
        info!(target: LOG_TARGET, "{error}");
        return bare_response(error.status(), Bytes::new());
    }
    snapshot.reachability.record(false);
    error!(target: LOG_TARGET, "{} is unreachable: {error}", site.upstream);
    match site.when_unreachable {
        WhenUnreachable::Downtime => {
            snapshot.unreachable().respond(method, page_fields, snapshot.retry_after())
        }
        WhenUnreachable::Error => {
            let mut response = bare_response(error.status(), format!("{}\n", error.status()).into());
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, text);
            if method == Method::HEAD {
                response.body_mut().clear();
            }
            response
        }
    }
}

fn bare_response(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let length = body.len().into();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// The parts of a request that the down page depends on, kept while the request is forwarded.
pub(super) struct PageRequest {
    pub(super) method: Method,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl PageRequest {
    pub(super) fn from_head(method: &Method, headers: &HeaderMap) -> Self {
        let values = |name: &'static str| {
            let values = headers.get_all(name).iter();
            values.map(move |value| (HeaderName::from_static(name), value.clone()))
        };
        Self { method: method.clone(), fields: NEGOTIATION_FIELDS.into_iter().flat_map(values).collect() }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.fields {
            headers.append(name, value.clone());
        }
        headers
    }
}
