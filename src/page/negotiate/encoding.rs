//! Content negotiation by `Accept-Encoding` (RFC 9110, section 12.5.3).

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};

use crate::http1::content_coding::choose_coding;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::page) enum ContentCoding {
    Identity,
    Gzip,
    Brotli,
}

impl ContentCoding {
    /// Returns the value of `Content-Encoding`; `None` for the identity.
    pub(in crate::page) fn field_value(self) -> Option<HeaderValue> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(HeaderValue::from_static("gzip")),
            Self::Brotli => Some(HeaderValue::from_static("br")),
        }
    }
}

/// Returns the coding of the page for a client.
pub(in crate::page) fn choose_encoding(headers: &HeaderMap) -> ContentCoding {
    let lines = || headers.get_all(ACCEPT_ENCODING).iter().map(HeaderValue::as_bytes);
    match choose_coding(lines, &["br", "gzip"]) {
        Some(0) => ContentCoding::Brotli,
        Some(_) => ContentCoding::Gzip,
        None => ContentCoding::Identity,
    }
}
