//! What a visitor gets instead of the site: the down page in each of its representations, or a redirect.
//!
//! A [`Page`] is rendered ahead of the requests that it answers. An answer then costs a clone of a header map and of
//! reference-counted bytes.

mod cors;
mod csp;
mod negotiate;
pub mod template;

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    LOCATION, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use warp::reply::Response;

use crate::page::template::{Template, TemplateError, Variables};
pub use cors::{Cors, parse_origin};
pub use negotiate::{CHOSEN_BY, is_navigation};
use negotiate::{Grpc, Representation};

/// Says in every answer of ours that it is not the site's; its value is the [`Cause`].
pub static DOWNTIME: HeaderName = HeaderName::from_static("downtime");

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether the gateway itself sets a field, its name in any case, in some answer: nobody else may.
pub fn is_reserved(name: &HeaderName) -> bool {
    const HOP_BY_HOP: [&str; 7] =
        ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "date"];
    let own = [
        &CACHE_CONTROL,
        &CONTENT_LANGUAGE,
        &CONTENT_LENGTH,
        &CONTENT_SECURITY_POLICY,
        &CONTENT_TYPE,
        &DOWNTIME,
        &GRPC_MESSAGE,
        &GRPC_STATUS,
        &LOCATION,
        &RETRY_AFTER,
        &VARY,
        &X_CONTENT_TYPE_OPTIONS,
    ];
    own.contains(&name)
        || HOP_BY_HOP.contains(&name.as_str())
        || name.as_str().starts_with("access-control-")
        || name.as_str().starts_with("proxy-")
}

const WELCOME: &str = include_str!("../templates/welcome.html");

/// For the case that not even the built-in template renders.
const LAST_RESORT: &str =
    "<!doctype html><html lang=en><title>We'll be back soon</title><h1>We'll be back soon</h1></html>";

/// Why the site is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A period of downtime is active.
    Planned,
    /// The upstream does not answer.
    Unreachable,
}

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct PageContent<'a> {
    /// Of the HTML representation.
    pub template: &'a Template,
    /// For visitors; a sentence stands in where there is none.
    pub message: Option<&'a str>,
    /// When the downtime began, if it was planned.
    pub start: Option<Timestamp>,
    /// The announced end, if it is known.
    pub until: Option<Timestamp>,
    /// 500 to 599.
    pub status: StatusCode,
    /// The `Downtime` header.
    pub cause: Cause,
    /// Whole seconds; 0 counts as 1.
    pub retry_after: u64,
    /// Whose pages may read it.
    pub cors: &'a Cors,
    /// Further fields of each answer.
    pub fields: &'a HeaderMap,
}

/// The down page in all its representations.
#[derive(Debug, Clone)]
pub struct Page {
    html: PreparedResponse,
    problem: PreparedResponse,
    text: PreparedResponse,
    nothing: PreparedResponse,
    grpc: PreparedResponse,
    cors: Cors,
    fields: HeaderMap,
    retry_after: u64,
    depends_on_retry_after: bool,
}

impl Page {
    /// Renders the page. Where the template fails, which [`Template::parse`] makes unlikely, the built-in one stands
    /// in and the log says so.
    pub fn render(facts: &PageContent) -> Self {
        let (html, is_built_in) = html(facts);
        let mut page = Self {
            problem: PreparedResponse::new(facts, Some("application/problem+json"), problem(facts)),
            text: PreparedResponse::new(facts, Some("text/plain; charset=utf-8"), text(facts)),
            nothing: PreparedResponse::new(facts, None, Bytes::new()),
            grpc: PreparedResponse::grpc(facts),
            cors: facts.cors.clone(),
            fields: facts.fields.clone(),
            retry_after: facts.retry_after,
            depends_on_retry_after: facts.template.mentions("retry_after"),
            html: PreparedResponse::new(facts, Some("text/html; charset=utf-8"), Bytes::new()),
        };
        page.html.headers.insert(CONTENT_SECURITY_POLICY, csp::policy(&html));
        if is_built_in {
            page.html.headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
        }
        page.html.set(html.into());
        page
    }

