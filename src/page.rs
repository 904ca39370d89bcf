//! The down page in each of its representations, and redirects: the responses that visitors get instead of the site.
//!
//! A [`Page`] is rendered before the requests that it responds to. A response then costs a clone of a header map and of
//! reference-counted bytes. Everything here is pure: the result is a head and bytes, whichever server sends them.

mod body;
mod cors;
mod csp;
mod fields;
mod negotiate;
mod response;
pub mod template;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION,
    RETRY_AFTER,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;

pub use self::cors::{Cors, parse_origin};
pub use self::fields::{DOWNTIME, is_reserved};
use self::negotiate::Representation;
pub use self::negotiate::{is_navigation, negotiation_field};
pub use self::response::welcome;
use self::response::{PreparedResponse, retry_after_value};
use self::template::Template;

/// The reason why the site is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A period is active.
    Planned,
    /// The upstream does not respond.
    Unreachable,
}

impl Cause {
    /// Returns the value of the `Downtime` field.
    fn field_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Planned => "planned",
            Self::Unreachable => "unreachable",
        })
    }

    /// Returns the message that is shown if none is configured.
    fn default_message(self) -> &'static str {
        match self {
            Self::Planned => "The site is down for maintenance and will be back soon.",
            Self::Unreachable => "The site cannot be reached at the moment and will be back soon.",
        }
    }
}

/// The content of a down page.
#[derive(Debug, Clone, Copy)]
pub struct PageContent<'a> {
    /// The template of the HTML representation.
    pub template: &'a Template,
    /// The message for visitors. A default sentence replaces a missing one.
    pub message: Option<&'a str>,
    /// The start of the downtime, if it was planned.
    pub start: Option<Timestamp>,
    /// Its end, if known.
    pub until: Option<Timestamp>,
    /// 500 to 599.
    pub status: StatusCode,
    /// The value of the `Downtime` field.
    pub cause: Cause,
    /// Whole seconds; 0 counts as 1.
    pub retry_after: u64,
    /// The origins whose pages may read it.
    pub cors: &'a Cors,
    /// Additional fields of each response.
    pub fields: &'a HeaderMap,
}

/// The down page in all its representations.
#[derive(Debug, Clone)]
pub struct Page {
    html: PreparedResponse,
    problem: PreparedResponse,
    text: PreparedResponse,
    empty: PreparedResponse,
    grpc: PreparedResponse,
    cors: Cors,
    fields: HeaderMap,
    retry_after: u64,
    depends_on_retry_after: bool,
}

impl Page {
    /// Renders the page. If the template fails, which [`Template::parse`] makes unlikely, the built-in one replaces it, and
    /// the error is logged.
    pub fn render(content: &PageContent) -> Self {
        let (html, is_built_in) = body::html(content);
        let mut page = Self {
            problem: PreparedResponse::new(content, Some("application/problem+json"), body::problem(content)),
            text: PreparedResponse::new(content, Some("text/plain; charset=utf-8"), body::text(content)),
            empty: PreparedResponse::new(content, None, Bytes::new()),
            grpc: PreparedResponse::grpc(content),
            cors: content.cors.clone(),
            fields: content.fields.clone(),
            retry_after: content.retry_after,
            depends_on_retry_after: content.template.mentions("retry_after"),
            html: PreparedResponse::new(content, Some("text/html; charset=utf-8"), Bytes::new()),
        };
        page.html.headers.insert(CONTENT_SECURITY_POLICY, csp::policy(&html));
        if is_built_in {
            page.html.headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
        }
        page.html.set_body(html.into());
        page
    }

    /// Returns true if the page must be rendered again for another `retry_after`. If not, it serves every request for as
    /// long as the rest of its content holds.
    pub fn depends_on_retry_after(&self) -> bool {
        self.depends_on_retry_after
    }

    /// Returns the response to a request with this method and these fields. `retry_after` is in whole seconds; 0 counts as
    /// 1.
    pub fn respond(&self, method: &Method, headers: &HeaderMap, retry_after: u64) -> http::Response<Bytes> {
        if let Some(response) = self.cors.preflight(method, headers) {
            return self.complete_preflight(response);
        }
        let representation = negotiate::choose(headers);
        let prepared = match representation {
            Representation::Html => &self.html,
            Representation::Problem => &self.problem,
            Representation::Text => &self.text,
            Representation::Empty => &self.empty,
            Representation::Grpc(_) => &self.grpc,
        };
        let mut response = prepared.respond(method);
        let fields = response.headers_mut();
        if retry_after != self.retry_after {
            fields.insert(RETRY_AFTER, retry_after_value(retry_after));
        }
        let mut exposed = "Retry-After, Downtime, Date";
        if let Representation::Grpc(grpc) = representation {
            fields.insert(CONTENT_TYPE, HeaderValue::from_static(grpc.media_type()));
            exposed = "Retry-After, Downtime, Date, Grpc-Status, Grpc-Message";
        }
        self.cors.allow(headers, fields, exposed);
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
        response.headers_mut().extend(self.fields.clone());
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
