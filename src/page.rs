//! The down page in each of its representations, and redirects: the responses that visitors get instead of the site.
//!
//! A [`Page`] is rendered once for all requests that it responds to. A response then costs a clone of a header map and of
//! reference-counted bytes. Everything here is pure: the result is a head and bytes, whichever server sends them.

mod body;
pub mod brand;
mod cause;
pub mod colour;
mod compression;
pub mod contact;
mod cors;
mod csp;
mod enter;
mod entrance;
mod environment;
mod fields;
pub mod html;
pub mod image;
pub mod language;
mod language_tag;
pub mod message;
mod negotiate;
mod parts;
mod response;
mod return_script;
pub mod template;
mod translation;
mod variants;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, RETRY_AFTER,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;

use self::body::Translated;
use self::brand::Brand;
pub use self::cause::{Answers, Cause};
pub use self::cors::{Cors, parse_origin};
pub use self::csp::policy_for_form;
pub use self::enter::{EnterPage, enter};
pub(crate) use self::entrance::entrance_page;
pub use self::environment::html_environment;
pub use self::fields::{DOWNTIME, is_reserved};
use self::language::Language;
pub use self::language_tag::parse_language;
use self::message::Message;
use self::negotiate::{Representation, choose_encoding, choose_language};
pub use self::negotiate::{is_navigation, negotiation_field, prefers_json};
pub use self::response::welcome;
use self::response::{PreparedResponse, retry_after_value};
use self::template::Template;
use self::translation::Translation;
pub use self::variants::Variant;

/// The path at which browsers look for the icon of a site. The gateway answers it itself while the site is down.
pub const FAVICON: &str = "/favicon.ico";

/// The content of a down page. A clone is cheap.
#[derive(Debug, Clone, PartialEq)]
pub struct PageContent {
    /// The template of the HTML representation.
    pub template: Template,
    /// The message for visitors. A sentence replaces a missing one.
    pub message: Option<Message>,
    /// The language of visitors whose languages the page does not have.
    pub language: Language,
    /// The site's name and logo.
    pub brand: Arc<Brand>,
    /// The path that the page asks if the site is back, if it is on.
    pub status_path: Option<Arc<str>>,
    /// The start of the downtime, if a period is active.
    pub start: Option<Timestamp>,
    /// Its end, if known.
    pub until: Option<Timestamp>,
    /// 500 to 599.
    pub status: StatusCode,
    /// The reason.
    pub cause: Cause,
    /// Whole seconds; 0 counts as 1.
    pub retry_after: u64,
    /// The origins whose pages may read it.
    pub cors: Cors,
    /// Additional fields of each response.
    pub fields: HeaderMap,
}

/// What a down response depends on, of the request that it is for.
#[derive(Debug, Clone, Copy)]
pub struct VisitorRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The fields. Only those that [`negotiation_field`] knows matter.
    pub headers: &'a HeaderMap,
    /// True if it is for the site's icon: see [`is_favicon`].
    pub is_favicon: bool,
    /// True if the site has certainly not processed it.
    pub is_unsent: bool,
}

/// Returns true if a request with this method and path is for the site's icon.
pub fn is_favicon(method: &Method, path: &str) -> bool {
    path == FAVICON && matches!(*method, Method::GET | Method::HEAD)
}

/// The down page in all its representations and languages.
///
/// Each variant is made by [`Page::prepare`], its HTML in each coding, or when the first visitor needs it. Then it serves all.
#[derive(Debug)]
pub struct Page {
    content: PageContent,
    /// The languages of the page.
    languages: Vec<Language>,
    /// That of visitors without a preference.
    default_language: Language,
    empty: PreparedResponse,
    /// By language and kind of request.
    translations: Box<[OnceLock<Box<Translation>>]>,
}

impl Page {
    /// Creates a page. With a message, it has the message's languages; else, all of them.
    pub fn new(content: PageContent) -> Self {
        let languages: Vec<_> = match &content.message {
            Some(message) => message.languages().collect(),
            None => Language::all().collect(),
        };
        Self {
            empty: PreparedResponse::empty(&content, languages.len() > 1),
            translations: (0..Language::COUNT * Answers::COUNT).map(|_| OnceLock::new()).collect(),
            default_language: choose_language(&HeaderMap::new(), &languages, content.language),
            languages,
            content,
        }
    }

