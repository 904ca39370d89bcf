//! The reason why a request is refused, and the response that says so.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

/// Why a request gets an error response instead of being handled. The connection closes after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The status of the response.
    pub status: StatusCode,
    /// What is wrong, as a clause without a full stop, for the client and the log.
    pub reason: &'static str,
}

/// A body whose framing is malformed.
pub const MALFORMED_BODY: Refusal = Refusal::bad_request("the body of the request is malformed");
/// A body that the client does not complete.
pub const INCOMPLETE_BODY: Refusal =
    Refusal::bad_request("the connection ended within the body of the request");
/// A body of which too little came for too long.
pub const SLOW_BODY: Refusal =
    Refusal { status: StatusCode::REQUEST_TIMEOUT, reason: "the body of the request came too slowly" };

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

/// Returns a response with a line of text, for requests that get nothing else.
pub fn text_response(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(format!("{text}\n").into());
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
