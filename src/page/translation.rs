//! What the responses of a down page contain, in one language, for one kind of request.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::body::Translated;
use super::compression::{self, CompressedPart};
use super::fields::{GRPC_MESSAGE, GRPC_STATUS};
use super::negotiate::{ContentCoding, Grpc};
use super::response::PreparedResponse;
use super::{csp, parts};

/// What the responses of a down page contain, in one language, for one kind of request. It is made ahead, or for the first request
/// that wants it. No request waits for another thread: both may make the same content, and one of them is kept.
#[derive(Debug, Default)]
pub(super) struct Translation {
    html: OnceLock<Html>,
    problem: OnceLock<Bytes>,
    text: OnceLock<Bytes>,
    grpc_message: OnceLock<HeaderValue>,
}

/// The HTML, and the fields that depend on it.
#[derive(Debug)]
struct Html {
    policy: HeaderValue,
    /// That of the page, if the template follows it.
    language: Option<HeaderValue>,
    content: HtmlContent,
}

#[derive(Debug)]
enum HtmlContent {
    /// For a page that compression would not make shorter.
    Plain(Bytes),
    Compressed(Box<[Arc<CompressedPart>]>),
}

impl Translation {
    /// Returns the HTML in this content coding, or as it is if that would not be shorter. `empty` is the response without a
    /// body.
    pub(super) fn html(
        &self,
        page: &Translated<'_>,
        empty: &PreparedResponse,
        coding: ContentCoding,
    ) -> PreparedResponse {
        let html = kept(&self.html, || Html::new(page));
        let (body, coding) = match &html.content {
            HtmlContent::Plain(body) => (body.clone(), None),
            HtmlContent::Compressed(parts) => (encode(parts, coding), coding.field_value()),
        };
        let mut response = empty.with_content("text/html; charset=utf-8", body);
        response.headers.insert(CONTENT_SECURITY_POLICY, html.policy.clone());
        for (name, value) in [(CONTENT_LANGUAGE, html.language.clone()), (CONTENT_ENCODING, coding)] {
            response.headers.extend(value.map(|value| (name, value)));
        }
        response
    }

    /// Makes everything, so that no request has to. Returns the bytes that it takes, without what other pages need too.
    pub(super) fn prepare(&self, page: &Translated<'_>) -> usize {
        let html = kept(&self.html, || Html::new(page));
        let texts = [kept(&self.problem, || page.problem()), kept(&self.text, || page.text())];
        let message = kept(&self.grpc_message, || grpc_message(page.message()));
        html.size() + texts.map(Bytes::len).iter().sum::<usize>() + message.len()
    }

    /// Returns the problem details.
    pub(super) fn problem(&self, page: &Translated<'_>, empty: &PreparedResponse) -> PreparedResponse {
        text("application/problem+json", kept(&self.problem, || page.problem()), page, empty)
    }

    /// Returns the plain text.
    pub(super) fn text(&self, page: &Translated<'_>, empty: &PreparedResponse) -> PreparedResponse {
        text("text/plain; charset=utf-8", kept(&self.text, || page.text()), page, empty)
    }

    /// Returns the gRPC status UNAVAILABLE, all in the head ("Trailers-Only", gRPC over HTTP2).
    pub(super) fn grpc(&self, page: &Translated<'_>, empty: &PreparedResponse) -> PreparedResponse {
        const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");
        let message = kept(&self.grpc_message, || grpc_message(page.message()));
        let mut response = empty.with_content(Grpc::Plain.media_type(), Bytes::new());
        response.status = http::StatusCode::OK;
        response.headers.insert(&GRPC_STATUS, UNAVAILABLE);
        response.headers.insert(&GRPC_MESSAGE, message.clone());
        response
    }

