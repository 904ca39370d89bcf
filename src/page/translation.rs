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

/// The responses of a down page in one language, for one kind of request. Each is made ahead, or for the first request that wants
/// it. No request waits for another thread: both may make the same response, and one of them is kept.
#[derive(Debug, Default)]
pub(super) struct Translation {
    html: OnceLock<PreparedResponse>,
    gzip: OnceLock<PreparedResponse>,
    brotli: OnceLock<PreparedResponse>,
    problem: OnceLock<PreparedResponse>,
    text: OnceLock<PreparedResponse>,
    grpc: OnceLock<PreparedResponse>,
}

impl Translation {
    /// Returns the HTML in this content coding, or as it is if that would not be shorter. `empty` is the response without a
    /// body.
    pub(super) fn html(
        &self,
        page: &Translated<'_>,
        empty: &PreparedResponse,
        encoding: Encoding,
    ) -> &PreparedResponse {
        let kept = self.kept(encoding);
        kept.get().unwrap_or_else(|| {
            let html = self.plain().unwrap_or_else(|| render(page, empty));
            keep(kept, encode(&html, encoding).unwrap_or(html))
        })
    }

    /// Makes the HTML in each coding that browsers accept, and keeps it as it is only if `keeps_plain` is true. Returns the
    /// bytes that this takes.
    pub(super) fn prepare(
        &self,
        page: &Translated<'_>,
        empty: &PreparedResponse,
        keeps_plain: bool,
    ) -> usize {
        if !self.is_prepared() {
            let html = self.plain().unwrap_or_else(|| render(page, empty));
            for encoding in [Encoding::Brotli, Encoding::Gzip] {
                let kept = self.kept(encoding);
                if kept.get().is_none() {
                    keep(kept, encode(&html, encoding).unwrap_or_else(|| html.clone()));
                }
            }
            if keeps_plain {
                keep(&self.html, html);
            }
        }
        let kept = [&self.html, &self.gzip, &self.brotli].into_iter().filter_map(OnceLock::get);
        kept.map(|response| response.body().len()).sum()
    }

    /// Returns the problem details.
    pub(super) fn problem(&self, page: &Translated<'_>, empty: &PreparedResponse) -> &PreparedResponse {
        self.problem.get_or_init(|| text("application/problem+json", page.problem(), page, empty))
    }

    /// Returns the plain text.
    pub(super) fn text(&self, page: &Translated<'_>, empty: &PreparedResponse) -> &PreparedResponse {
        self.text.get_or_init(|| text("text/plain; charset=utf-8", page.text(), page, empty))
    }

    /// Returns the gRPC status.
    pub(super) fn grpc(&self, page: &Translated<'_>, empty: &PreparedResponse) -> &PreparedResponse {
        self.grpc.get_or_init(|| grpc(page.message(), empty))
    }

    /// Returns true if [`Translation::prepare`] has nothing left to do.
    pub(super) fn is_prepared(&self) -> bool {
        [&self.gzip, &self.brotli].into_iter().all(|kept| kept.get().is_some())
    }

    fn kept(&self, encoding: Encoding) -> &OnceLock<PreparedResponse> {
        match encoding {
            Encoding::Identity => &self.html,
            Encoding::Gzip => &self.gzip,
            Encoding::Brotli => &self.brotli,
        }
    }

    /// Returns the HTML as it is, if it has been rendered. Few clients want it so, and decompressing it takes much less time
    /// than rendering it.
    fn plain(&self) -> Option<PreparedResponse> {
        self.html.get().cloned().or_else(|| decode(self.gzip.get()?))
    }
}

/// Keeps a response, unless another thread was faster, and returns the one that is kept.
fn keep(kept: &OnceLock<PreparedResponse>, response: PreparedResponse) -> &PreparedResponse {
    kept.get_or_init(|| response)
}

fn text(
    media_type: &'static str,
    body: Bytes,
    page: &Translated<'_>,
    empty: &PreparedResponse,
) -> PreparedResponse {
    let mut response = empty.with_content(media_type, body);
    response.headers.insert(CONTENT_LANGUAGE, page.language_value());
    response
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

/// Returns the HTML in another content coding; `None` if that would not be shorter.
fn encode(html: &PreparedResponse, encoding: Encoding) -> Option<PreparedResponse> {
    let body = match encoding {
        Encoding::Identity => return None,
        Encoding::Gzip => compression::gzip(html.body()),
        Encoding::Brotli => compression::brotli(html.body()),
    };
    let mut response = html.clone().with_body(body?);
    response.headers.insert(CONTENT_ENCODING, encoding.field_value()?);
    Some(response)
}

/// Returns the HTML that was compressed with gzip, unless that was not shorter.
fn decode(gzip: &PreparedResponse) -> Option<PreparedResponse> {
    let mut html = gzip.clone();
    if html.headers.remove(CONTENT_ENCODING).is_some() {
        html = html.with_body(compression::gunzip(gzip.body())?);
    }
    Some(html)
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

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::page::brand::Brand;
    use crate::page::language::Language;
    use crate::page::template::Template;
    use crate::page::{Answers, Cause};
    use crate::page::{Cors, PageContent};

    fn content(template: Template) -> PageContent {
        PageContent {
            template,
            message: None,
            language: Language::ENGLISH,
            brand: Brand::default().into(),
            status_path: None,
            start: None,
            until: None,
            status: http::StatusCode::SERVICE_UNAVAILABLE,
            cause: Cause::Planned,
            retry_after: 1,
            cors: Cors::default(),
            fields: HeaderMap::new(),
        }
    }

    #[test]
    fn what_is_prepared_is_what_a_request_would_make_and_is_made_once() {
        for template in [Template::built_in(), Template::parse("{{ status }}").unwrap()] {
            let content = content(template);
            let page = Translated { content: &content, language: Language::ENGLISH, answers: Answers::Safe };
            let empty = PreparedResponse::empty(&content, true);
            for keeps_plain in [true, false] {
                let [made, prepared] = [(); 2].map(|()| Translation::default());
                let length = prepared.prepare(&page, &empty, keeps_plain);
                assert_eq!(prepared.html.get().is_some(), keeps_plain);
                for encoding in [Encoding::Brotli, Encoding::Gzip, Encoding::Identity] {
                    let kept = prepared.kept(encoding).get().map(std::ptr::from_ref);
                    let response = prepared.html(&page, &empty, encoding);
                    assert!(
                        kept.is_none_or(|kept| std::ptr::eq(kept, response)),
                        "{encoding:?} is made again"
                    );
                    let expected = made.html(&page, &empty, encoding);
                    assert_eq!(response.headers, expected.headers, "{encoding:?}");
                    assert_eq!(response.body(), expected.body(), "{encoding:?}");
                }
                assert!(prepared.prepare(&page, &empty, keeps_plain) >= length);
            }
        }
    }
}
