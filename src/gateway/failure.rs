//! The response to a request that the upstream did not respond to.

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use tracing::{error, info};

use crate::config::{UpstreamSite, WhenUnreachable};
use crate::server::refusal::text_response;
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
        return text_response(error.status(), &error.to_string());
    }
    snapshot.reachability.record(false);
    error!(target: LOG_TARGET, "{} is unreachable: {error}", site.upstream);
    match site.when_unreachable {
        WhenUnreachable::Downtime => {
            snapshot.unreachable().respond(method, page_fields, snapshot.retry_after())
        }
        WhenUnreachable::Error => text_response(error.status(), &error.status().to_string()),
    }
}
