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

/// The responses of a down page in one language, for one kind of request.
#[derive(Debug)]
pub(super) struct Translation {
    html: PreparedResponse,
    gzip: OnceLock<Option<PreparedResponse>>,
    brotli: OnceLock<Option<PreparedResponse>>,
    pub(super) problem: PreparedResponse,
    pub(super) text: PreparedResponse,
    pub(super) grpc: PreparedResponse,
}

impl Translation {
    /// Renders the page. `empty` is the response without a body.
    pub(super) fn render(page: &Translated<'_>, empty: &PreparedResponse) -> Self {
        let language = HeaderValue::from_static(page.language.tag());
        let text = |media_type, body| {
            let mut response = empty.with_content(media_type, body);
            response.headers.insert(CONTENT_LANGUAGE, language.clone());
            response
        };
        let (html, is_translated) = page.html();
        let mut response = empty.with_content("text/html; charset=utf-8", Bytes::new());
        response.headers.insert(CONTENT_SECURITY_POLICY, csp::policy(&html));
        if is_translated {
            response.headers.insert(CONTENT_LANGUAGE, language.clone());
        }
        Self {
            gzip: OnceLock::new(),
            brotli: OnceLock::new(),
            problem: text("application/problem+json", page.problem()),
            text: text("text/plain; charset=utf-8", page.text()),
            grpc: grpc(page.message(), empty),
            html: response.with_body(html.into()),
        }
    }

    /// Returns the HTML in this content coding, or as it is if that would not be shorter. It is compressed for the first one
    /// that wants it.
    pub(super) fn html(&self, encoding: Encoding) -> &PreparedResponse {
        let encoded = match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => self.gzip.get_or_init(|| self.encode(encoding, compression::gzip)).as_ref(),
            Encoding::Brotli => {
                self.brotli.get_or_init(|| self.encode(encoding, compression::brotli)).as_ref()
            }
        };
        encoded.unwrap_or(&self.html)
    }

    fn encode(&self, encoding: Encoding, compress: fn(&[u8]) -> Option<Bytes>) -> Option<PreparedResponse> {
        let mut response = self.html.clone().with_body(compress(self.html.body())?);
        response.headers.insert(CONTENT_ENCODING, encoding.field_value()?);
        Some(response)
    }
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
