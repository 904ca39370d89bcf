//! The body of each representation of the down page, in one language.

use bytes::Bytes;
use http::HeaderValue;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;
use serde_json::Value;

use super::language::Language;
use super::template::{Template, TemplateError, Variables};
use super::{Answers, PageContent, return_script};

/// The page that is shown if not even the built-in template renders.
const LAST_RESORT: &str =
    "<!doctype html><html lang=en><title>We'll be back soon</title><h1>We'll be back soon</h1></html>";

/// The content of a page in one language, for one kind of request.
#[derive(Clone, Copy)]
pub(super) struct Translated<'a> {
    pub(super) content: &'a PageContent,
    pub(super) language: Language,
    pub(super) answers: Answers,
}

impl Translated<'_> {
    /// Returns the value of `Content-Language`.
    pub(super) fn language_value(&self) -> HeaderValue {
        HeaderValue::from_static(self.language.tag())
    }

    /// Renders the HTML. Returns true with it if it is in the language, and not in one of the template's own. If the template
    /// fails, which [`Template::parse`] makes unlikely, the built-in one replaces it, and the error is logged.
    pub(super) fn html(&self) -> (String, bool) {
        let Self { content, language, answers } = *self;
        let variables = Variables {
            message: self.own_message(),
            until: content.until,
            start: content.start,
            retry_after: content.retry_after.max(1),
            status: content.status.as_u16(),
            cause: content.cause,
            answers,
            language,
            brand: &content.brand,
            return_script: return_script::element(
                content.status_path.as_deref(),
                answers,
                language.words().is_back,
            ),
        };
        let built_in = |error: TemplateError| {
            tracing::error!(%error, "the template failed; the built-in page is shown instead");
            (Template::built_in().render(&variables).unwrap_or_else(|_| LAST_RESORT.to_owned()), true)
        };
        let html = content.template.render(&variables);
        html.map_or_else(built_in, |html| (html, content.template.is_translated()))
    }

    /// Returns problem details (RFC 9457).
    pub(super) fn problem(&self) -> Bytes {
        #[derive(Serialize)]
        struct ProblemDetails<'a> {
            r#type: &'static str,
            title: &'static str,
            status: u16,
            detail: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            start: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            until: Option<Timestamp>,
            /// False, or null if that is not known.
            #[serde(skip_serializing_if = "Option::is_none")]
            saved: Option<Value>,
        }
        let PageContent { status, cause, start, until, .. } = *self.content;
        let saved = match self.answers {
            Answers::Safe => None,
            Answers::NotSaved => Some(Value::Bool(false)),
            Answers::Unknown => Some(Value::Null),
        };
        let problem = ProblemDetails {
            r#type: "about:blank",
            title: cause.heading(self.language.words()),
            status: status.as_u16(),
            detail: self.message(),
            start,
            until,
            saved,
        };
        // Strings and numbers always serialize.
        serde_json::to_vec(&problem).unwrap_or_default().into()
    }

    /// Returns plain text: the heading, the message, the end, and what became of the data in the request, each in a line. The
    /// sentence in place of a missing message says what the heading does.
    pub(super) fn text(&self) -> Bytes {
        let words = self.language.words();
        let heading = self.own_message().map(|_| self.content.cause.heading(words).to_owned());
        let end = self.content.until.map(|until| words.expected_back_text.replace("{time}", &minute(until)));
        let lines =
            [heading, Some(self.message().to_owned()), end, self.answers.sentence(words).map(str::to_owned)];
        lines.into_iter().flatten().fold(String::new(), |text, line| text + &line + "\n").into()
    }

    /// Returns the message for visitors, or a sentence in its place.
    pub(super) fn message(&self) -> &str {
        self.own_message().unwrap_or(self.content.cause.sentence(self.language.words()))
    }

    fn own_message(&self) -> Option<&str> {
        self.content.message.as_ref()?.text(self.language)
    }
}

/// Returns a time for people in any language, in whole minutes, rounded up (ISO 8601 with a space).
pub(super) fn minute(time: Timestamp) -> String {
    let rounded = time.checked_add(59_999.milliseconds()).unwrap_or(time);
    rounded.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
