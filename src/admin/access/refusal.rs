//! Why a request is not let in, and the status that says so.

use http::StatusCode;

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRefusal {
    /// The status of the response.
    pub status: StatusCode,
    /// What is wrong, for the client.
    pub reason: &'static str,
}

impl AccessRefusal {
    const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

pub(super) const NOT_LOGGED_IN: AccessRefusal =
    AccessRefusal::new(StatusCode::UNAUTHORIZED, "a login is required");
pub(super) const UNKNOWN_TOKEN: AccessRefusal =
    AccessRefusal::new(StatusCode::UNAUTHORIZED, "the token is not valid");
pub(super) const UNTRUSTED_USER: AccessRefusal = AccessRefusal::new(
    StatusCode::BAD_REQUEST,
    "the request names a user, which only `trusted_proxies` in [admin] may do",
);
pub(super) const INVALID_USER: AccessRefusal =
    AccessRefusal::new(StatusCode::BAD_REQUEST, "the proxy names no valid user");
pub(super) const WRONG_PASSWORD: AccessRefusal =
    AccessRefusal::new(StatusCode::FORBIDDEN, "the name or the password is wrong");
pub(super) const TOO_MANY_FAILURES: AccessRefusal = AccessRefusal::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too many wrong passwords: wait a minute, or log in with a link",
);
pub(super) const BUSY: AccessRefusal = AccessRefusal::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "too many passwords are being checked: try again, or log in with a link",
);
pub(super) const NO_RANDOM_BYTES: AccessRefusal =
    AccessRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the system has no random bytes");
pub(super) const WRONG_LINK: AccessRefusal =
    AccessRefusal::new(StatusCode::FORBIDDEN, "the link is not valid: it may be over, or used already");
