//! The response to a request that the upstream did not respond to.

use bytes::Bytes;
use http::Response;
use tracing::{debug, error, info};

use super::decide::page_fields;
use crate::config::{UpstreamSite, WhenUnreachable};
use crate::escape::peer_text;
use crate::http1::refusal::text_response;
use crate::http1::request::RequestHead;
use crate::log_interval::LogInterval;
use crate::net::peer::Peer;
use crate::page::{self, VisitorRequest};
use crate::server::limit_log;
use crate::snapshot::Snapshot;
use crate::upstream::{ClientError, TimedOutStep, UpstreamError};

const LOG_TARGET: &str = "downtime::gateway";

/// Logs what a client did. A client may do it all the time, so one line a minute has level `info`.
fn log_fault(fault: ClientError, error: &UpstreamError, peer: &Peer) {
    static LOGGED: LogInterval = LogInterval::new();
    if let ClientError::Stalled { .. } = fault {
        limit_log::BODY_TIMEOUT.record(peer);
    } else if LOGGED.is_due() {
        info!(target: LOG_TARGET, "refused a request of {peer}: {error}; more are not logged for a minute");
        return;
    }
    debug!(target: LOG_TARGET, "refused a request of {peer}: {error}");
}

/// Returns the response to a request without a response from the upstream, and logs why there is none.
pub(super) fn failure_response(
    error: &UpstreamError,
    site: &UpstreamSite,
    snapshot: &Snapshot,
    head: &RequestHead<'_>,
    peer: &Peer,
) -> Response<Bytes> {
    if let Some(fault) = error.client_fault() {
        log_fault(fault, error, peer);
        return text_response(error.status(), &error.to_string());
    }
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
