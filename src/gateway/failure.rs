//! The response to a request that the upstream did not respond to.

use bytes::Bytes;
use http::Response;
use tracing::{debug, error, info};

use super::decide::page_fields;
use crate::config::{UpstreamSite, WhenUnreachable};
use crate::http1::request::RequestHead;
use crate::page::{self, VisitorRequest};
use crate::server::refusal::text_response;
use crate::snapshot::Snapshot;
use crate::upstream::UpstreamError;

const LOG_TARGET: &str = "downtime::gateway";

/// Returns the response to a request without a response from the upstream, and logs why there is none.
pub(super) fn failure_response(
    error: &UpstreamError,
    site: &UpstreamSite,
    snapshot: &Snapshot,
    head: &RequestHead<'_>,
) -> Response<Bytes> {
    if error.client_fault().is_some() {
        info!(target: LOG_TARGET, "{error}");
        return text_response(error.status(), &error.to_string());
    }
    let upstream = site.upstream.to_string();
    if snapshot.reachability.record_failure() {
        error!(target: LOG_TARGET, upstream, "{upstream} is unreachable: {error}");
    } else {
        debug!(target: LOG_TARGET, upstream, "{upstream} is still unreachable: {error}");
    }
    match site.when_unreachable {
        WhenUnreachable::Downtime => {
            let request = VisitorRequest {
                method: &head.method,
                headers: &page_fields(head),
                is_favicon: page::is_favicon(&head.method, &head.target.path_text()),
                is_unsent: error.is_unsent(),
            };
            snapshot.unreachable().respond(&request, snapshot.retry_after())
        }
        WhenUnreachable::Error => text_response(error.status(), &error.status().to_string()),
    }
}