    /// Returns true if [`Translation::prepare`] has nothing left to do.
    #[cfg(test)]
    pub(super) fn is_prepared(&self) -> bool {
        let Self { html, problem, text, grpc_message } = self;
        let is_made = [html.get().is_some(), problem.get().is_some(), text.get().is_some()];
        is_made == [true; 3] && grpc_message.get().is_some()
    }
}

impl Html {
    fn new(page: &Translated<'_>) -> Self {
        let (html, is_translated) = page.html();
        let policy = csp::policy(&html);
        let parts = parts::compress(&html).ok().filter(|parts| {
            compression::gzip(parts).len().max(compression::brotli(parts).len()) < html.len()
        });
        let content = match parts {
            Some(parts) => HtmlContent::Compressed(parts),
            None => HtmlContent::Plain(html.into()),
        };
        Self { policy, language: is_translated.then(|| page.language_value()), content }
    }

    /// Returns the bytes that it takes, without the parts that other pages have too.
    fn size(&self) -> usize {
        match &self.content {
            HtmlContent::Plain(body) => body.len(),
            HtmlContent::Compressed(parts) => {
                parts.iter().filter(|part| Arc::strong_count(part) == 1).map(|part| part.size()).sum()
            }
        }
    }
}

/// Returns what is kept, or else makes it and keeps it, unless another thread was faster.
fn kept<T>(kept: &OnceLock<T>, make: impl FnOnce() -> T) -> &T {
    kept.get().unwrap_or_else(|| {
        let content = make();
        kept.get_or_init(|| content)
    })
}

fn text(
    media_type: &'static str,
    body: &Bytes,
    page: &Translated<'_>,
    empty: &PreparedResponse,
) -> PreparedResponse {
    let mut response = empty.with_content(media_type, body.clone());
    response.headers.insert(CONTENT_LANGUAGE, page.language_value());
    response
}

/// Returns the HTML in a content coding. Few clients want it as it is, and decompressing it takes much less time than rendering it.
fn encode(parts: &[Arc<CompressedPart>], coding: ContentCoding) -> Bytes {
    match coding {
        ContentCoding::Identity => compression::text(parts),
        ContentCoding::Gzip => compression::gzip(parts),
        ContentCoding::Brotli => compression::brotli(parts),
    }
    .into()
}

/// Returns the value of `grpc-message`: the message as far as clients accept it, percent-encoded.
fn grpc_message(message: &str) -> HeaderValue {
    /// In bytes: clients accept 8 KiB of fields, and percent-encoding makes three bytes of one.
    const MAX_MESSAGE: usize = 1000;
    /// `%`, and what is not printable ASCII.
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
    let message = message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default();
    let message = utf8_percent_encode(message, ENCODED).to_string();
    HeaderValue::try_from(message).unwrap_or(HeaderValue::from_static(""))
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
    fn what_is_prepared_is_what_a_request_would_make() {
        for (template, is_compressed) in
            [(Template::built_in(), true), (Template::parse("{{ status }}").unwrap(), false)]
        {
            let content = content(template);
            let page = Translated { content: &content, language: Language::ENGLISH, answers: Answers::Safe };
            let empty = PreparedResponse::empty(&content, true);
            let [made, prepared] = [(); 2].map(|()| Translation::default());
            let size = prepared.prepare(&page);
            assert!(prepared.is_prepared() && prepared.prepare(&page) == size);
            let html = page.html().0;
            for coding in [ContentCoding::Brotli, ContentCoding::Gzip, ContentCoding::Identity] {
                let [response, expected] =
                    [&prepared, &made].map(|translation| translation.html(&page, &empty, coding));
                assert_eq!(response.headers, expected.headers, "{coding:?}");
                assert_eq!(response.body(), expected.body(), "{coding:?}");
                let is_plain = coding == ContentCoding::Identity || !is_compressed;
                assert_eq!(response.body() == html.as_bytes(), is_plain, "{coding:?}");
                assert_eq!(response.headers.contains_key(CONTENT_ENCODING), !is_plain, "{coding:?}");
            }
        }
    }
}
