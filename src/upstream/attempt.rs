//! A request and its response on one connection.

use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::sleep;

use super::pool::Connection;
use super::upload::{Party, Upload, UploadProgress};
use super::{ClientError, TimedOutStep, UpstreamError};

/// Copies a request that may be sent again: an idempotent one without a body.
pub(super) fn repeatable(request: &Request<Upload>) -> Option<Request<Upload>> {
    if !request.method().is_idempotent() || !request.body().is_none() {
        return None;
    }
    let mut copy = Request::new(Upload::none());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// The reason why there was no response on a connection.
pub(super) enum AttemptError {
    /// Nothing of the request was sent.
    Unsent(Box<Request<Upload>>, hyper::Error),
    /// Some of it may have been sent.
    Failed(UpstreamError),
}

/// The limit on the wait for a response's head.
pub(super) struct ResponseTimer<'a> {
    pub(super) limit: Duration,
    pub(super) progress: Option<&'a UploadProgress>,
}

impl ResponseTimer<'_> {
    /// Sends the request and waits for the response's head.
    pub(super) async fn for_response(
        &self,
        connection: &mut Connection,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, AttemptError> {
        let mut response = pin!(connection.send(request));
        let mut expiry = pin!(sleep(self.limit));
        loop {
            tokio::select! {
                biased;
                response = &mut response => return response.map_err(|mut error| match error.take_message() {
                    Some(unsent) => AttemptError::Unsent(Box::new(unsent), error.into_error()),
                    None => AttemptError::Failed(self.failure(error.into_error())),
                }),
                () = &mut expiry => expiry.set(sleep(self.extend().map_err(AttemptError::Failed)?)),
            }
        }
    }

    fn failure(&self, error: hyper::Error) -> UpstreamError {
        if self.progress.is_some_and(UploadProgress::is_broken) {
            UpstreamError::Client(ClientError::BrokeOff)
        } else {
            UpstreamError::Broken(error.into())
        }
    }

    /// Returns how much longer to wait, if the upload has made progress.
    fn extend(&self) -> Result<Duration, UpstreamError> {
        let timed_out = UpstreamError::TimedOut { phase: TimedOutStep::Response, after: self.limit };
        let Some(progress) = self.progress else { return Err(timed_out) };
        let left = self.limit.saturating_sub(progress.last().elapsed());
        if !left.is_zero() {
            return Ok(left);
        }
        match progress.waits_for() {
            Party::Client => Err(UpstreamError::Client(ClientError::Stalled { after: self.limit })),
            Party::Upstream => Err(timed_out),
        }
    }
}