    /// Whether the page has to be rendered again for another `retry_after`. Where not, it answers every request for
    /// as long as the other facts hold.
    pub fn depends_on_retry_after(&self) -> bool {
        self.depends_on_retry_after
    }

    /// The answer to a request with this method and these headers. `retry_after` is in whole seconds; 0 counts as 1.
    pub fn answer(&self, method: &Method, headers: &HeaderMap, retry_after: u64) -> Response {
        self.represent(method, headers, retry_after).map(Into::into)
    }

    /// As [`Page::answer`], with the bytes of the body.
    pub fn represent(&self, method: &Method, headers: &HeaderMap, retry_after: u64) -> http::Response<Bytes> {
        if let Some(response) = self.cors.preflight(method, headers) {
            return self.preflight(response);
        }
        let representation = negotiate::choose(headers);
        let body = match representation {
            Representation::Html => &self.html,
            Representation::Problem => &self.problem,
            Representation::Text => &self.text,
            Representation::Nothing => &self.nothing,
            Representation::Grpc(_) => &self.grpc,
        };
        let mut response = body.answer(method);
        let answered = response.headers_mut();
        if retry_after != self.retry_after {
            answered.insert(RETRY_AFTER, seconds(retry_after));
        }
        let mut exposed = "Retry-After, Downtime, Date";
        if let Representation::Grpc(grpc) = representation {
            answered.insert(CONTENT_TYPE, HeaderValue::from_static(grpc.media_type()));
            exposed = "Retry-After, Downtime, Date, Grpc-Status, Grpc-Message";
        }
        self.cors.allow(headers, answered, exposed);
        response
    }

    /// An answer to a preflight with the fields that all answers have.
    fn preflight(&self, response: http::Response<()>) -> http::Response<Bytes> {
        let mut response = response.map(|()| Bytes::new());
        for name in [&CACHE_CONTROL, &DOWNTIME] {
            if let Some(value) = self.nothing.headers.get(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response.headers_mut().extend(self.fields.clone());
        response
    }
}

/// 302 to the page that stands in for the site, with further fields.
pub fn redirect(location: &HeaderValue, fields: &HeaderMap) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.reserve(4);
    headers.insert(LOCATION, location.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(&DOWNTIME, Cause::Planned.header());
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.extend(fields.clone());
    response
}

/// 200 and the page that says how to go on, where the configuration names no site.
pub fn welcome(method: &Method) -> Response {
    static BODY: LazyLock<PreparedResponse> = LazyLock::new(|| {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_LANGUAGE, HeaderValue::from_static("en")),
            (CONTENT_SECURITY_POLICY, csp::policy(WELCOME)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut body = PreparedResponse {
            status: StatusCode::OK,
            headers: headers.into_iter().collect(),
            bytes: Bytes::new(),
        };
        body.set(WELCOME.into());
        body
    });
    BODY.answer(method).map(Into::into)
}

/// A response that can be given any number of times.
#[derive(Debug, Clone)]
struct PreparedResponse {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl PreparedResponse {
    fn new(facts: &PageContent, content_type: Option<&'static str>, bytes: Bytes) -> Self {
        let headers = [
            (RETRY_AFTER, seconds(facts.retry_after)),
            (DOWNTIME.clone(), facts.cause.header()),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (VARY, HeaderValue::from_static(vary(facts.cors))),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let content_type =
            content_type.map(|media_type| (CONTENT_TYPE, HeaderValue::from_static(media_type)));
        let mut headers: HeaderMap = headers.into_iter().chain(content_type).collect();
        headers.extend(facts.fields.clone());
        let mut body = Self { status: facts.status, headers, bytes: Bytes::new() };
        body.set(bytes);
        body
    }

    /// The status UNAVAILABLE, in the head alone ("Trailers-Only", gRPC over HTTP2).
    fn grpc(facts: &PageContent) -> Self {
        const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");
        /// In bytes: clients take 8 KiB of fields in all, and a byte may become three.
        const MAX_MESSAGE: usize = 1000;
        /// All but `%` and what is not printable ASCII stays as it is.
        const MESSAGE: &AsciiSet = &CONTROLS.add(b'%');
        let mut body = Self::new(facts, Some(Grpc::Plain.media_type()), Bytes::new());
        body.status = StatusCode::OK;
        body.headers.insert(&GRPC_STATUS, UNAVAILABLE);
        let message = sentence(facts);
        let message = message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default();
        let message = utf8_percent_encode(message, MESSAGE).to_string();
        if let Ok(message) = HeaderValue::try_from(message) {
            body.headers.insert(&GRPC_MESSAGE, message);
        }
        body
    }

    fn set(&mut self, bytes: Bytes) {
        self.headers.insert(CONTENT_LENGTH, bytes.len().into());
        self.bytes = bytes;
    }

    /// To HEAD: the same headers, and no body.
    fn answer(&self, method: &Method) -> http::Response<Bytes> {
        let bytes = if method == Method::HEAD { Bytes::new() } else { self.bytes.clone() };
        let mut response = http::Response::new(bytes);
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

impl Cause {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Planned => "planned",
            Self::Unreachable => "unreachable",
        })
    }

    /// What the page says where it was given no message.
    fn sentence(self) -> &'static str {
        match self {
            Self::Planned => "The site is down for maintenance and will be back soon.",
            Self::Unreachable => "The site cannot be reached at the moment and will be back soon.",
        }
    }
}

fn vary(cors: &Cors) -> &'static str {
    match cors {
        Cors::Off => "Accept, Sec-Fetch-Dest, X-Requested-With",
        Cors::Any | Cors::Origins(_) => "Accept, Sec-Fetch-Dest, X-Requested-With, Origin",
    }
}

impl Grpc {
    fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/grpc",
            Self::Web => "application/grpc-web",
            Self::WebText => "application/grpc-web-text",
        }
    }
}

