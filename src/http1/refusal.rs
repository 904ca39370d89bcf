//! The reason why a request is refused.

use http::StatusCode;

/// Why a request gets an error response instead of being handled. The connection closes after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The status of the response.
    pub status: StatusCode,
    /// What is wrong, as a clause without a full stop, for the client and the log.
    pub reason: &'static str,
}

impl Refusal {
    /// A malformed or ambiguous request: 400.
    pub const fn bad_request(reason: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason }
    }

    /// A request that uses something which the gateway does not implement: 501.
    pub const fn not_implemented(reason: &'static str) -> Self {
        Self { status: StatusCode::NOT_IMPLEMENTED, reason }
    }
}
