//! HTML from the templates in `templates/admin`, which are part of the program. All values are escaped.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Response, StatusCode};
use minijinja::value::Serde;
use minijinja::{Environment, Error, Value, context};
use serde::Serialize;
use tracing::error;

use crate::admin::response::with_body;
use crate::http1::refusal::text_response;
use crate::page::{entrance_page, html_environment};

/// A template: its name, and its text after that of the macros.
macro_rules! template {
    ($name:literal) => {
        (
            $name,
            concat!(
                include_str!("../../../templates/admin/macros.html"),
                include_str!(concat!("../../../templates/admin/", $name, ".html"))
            ),
        )
    };
}

const LAYOUT: (&str, &str) = ("layout", include_str!("../../../templates/admin/layout.html"));

const TEMPLATES: [(&str, &str); 11] = [
    template!("overview"),
    template!("periods"),
    template!("period"),
    template!("down"),
    template!("confirm"),
    template!("bypasses"),
    template!("check"),
    template!("problem"),
    LAYOUT,
    ("login", entrance_page!("admin/login.html")),
    ("link", entrance_page!("admin/link.html", secret)),
];

/// What the frame of a page shows around its content.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Frame {
    /// The title of the page.
    pub title: String,
    /// The entry of the navigation that it belongs to.
    pub here: &'static str,
    /// The title of the site.
    pub site: Option<String>,
    /// The operator who is logged in, if anybody is.
    pub operator: Option<FrameOperator>,
    /// The time zone of the file.
    pub zone: Option<String>,
}

/// The operator, as the frame shows it.
#[derive(Clone, Debug, Serialize)]
pub struct FrameOperator {
    /// The name.
    pub name: String,
    /// True if the operator may make changes.
    pub may_write: bool,
    /// True if the operator has a session that can end.
    pub can_log_out: bool,
}

/// Returns a page: a template, rendered with these values, in its frame.
pub fn page(status: StatusCode, frame: &Frame, template: &str, values: &impl Serialize) -> Response<Bytes> {
    let content = render(template, Value::from(Serde(values)));
    let html = content.and_then(|content| {
        let content = Value::from_safe_string(content);
        render(LAYOUT.0, context! { content, ..Value::from(Serde(frame)) })
    });
    respond(status, html)
}

/// Returns a page without a frame.
pub fn bare_page(status: StatusCode, template: &str, values: Value) -> Response<Bytes> {
    respond(status, render(template, values))
}

fn respond(status: StatusCode, html: Result<String, Error>) -> Response<Bytes> {
    match html {
        Ok(html) => with_body(status, "text/html; charset=utf-8", html),
        Err(error) => {
            error!("a template of [admin] failed: {error:#}");
            text_response(StatusCode::INTERNAL_SERVER_ERROR, "the page failed: see the log")
        }
    }
}

fn render(template: &str, values: Value) -> Result<String, Error> {
    static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);
    ENVIRONMENT.get_template(template)?.render(values)
}

fn environment() -> Environment<'static> {
    let mut environment = html_environment();
    for (name, source) in TEMPLATES {
        // If this failed, rendering would fail; the tests render each template.
        environment.add_template(name, source).ok();
    }
    environment
}
