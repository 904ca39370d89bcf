//! Validates `[response]`.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use toml::Spanned;

use super::message::message;
use super::values::{duration_or_zero, redirect};
use crate::config::ResponseConfig;
use crate::config::document::{Field, HeaderFields, ResponseSection, TextsOrFalse};
use crate::config::report::Report;
use crate::config::templates::Templates;
use crate::page::language::Language;
use crate::page::template::Template;
use crate::page::{Cors, is_reserved, parse_origin};

/// The most additional header fields, and the most bytes of their names and values. Proxies and clients refuse a response
/// whose head is much longer.
const MAX_FIELDS: usize = 50;
const MAX_FIELD_BYTES: usize = 4096;

pub(super) fn validate(
    section: &ResponseSection,
    lang: Language,
    report: &Report,
    templates: &mut Templates<'_>,
) -> ResponseConfig {
    let redirect_to = |text: &Spanned<String>| redirect(text.get_ref(), text.span(), report);
    ResponseConfig {
        status: section
            .status
            .as_ref()
            .map_or(StatusCode::SERVICE_UNAVAILABLE, |status| down_status(status, report)),
        message: message(&section.message, lang, report),
        redirect: section.redirect.as_ref().and_then(redirect_to),
        template: templates.get(&section.template, report).unwrap_or_else(Template::built_in),
        cors: cors(&section.cors, report),
        close_tunnels_after: duration_or_zero(&section.close_tunnels_after, report),
        fields: fields(&section.headers, report),
    }
}

fn down_status(status: &Spanned<i64>, report: &Report) -> StatusCode {
    let number = u16::try_from(*status.get_ref()).ok().filter(|number| (500..600).contains(number));
    number.and_then(|number| StatusCode::from_u16(number).ok()).unwrap_or_else(|| {
        let message = format!("invalid status {}: it must be from 500 to 599", status.get_ref());
        let help = "use 503: caches and search engines treat it as temporary";
        report.error(status.span(), message, help);
        StatusCode::SERVICE_UNAVAILABLE
    })
}

fn cors(field: &Field<TextsOrFalse>, report: &Report) -> Cors {
    const HELP: &str =
        "write `\"any\"`, a list of origins such as `[\"https://app.example.com\"]`, or `false`";
    let Some(field) = field else { return Cors::default() };
    match field.get_ref() {
        TextsOrFalse::False => Cors::Off,
        TextsOrFalse::Text(text) if text == "any" => Cors::Any,
        TextsOrFalse::Text(text) => {
            let help = if text == "*" {
                "write `cors = \"any\"`".into()
            } else if let Ok(origin) = parse_origin(text) {
                format!("write `cors = [{:?}]`", origin.to_str().unwrap_or_default())
            } else {
                HELP.into()
            };
            report.error(field.span(), format!("unknown value `{text}`"), help);
            Cors::Off
        }
        TextsOrFalse::Texts(texts) if texts.is_empty() => {
            report.error(field.span(), "an empty list allows no origin", "write `cors = false`");
            Cors::Off
        }
        TextsOrFalse::Texts(texts) => {
            Cors::Origins(texts.iter().filter_map(|text| origin(text, report)).collect())
        }
    }
}

fn origin(field: &Spanned<String>, report: &Report) -> Option<HeaderValue> {
    const EXAMPLE: &str = "write a scheme and a host, such as `https://app.example.com`";
    let text = field.get_ref();
    let refuse = |help: Option<String>| {
        let example =
            if text.contains('*') { "list each origin: wildcards are not supported" } else { EXAMPLE };
        let help = help.map_or(example.into(), |origin| format!("write `{origin}`"));
        report.error(field.span(), format!("invalid origin `{text}`"), help);
    };
    parse_origin(text).map_err(refuse).ok()
}

/// Returns the header fields of each down response in addition to the gateway's own.
fn fields(headers: &HeaderFields, report: &Report) -> HeaderMap {
    let mut fields = HeaderMap::new();
    if exceeds_limits(headers, report) {
        return fields;
    }
    for (name, value) in headers.iter().flat_map(Spanned::get_ref) {
        let (Some(parsed), Some(value)) = (field_name(name, report), field_value(value, report)) else {
            continue;
        };
        if fields.insert(parsed, value).is_some() {
            let message = format!("`{}` is set twice: field names are not case-sensitive", name.get_ref());
            report.error(name.span(), message, "remove one of the two");
        }
    }
    fields
}

fn exceeds_limits(headers: &HeaderFields, report: &Report) -> bool {
    let Some(table) = headers else { return false };
    let length = |text: &Spanned<String>| text.get_ref().len();
    let count = table.get_ref().len();
    let bytes: usize = table.get_ref().iter().map(|(name, value)| length(name) + length(value)).sum();
    let message = if count > MAX_FIELDS {
        format!("too many header fields: {count}, at most {MAX_FIELDS} are allowed")
    } else if bytes > MAX_FIELD_BYTES {
        format!("the header fields are too long: {bytes} bytes, at most {MAX_FIELD_BYTES} are allowed")
    } else {
        return false;
    };
    report.error(table.span(), message, "remove those that no cache or client needs");
    true
}

fn field_name(field: &Spanned<String>, report: &Report) -> Option<HeaderName> {
    let text = field.get_ref();
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) if is_reserved(&name) => {
            let message = format!("the gateway sets `{text}` itself");
            report.error(field.span(), message, "remove it");
            None
        }
        Ok(name) => Some(name),
        Err(_) => {
            let help = "write a name such as `Surrogate-Control`: letters, digits and `-`";
            report.error(field.span(), format!("invalid header field name `{text}`"), help);
            None
        }
    }
}

/// Returns the value of a header field.
pub(super) fn field_value(field: &Spanned<String>, report: &Report) -> Option<HeaderValue> {
    let text = field.get_ref();
    if let Some(problem) = value_problem(text) {
        let help = "write printable ASCII on one line, without spaces at either end";
        report.error(field.span(), format!("invalid header field value: {problem}"), help);
        return None;
    }
    HeaderValue::from_str(text).ok()
}

/// Returns the problem of a value that is not printable ASCII. RFC 9110, section 5.5, recommends ASCII for new fields:
/// recipients differ in how they read other characters.
fn value_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("it is empty")
    } else if text.contains(char::is_control) {
        Some("it has a line break or another control character")
    } else if !text.is_ascii() {
        Some("it has characters other than ASCII")
    } else if text.trim() != text {
        Some("it begins or ends with a space")
    } else {
        None
    }
}
