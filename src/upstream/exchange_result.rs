//! How one exchange with the upstream ended.

use std::io;
use std::time::Duration;

use super::{Forwarded, UpstreamError};

/// Why a connection brought no response.
pub(super) enum ExchangeError {
    /// It ended before any byte was received.
    NoResponse {
        error: io::Error,
        /// True if any of the request may have reached the upstream.
        has_sent: bool,
    },
    /// Another connection would not help.
    Final(UpstreamError),
}

impl<E: Into<UpstreamError>> From<E> for ExchangeError {
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
