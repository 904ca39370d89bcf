//! The body of each representation of the down page.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use super::PageContent;
use super::template::{Template, TemplateError, Variables};

/// The page that is shown if not even the built-in template renders.
const LAST_RESORT: &str =
    "<!doctype html><html lang=en><title>We'll be back soon</title><h1>We'll be back soon</h1></html>";

/// Renders the HTML. Returns true with it if it is the built-in page.
pub(super) fn html(content: &PageContent) -> (String, bool) {
    let PageContent { message, until, start, .. } = *content;
    let variables = Variables {
        message,
        until,
        start,
        retry_after: content.retry_after.max(1),
        status: content.status.as_u16(),
    };
    let built_in = |error: TemplateError| {
        tracing::error!(%error, "the template failed; the built-in page is shown instead");
        let page = Template::built_in().render(&variables);
        (page.unwrap_or_else(|_| LAST_RESORT.to_owned()), true)
    };
    let page = content.template.render(&variables).map(|html| (html, content.template.is_built_in()));
    page.unwrap_or_else(built_in)
}

/// Returns problem details (RFC 9457).
pub(super) fn problem(content: &PageContent) -> Bytes {
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
        title: content.status.canonical_reason().unwrap_or("Unavailable"),
        status: content.status.as_u16(),
        detail: message(content),
        until: content.until,
    };
    // Strings and numbers always serialize.
    serde_json::to_vec(&problem).unwrap_or_default().into()
}

/// Returns plain text.
pub(super) fn text(content: &PageContent) -> Bytes {
    let message = message(content);
    match content.until {
        Some(until) => format!("{message}\nBack at {until}.\n"),
        None => format!("{message}\n"),
    }
    .into()
}

/// Returns the message for visitors, or the default one.
pub(super) fn message<'a>(content: &PageContent<'a>) -> &'a str {
    let message = content.message.map(str::trim_end).filter(|message| !message.is_empty());
    message.unwrap_or(content.cause.default_message())
}
