//! What all responses of the admin page have in common.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::http1::refusal::text_response;
use crate::page::policy_for_form;

/// The fields of each response: caches and other sites get nothing of it. With `no-referrer`, browsers would send
/// `Origin: null` with forms.
const FIELDS: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the fields that protect a response. HTML that has no Content-Security-Policy may only use its own inline styles and
/// scripts.
pub(super) fn secure(mut response: Response<Bytes>) -> Response<Bytes> {
    let is_html = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"));
    let policy = if is_html {
        policy_for_form(std::str::from_utf8(response.body()).unwrap_or_default())
    } else {
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")
    };
    let fields = response.headers_mut();
    // A page with a policy of its own shows what others wrote: it must not act for the operator who looks at it.
    let own = fields.get(CONTENT_SECURITY_POLICY).and_then(|own| own.to_str().ok());
    let own = own.and_then(|own| HeaderValue::try_from(format!("{own}; sandbox")).ok());
    fields.insert(CONTENT_SECURITY_POLICY, own.unwrap_or(policy));
    for (name, value) in FIELDS {
        fields.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Returns a response with a body of this media type.
pub(super) fn with_body(status: StatusCode, media_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Returns a response that leads to another page.
pub(super) fn see_other(location: impl TryInto<HeaderValue>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().extend(location.try_into().ok().map(|location| (LOCATION, location)));
    response
}

/// Returns the response to a request that is refused.
pub(super) fn refuse(status: StatusCode, reason: &str, wants_json: bool) -> Response<Bytes> {
    refused_response(text_response(status, reason), wants_json)
}

/// Completes a refusal in plain text, as problem+json (RFC 9457) for clients that want JSON.
pub(super) fn refused_response(mut response: Response<Bytes>, wants_json: bool) -> Response<Bytes> {
    if wants_json {
        let status = response.status();
        let title = status.canonical_reason().unwrap_or_default();
        let reason = String::from_utf8_lossy(response.body()).trim_end().to_owned();
        let problem =
            json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": reason });
        *response.body_mut() = problem.to_string().into();
        let media_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, media_type);
    }
    with_challenge(secure(response))
}

/// Adds what the status of a refusal demands.
pub(super) fn with_challenge(mut response: Response<Bytes>) -> Response<Bytes> {
    let field = match response.status() {
        StatusCode::UNAUTHORIZED => (WWW_AUTHENTICATE, "Bearer"),
        StatusCode::METHOD_NOT_ALLOWED => (ALLOW, "GET, HEAD, POST"),
        StatusCode::TOO_MANY_REQUESTS => (RETRY_AFTER, "60"),
        StatusCode::SERVICE_UNAVAILABLE => (RETRY_AFTER, "1"),
        _ => return response,
    };
    response.headers_mut().insert(field.0, HeaderValue::from_static(field.1));
    response
}
