//! Responses that are prepared before they are needed.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::fields::{DOWNTIME, GRPC_MESSAGE, GRPC_STATUS};
use super::negotiate::Grpc;
use super::{Cors, PageContent, body, csp};

const WELCOME: &str = include_str!("../../templates/welcome.html");

/// Returns the welcome page, with status 200. It shows the next steps if the configuration has no site.
pub fn welcome(method: &Method) -> http::Response<Bytes> {
    static WELCOME_PAGE: LazyLock<PreparedResponse> = LazyLock::new(|| {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_LANGUAGE, HeaderValue::from_static("en")),
            (CONTENT_SECURITY_POLICY, csp::policy(WELCOME)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut response = PreparedResponse {
            status: StatusCode::OK,
            headers: headers.into_iter().collect(),
            body: Bytes::new(),
        };
        response.set_body(WELCOME.into());
        response
    });
    WELCOME_PAGE.respond(method)
}

/// A response that can be sent any number of times.
#[derive(Debug, Clone)]
pub(super) struct PreparedResponse {
    status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl PreparedResponse {
    pub(super) fn new(content: &PageContent, content_type: Option<&'static str>, body: Bytes) -> Self {
        let headers = [
            (RETRY_AFTER, retry_after_value(content.retry_after)),
            (DOWNTIME.clone(), content.cause.field_value()),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (VARY, HeaderValue::from_static(vary(content.cors))),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let content_type =
            content_type.map(|media_type| (CONTENT_TYPE, HeaderValue::from_static(media_type)));
        let mut headers: HeaderMap = headers.into_iter().chain(content_type).collect();
        headers.extend(content.fields.clone());
        let mut response = Self { status: content.status, headers, body: Bytes::new() };
        response.set_body(body);
        response
    }

    /// Creates a response with the gRPC status UNAVAILABLE, all in the head ("Trailers-Only", gRPC over HTTP2).
    pub(super) fn grpc(content: &PageContent) -> Self {
        const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");
        /// In bytes: clients accept 8 KiB of fields, and percent-encoding makes three bytes of one.
        const MAX_MESSAGE: usize = 1000;
        /// `%`, and what is not printable ASCII.
        const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
        let mut response = Self::new(content, Some(Grpc::Plain.media_type()), Bytes::new());
        response.status = StatusCode::OK;
        response.headers.insert(&GRPC_STATUS, UNAVAILABLE);
        let message = body::message(content);
        let message = message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default();
        let message = utf8_percent_encode(message, ENCODED).to_string();
        if let Ok(message) = HeaderValue::try_from(message) {
            response.headers.insert(&GRPC_MESSAGE, message);
        }
        response
    }

    pub(super) fn set_body(&mut self, body: Bytes) {
        self.headers.insert(CONTENT_LENGTH, body.len().into());
        self.body = body;
    }

    /// Returns the response; for HEAD, without its body.
    pub(super) fn respond(&self, method: &Method) -> http::Response<Bytes> {
        let body = if method == Method::HEAD { Bytes::new() } else { self.body.clone() };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

/// Returns the value of `Retry-After`: at least 1.
pub(super) fn retry_after_value(seconds: u64) -> HeaderValue {
    seconds.max(1).into()
}

fn vary(cors: &Cors) -> &'static str {
    match cors {
        Cors::Off => "Accept, Sec-Fetch-Dest, X-Requested-With",
        Cors::Any | Cors::Origins(_) => "Accept, Sec-Fetch-Dest, X-Requested-With, Origin",
    }
}
