//! The time limits of an exchange: which one holds depends on who has to act.

use std::time::Duration;

use super::cut_log::record_cut;
use super::download::Download;
use super::response::may_pause;
use super::upload::Upload;
use super::{ClientError, ForwardError, Route, TimedOutStep, UpstreamError};
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::net::progress::ClientWait;

/// The limits for the waits of an exchange.
pub(super) struct BodyLimits {
    /// From the start, or the last of the request's body, to the response's head.
    pub(super) response: Duration,
    /// From one byte of the response's body to the next.
    body: Duration,
    /// For each [`MIN_PROGRESS`](crate::net::progress::MIN_PROGRESS) of the request's body.
    request_body: Duration,
    /// True if the exchange waits for the request's body.
    waits_for_client: bool,
    /// The wait for the request's body.
    receiving: ClientWait,
    /// The wait for the client to take the response.
    sending: ClientWait,
}

impl BodyLimits {
    pub(super) fn new(head: &RequestHead<'_>, client: &ClientConnection, route: &Route<'_>) -> Self {
        let (response, body) = (route.site.response_timeout, route.limits.body_timeout);
        // gRPC needs HTTP/2.
        let may_pause = client.is_http2() && may_pause(head.values("content-type"));
        let request_body = if may_pause { Duration::MAX } else { body };
        Self {
            response,
            body,
            request_body,
            waits_for_client: false,
            receiving: ClientWait::new(),
            sending: ClientWait::new(),
        }
    }

    /// Returns the limit that begins now, before the response: none if the current wait continues.
    pub(super) fn before_response(
        &mut self,
        upload: &Upload<'_>,
        has_progress: bool,
        client: &ClientConnection,
    ) -> Option<Duration> {
        let waited = std::mem::replace(&mut self.waits_for_client, upload.waits_for_client());
        if self.waits_for_client {
            return self.receiving.poll_left(client.body_position(), self.request_body);
        }
        if waited {
            self.receiving.pause();
        }
        (has_progress || waited).then_some(self.response)
    }

    /// Returns the error if that limit has passed.
    pub(super) fn error_before_response(&self) -> ForwardError {
        if self.waits_for_client {
            return ClientError::Stalled.into();
        }
        UpstreamError::TimedOut { step: TimedOutStep::Response, after: self.response }.into()
    }

    /// Returns the limit that begins now, within the response: none if the current wait continues.
    pub(super) fn within_response(
        &mut self,
        download: &mut Download,
        waits_for_upstream: bool,
        upload_has_progress: bool,
        client: &ClientConnection,
    ) -> Option<Duration> {
        let has_progress = std::mem::take(&mut download.has_progress);
        if !waits_for_upstream {
            return self.sending.poll_left(download.taken, client.send_timeout());
        }
        // The client has taken all that there was.
        if self.sending.is_waiting() {
            self.sending = ClientWait::new();
        }
        let limit = if download.may_pause { Duration::MAX } else { self.body };
        (has_progress || upload_has_progress).then_some(limit)
    }

    /// Returns true if the progress of the upload within the response is enough to extend the limit.
    pub(super) fn extends(&mut self, upload: &Upload<'_>, client: &ClientConnection) -> bool {
        !upload.waits_for_client() || self.receiving.take_progress(client.body_position())
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
