//! How often a request is sent to the upstream, if no response comes.

use std::error::Error as _;
use std::io;

use super::exchange_result::NoResponse;
use super::{ForwardError, UpstreamError};
use crate::http1::request::RequestHead;

/// The attempts at sending a request.
pub(super) struct Attempts {
    /// True if the upstream may get the request twice (RFC 9110, section 9.2.2), and it has no body.
    is_repeatable: bool,
    has_opened: bool,
    /// How often it may still be sent once more because the upstream has not processed it.
    left_if_unprocessed: usize,
    /// True if the upstream may have processed the request.
    may_be_processed: bool,
}

/// How a request is sent once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NextAttempt {
    /// Over an idle connection, if there is one.
    OverIdle,
    /// Over another connection, or a stream.
    OverAnother,
}

impl Attempts {
    pub(super) fn new(head: &RequestHead<'_>) -> Self {
        let is_repeatable = head.method.is_idempotent() && head.framing.is_done();
        Self { is_repeatable, has_opened: false, left_if_unprocessed: 1, may_be_processed: false }
    }

    /// Records that a connection was opened, or a stream on one that is not new. Returns true if it counts as new: a second
    /// stream need not be on a new connection, and a third attempt would be one too many.
    pub(super) fn open(&mut self, is_new: bool) -> bool {
        is_new || std::mem::replace(&mut self.has_opened, true)
    }

    /// Returns the error of the request when an attempt could not be made.
    pub(super) fn fail(&self, error: ForwardError) -> ForwardError {
        match error {
            ForwardError::Upstream(error) if self.may_be_processed && error.is_unprocessed() => {
                UpstreamError::Repeated(Box::new(error)).into()
            }
            error => error,
        }
    }

    /// Returns the error of the request when its last attempt got no response.
    pub(super) fn end(&self, error: io::Error) -> UpstreamError {
        if self.may_be_processed {
            UpstreamError::Broken(error.into())
        } else {
            UpstreamError::Unprocessed(error.into())
        }
    }

    /// Returns how to send the request once more; `None` if it must not be. `failure` is why a stream of HTTP/2 has failed.
    pub(super) fn next(
        &mut self,
        ended: &NoResponse,
        is_new: bool,
        failure: Option<&io::Error>,
    ) -> Option<NextAttempt> {
        let is_unprocessed = failure.is_some_and(is_unprocessed);
        self.may_be_processed |= ended.has_sent && !is_unprocessed;
        if is_unprocessed && ended.is_kept && self.left_if_unprocessed > 0 {
            self.left_if_unprocessed -= 1;
            return Some(NextAttempt::OverAnother);
        }
        if is_new || ended.has_received {
            return None;
        }
        if !ended.has_sent {
            return Some(NextAttempt::OverIdle);
        }
        self.is_repeatable.then_some(NextAttempt::OverAnother)
    }
}

/// Returns true if the request was not sent, or the upstream says that it has not processed it (RFC 9113, section 8.7).
fn is_unprocessed(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<hyper::Error>());
    error.is_some_and(|error| {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
        // The first two: it waited for hyper, or for a stream, until the connection ended.
        error.is_canceled() || error.is_user() || cause.is_some_and(is_refusal)
    })
}

/// h2 ends a stream with a GOAWAY of the upstream only if that names a lower stream.
fn is_refusal(cause: &h2::Error) -> bool {
    cause.is_remote() && (cause.is_go_away() || cause.reason() == Some(h2::Reason::REFUSED_STREAM))
}
