//! The time limits of an exchange: which one holds depends on who has to act.

use std::time::Duration;

use super::cut_log::record_cut;
use super::download::Download;
use super::response::may_pause;
use super::{ClientError, Route, TimedOutStep, UpstreamError};
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;

/// The limits for the waits of an exchange.
pub(super) struct BodyLimits {
    /// From the start, or the last of the request's body, to the response's head.
    pub(super) response: Duration,
    /// From one byte of the response's body to the next.
    body: Duration,
    /// The same for the request's body.
    request_body: Duration,
    /// True if the exchange waits for the request's body.
    waits_for_client: bool,
}

impl BodyLimits {
    pub(super) fn new(head: &RequestHead<'_>, client: &ClientConnection, route: &Route<'_>) -> Self {
        let Route { response_timeout: response, body_timeout: body, .. } = *route;
        // gRPC needs HTTP/2.
        let may_pause = client.is_http2() && may_pause(head.values("content-type"));
        let request_body = if may_pause { Duration::MAX } else { body };
        Self { response, body, request_body, waits_for_client: false }
    }

    /// Returns the limit that begins now, before the response: none if the current wait continues.
    pub(super) fn before_response(&mut self, waits_for_client: bool, has_progress: bool) -> Option<Duration> {
        let waited = std::mem::replace(&mut self.waits_for_client, waits_for_client);
        let limit = if waits_for_client { self.request_body } else { self.response };
        (has_progress || waits_for_client != waited).then_some(limit)
    }

    /// Returns the error if that limit has passed.
    pub(super) fn error_before_response(&self) -> UpstreamError {
        if self.waits_for_client {
            return ClientError::Stalled { after: self.request_body }.into();
        }
        UpstreamError::TimedOut { step: TimedOutStep::Response, after: self.response }
    }

    /// Returns the limit for the next progress within the response.
    pub(super) fn within_response(
        &self,
        waits_for_upstream: bool,
        download: &Download,
        client: &ClientConnection,
    ) -> Duration {
        match (waits_for_upstream, download.may_pause) {
            (true, true) => Duration::MAX,
            (true, false) => self.body,
            (false, _) => client.send_timeout(),
        }
    }

    /// Records that the limit has passed within the response.
    pub(super) fn record_passed(&self, waits_for_upstream: bool, client: &mut ClientConnection) {
        if waits_for_upstream {
            let error = UpstreamError::TimedOut { step: TimedOutStep::Body, after: self.body };
            record_cut(client.peer(), &error);
        } else {
            client.mark_stalled();
        }
    }
}