fn seconds(retry_after: u64) -> HeaderValue {
    retry_after.max(1).into()
}

/// The page's text, and whether it is the built-in page.
fn html(facts: &PageContent) -> (String, bool) {
    let PageContent { message, until, start, .. } = *facts;
    let variables = Variables {
        message,
        until,
        start,
        retry_after: facts.retry_after.max(1),
        status: facts.status.as_u16(),
    };
    let built_in = |error: TemplateError| {
        tracing::error!(%error, "the template failed, the built-in page is shown");
        let page = Template::built_in().render(&variables);
        (page.unwrap_or_else(|_| LAST_RESORT.to_owned()), true)
    };
    let page = facts.template.render(&variables).map(|html| (html, facts.template.is_built_in()));
    page.unwrap_or_else(built_in)
}

fn sentence<'a>(facts: &PageContent<'a>) -> &'a str {
    facts.message.map(str::trim_end).filter(|message| !message.is_empty()).unwrap_or(facts.cause.sentence())
}

/// RFC 9457.
fn problem(facts: &PageContent) -> Bytes {
    #[derive(Serialize)]
    struct ProblemDetails<'a> {
        r#type: &'static str,
        title: &'static str,
        status: u16,
        detail: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    }
    let problem = ProblemDetails {
        r#type: "about:blank",
        title: facts.status.canonical_reason().unwrap_or("Unavailable"),
        status: facts.status.as_u16(),
        detail: sentence(facts),
        until: facts.until,
    };
    // Strings and numbers always serialise.
    serde_json::to_vec(&problem).unwrap_or_default().into()
}

fn text(facts: &PageContent) -> Bytes {
    let sentence = sentence(facts);
    match facts.until {
        Some(until) => format!("{sentence}\nBack at {until}.\n"),
        None => format!("{sentence}\n"),
    }
    .into()
}
