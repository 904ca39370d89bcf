//! The response to a request that the upstream did not respond to.

use bytes::Bytes;
use http::Response;
use tracing::{debug, error};

use super::decide::page_fields;
use crate::config::{UpstreamSite, WhenUnreachable};
use crate::escape::peer_text;
use crate::http1::refusal::text_response;
use crate::http1::request::RequestHead;
use crate::page::{self, VisitorRequest};
use crate::snapshot::Snapshot;
use crate::upstream::{TimedOutStep, UpstreamError};

const LOG_TARGET: &str = "downtime::gateway";

/// Returns the response to a request without a response from the upstream, and logs why there is none.
pub(super) fn failure_response(
    error: &UpstreamError,
    site: &UpstreamSite,
    snapshot: &Snapshot,
    head: &RequestHead<'_>,
) -> Response<Bytes> {
    let upstream = site.upstream.to_string();
    // It may be so for one path only.
    let reason = match error {
        UpstreamError::Invalid(_) | UpstreamError::TimedOut { step: TimedOutStep::Response, .. } => {
            let path = head.target.path_text();
            let [method, path] = [head.method.as_str(), &*path].map(peer_text);
            format!("{error} ({method} {path})")
        }
        _ => error.to_string(),
    };
    if snapshot.reachability.record_failure(error.is_connected()) {
        error!(target: LOG_TARGET, upstream, "{upstream} is unreachable: {reason}");
    } else {
        debug!(target: LOG_TARGET, upstream, "{upstream} is still unreachable: {reason}");
    }
    match site.when_unreachable {
        WhenUnreachable::Downtime => {
            let request = VisitorRequest {
                method: &head.method,
                headers: &page_fields(head),
                is_favicon: page::is_favicon(&head.method, &head.target.path_text()),
                is_unsent: error.is_unprocessed(),
            };
            snapshot.unreachable().respond(&request, snapshot.retry_after())
        }
        WhenUnreachable::Error => text_response(error.status(), &error.status().to_string()),
    }
}
