//! How one exchange with the upstream ended.

use std::io;
use std::time::Duration;

use super::{ForwardError, Forwarded};

/// Why a connection brought no response.
pub(super) enum ExchangeError {
    /// It ended before the response.
    NoResponse(NoResponse),
    /// Another connection would not help.
    Final(ForwardError),
}

/// How far an exchange came that ended before the response.
pub(super) struct NoResponse {
    pub(super) error: io::Error,
    /// True if any of the request may have reached the upstream.
    pub(super) has_sent: bool,
    /// True if there is still all that was sent.
    pub(super) is_kept: bool,
    /// True if anything was received, such as an interim response.
    pub(super) has_received: bool,
}

impl<E: Into<ForwardError>> From<E> for ExchangeError {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

/// How an exchange ended.
pub(super) struct EndedExchange {
    pub(super) forwarded: Forwarded,
    /// How long the connection to the upstream can be used again; `None` if it cannot.
    pub(super) idle_limit: Option<Duration>,
}
