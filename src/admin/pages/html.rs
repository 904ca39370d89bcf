//! HTML from the templates in `templates/admin`, which are part of the program. All values are escaped.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use minijinja::value::Serde;
use minijinja::{Environment, Error, Value, context};
use serde::Serialize;
use tracing::error;

use crate::page::html_environment;

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

const TEMPLATES: [(&str, &str); 9] = [
    template!("overview"),
    template!("periods"),
    template!("period"),
    template!("down"),
    template!("confirm"),
    template!("bypasses"),
    template!("check"),
    template!("problem"),
    LAYOUT,
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
    let html = render(frame, template, values).unwrap_or_else(|error| {
        error!("a template of [admin] failed: {error:#}");
        "<!doctype html><title>Error</title><p>The page failed: see the log".to_owned()
    });
    let mut response = Response::new(Bytes::from(html));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn render(frame: &Frame, template: &str, values: &impl Serialize) -> Result<String, Error> {
    static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);
    let values = Value::from(Serde(values));
    let content = ENVIRONMENT.get_template(template)?.render(values)?;
    let frame = Value::from(Serde(frame));
    let content = context! { content => Value::from_safe_string(content), ..frame };
    ENVIRONMENT.get_template(LAYOUT.0)?.render(content)
}

fn environment() -> Environment<'static> {
    let mut environment = html_environment();
    for (name, source) in TEMPLATES {
        // If this failed, rendering would fail; the tests render each template.
        environment.add_template(name, source).ok();
    }
    environment
}