    /// Returns true if the page must be rendered again for another `retry_after`. If not, it serves every request for as
    /// long as the rest of its content holds.
    pub fn depends_on_retry_after(&self) -> bool {
        self.content.template.mentions("retry_after")
    }

    /// Returns true if it is the page with this content, for every request.
    pub fn has_content(&self, content: &PageContent) -> bool {
        if self.depends_on_retry_after() {
            return self.content == *content;
        }
        self.content == PageContent { retry_after: self.content.retry_after, ..content.clone() }
    }

    /// Returns the response to a request. `retry_after` is in whole seconds; 0 counts as 1.
    pub fn respond(&self, request: &VisitorRequest<'_>, retry_after: u64) -> http::Response<Bytes> {
        let VisitorRequest { method, headers, is_favicon, .. } = *request;
        if let Some(response) = self.content.cors.preflight(method, headers) {
            return self.complete_preflight(response);
        }
        if is_favicon {
            return self.favicon(method);
        }
        let representation = negotiate::choose(headers);
        let page = self.translated(request);
        let (translation, empty) = (self.translation(&page), &self.empty);
        let prepared = match representation {
            Representation::Html => translation.html(&page, empty, choose_encoding(headers)),
            Representation::Problem => translation.problem(&page, empty),
            Representation::Text => translation.text(&page, empty),
            Representation::Empty => empty.clone(),
            Representation::Grpc(_) => translation.grpc(&page, empty),
        };
        let mut response = prepared.respond(method);
        let fields = response.headers_mut();
        if retry_after != self.content.retry_after {
            fields.insert(RETRY_AFTER, retry_after_value(retry_after));
        }
        let mut exposed = "Retry-After, Downtime, Date";
        if let Representation::Grpc(grpc) = representation {
            fields.insert(CONTENT_TYPE, HeaderValue::from_static(grpc.media_type()));
            exposed = "Retry-After, Downtime, Date, Grpc-Status, Grpc-Message";
        }
        self.content.cors.allow(headers, fields, exposed);
        response
    }

    /// Returns the page as the sender of a request understands it.
    fn translated(&self, request: &VisitorRequest<'_>) -> Translated<'_> {
        Translated {
            content: &self.content,
            language: choose_language(request.headers, &self.languages, self.content.language),
            answers: Answers::new(request.method, request.is_unsent),
        }
    }

    /// Returns what the responses with a page contain.
    fn translation(&self, page: &Translated<'_>) -> &Translation {
        let index = page.language.index() * Answers::COUNT + page.answers.index();
        self.translations[index].get_or_init(Box::default)
    }

    /// Returns the logo, or nothing: browsers ask for an icon with each page, and an error would be kept as its absence.
    fn favicon(&self, method: &Method) -> http::Response<Bytes> {
        let Some(logo) = &self.content.brand.logo else {
            let mut response = self.empty.respond(method);
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().remove(CONTENT_LENGTH);
            return response;
        };
        let mut response = self.empty.with_content(logo.media_type, logo.bytes.clone()).respond(method);
        *response.status_mut() = StatusCode::OK;
        // Opened as a page, an SVG image could run scripts.
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(csp::IMAGE));
        response
    }

    /// Adds the fields that all responses have to the response to a preflight request.
    fn complete_preflight(&self, response: http::Response<()>) -> http::Response<Bytes> {
        let mut response = response.map(|()| Bytes::new());
        for name in [&CACHE_CONTROL, &DOWNTIME] {
            if let Some(value) = self.empty.headers.get(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response.headers_mut().extend(self.content.fields.clone());
        response
    }
}

/// Returns a 302 response to `location`, with additional fields.
pub fn redirect(location: &HeaderValue, fields: &HeaderMap) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.reserve(4);
    headers.insert(LOCATION, location.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(&DOWNTIME, Cause::Planned.field_value());
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.extend(fields.clone());
    response
}
