//! The responses of a down page in one language, for one kind of request.

use std::sync::OnceLock;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::body::Translated;
use super::fields::{GRPC_MESSAGE, GRPC_STATUS};
use super::negotiate::{Encoding, Grpc};
use super::response::PreparedResponse;
use super::{compression, csp};

/// The responses of a down page in one language, for one kind of request. The HTML is rendered, and compressed in each coding,
/// for the first one that wants it.
#[derive(Debug)]
pub(super) struct Translation {
    html: OnceLock<PreparedResponse>,
    gzip: OnceLock<Option<PreparedResponse>>,
    brotli: OnceLock<Option<PreparedResponse>>,
    pub(super) problem: PreparedResponse,
    pub(super) text: PreparedResponse,
    pub(super) grpc: PreparedResponse,
}

impl Translation {
    /// Makes the responses. `empty` is the response without a body.
    pub(super) fn new(page: &Translated<'_>, empty: &PreparedResponse) -> Self {
        let text = |media_type, body| {
            let mut response = empty.with_content(media_type, body);
            response.headers.insert(CONTENT_LANGUAGE, page.language_value());
            response
        };
        Self {
            html: OnceLock::new(),
            gzip: OnceLock::new(),
            brotli: OnceLock::new(),
            problem: text("application/problem+json", page.problem()),
            text: text("text/plain; charset=utf-8", page.text()),
            grpc: grpc(page.message(), empty),
        }
    }

    /// Returns the HTML in this content coding, or as it is if that would not be shorter. `page` and `empty` are those of
    /// [`Translation::new`].
    pub(super) fn html(
        &self,
        page: &Translated<'_>,
        empty: &PreparedResponse,
        encoding: Encoding,
    ) -> &PreparedResponse {
        let html = self.html.get_or_init(|| render(page, empty));
        let encoded = match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => self.gzip.get_or_init(|| encode(html, encoding, compression::gzip)).as_ref(),
            Encoding::Brotli => {
                self.brotli.get_or_init(|| encode(html, encoding, compression::brotli)).as_ref()
            }
        };
        encoded.unwrap_or(html)
    }
}

fn render(page: &Translated<'_>, empty: &PreparedResponse) -> PreparedResponse {
    let (html, is_translated) = page.html();
    let mut response = empty.with_content("text/html; charset=utf-8", Bytes::new());
    response.headers.insert(CONTENT_SECURITY_POLICY, csp::policy(&html));
    if is_translated {
        response.headers.insert(CONTENT_LANGUAGE, page.language_value());
    }
    response.with_body(html.into())
}

fn encode(
    html: &PreparedResponse,
    encoding: Encoding,
    compress: fn(&[u8]) -> Option<Bytes>,
) -> Option<PreparedResponse> {
    let mut response = html.clone().with_body(compress(html.body())?);
    response.headers.insert(CONTENT_ENCODING, encoding.field_value()?);
    Some(response)
}

/// Creates a response with the gRPC status UNAVAILABLE, all in the head ("Trailers-Only", gRPC over HTTP2).
fn grpc(message: &str, empty: &PreparedResponse) -> PreparedResponse {
    const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");
    /// In bytes: clients accept 8 KiB of fields, and percent-encoding makes three bytes of one.
    const MAX_MESSAGE: usize = 1000;
    /// `%`, and what is not printable ASCII.
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
    let mut response = empty.with_content(Grpc::Plain.media_type(), Bytes::new());
    response.status = http::StatusCode::OK;
    response.headers.insert(&GRPC_STATUS, UNAVAILABLE);
    let message = message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default();
    let message = utf8_percent_encode(message, ENCODED).to_string();
    if let Ok(message) = HeaderValue::try_from(message) {
        response.headers.insert(&GRPC_MESSAGE, message);
    }
    response
}
