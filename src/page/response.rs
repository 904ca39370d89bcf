//! Responses that are prepared before they are needed.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::fields::DOWNTIME;
use super::{Cors, PageContent, csp};

const WELCOME: &str = include_str!("../../templates/welcome.html");

/// Returns the welcome page, with status 200. It shows the next steps if the configuration, which is in `file`, has no site.
pub fn welcome(method: &Method, file: &str) -> http::Response<Bytes> {
    static WELCOME_PAGE: LazyLock<PreparedResponse> =
        LazyLock::new(|| PreparedResponse::own_page(StatusCode::OK, WELCOME, csp::policy(WELCOME)));
    let file = minijinja::HtmlEscape(file).to_string();
    WELCOME_PAGE.clone().with_body(WELCOME.replace("{{ file }}", &file).into()).respond(method)
}

/// A response that can be sent any number of times.
#[derive(Debug, Clone)]
pub(super) struct PreparedResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl PreparedResponse {
    /// Creates a page of the gateway itself, in English.
    pub(super) fn own_page(status: StatusCode, html: &str, policy: HeaderValue) -> Self {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_LANGUAGE, HeaderValue::from_static("en")),
            (CONTENT_SECURITY_POLICY, policy),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let headers = headers.into_iter().collect();
        Self { status, headers, body: Bytes::new() }.with_body(html.to_owned().into())
    }

    /// Creates the response without a body that all others of a page begin with.
    pub(super) fn empty(content: &PageContent, chooses_language: bool) -> Self {
        let headers = [
            (RETRY_AFTER, retry_after_value(content.retry_after)),
            (DOWNTIME.clone(), content.cause.field_value()),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (VARY, vary(&content.cors, chooses_language)),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut headers: HeaderMap = headers.into_iter().collect();
        headers.extend(content.fields.clone());
        Self { status: content.status, headers, body: Bytes::new() }.with_body(Bytes::new())
    }

    /// Returns the response with a body of this media type.
    pub(super) fn with_content(&self, media_type: &'static str, body: Bytes) -> Self {
        let mut response = self.clone().with_body(body);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        response
    }

    /// Returns the response with another body.
    pub(super) fn with_body(mut self, body: Bytes) -> Self {
        self.headers.insert(CONTENT_LENGTH, body.len().into());
        self.body = body;
        self
    }

    /// Returns the body.
    #[cfg(test)]
    pub(super) fn body(&self) -> &[u8] {
        &self.body
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

fn vary(cors: &Cors, chooses_language: bool) -> HeaderValue {
    let depends_on_origin = *cors != Cors::Off;
    HeaderValue::from_static(match (chooses_language, depends_on_origin) {
        (false, false) => "Accept, Accept-Encoding, Sec-Fetch-Dest, X-Requested-With",
        (false, true) => "Accept, Accept-Encoding, Sec-Fetch-Dest, X-Requested-With, Origin",
        (true, false) => "Accept, Accept-Encoding, Accept-Language, Sec-Fetch-Dest, X-Requested-With",
        (true, true) => "Accept, Accept-Encoding, Accept-Language, Sec-Fetch-Dest, X-Requested-With, Origin",
    })
}
