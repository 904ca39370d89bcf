//! What the keys `cors` and `headers` of `[response]` mean.

use http::{HeaderMap, HeaderName, HeaderValue};
use toml::Spanned;

use super::document::{Field, HeaderFields, TextsOrFalse};
use super::report::Report;
use crate::page::{Cors, is_reserved, parse_origin};

/// Whose pages may read down answers.
pub(super) fn cors(written: &Field<TextsOrFalse>, report: &Report) -> Cors {
    const HELP: &str =
        "write `\"any\"`, a list of origins such as `[\"https://app.example.com\"]`, or `false`";
    let Some(written) = written else { return Cors::default() };
    match written.get_ref() {
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
            report.error(written.span(), format!("unknown value `{text}`"), help);
            Cors::Off
        }
        TextsOrFalse::Texts(texts) if texts.is_empty() => {
            report.error(written.span(), "an empty list allows nobody", "write `cors = false`");
            Cors::Off
        }
        TextsOrFalse::Texts(texts) => {
            Cors::Origins(texts.iter().filter_map(|text| origin(text, report)).collect())
        }
    }
}

fn origin(written: &Spanned<String>, report: &Report) -> Option<HeaderValue> {
    const EXAMPLE: &str = "write a scheme and a host, such as `https://app.example.com`";
    let text = written.get_ref();
    let refuse = |help: Option<String>| {
        let example = if text.contains('*') { "write each origin: there are no wildcards" } else { EXAMPLE };
        let help = help.map_or(example.into(), |origin| format!("write `{origin}`"));
        report.error(written.span(), format!("invalid origin `{text}`"), help);
    };
    parse_origin(text).map_err(refuse).ok()
}

/// As many further fields are allowed, and as many bytes of them in all: proxies and clients refuse an answer whose head is
/// much longer.
const MAX_FIELDS: usize = 50;
const MAX_FIELD_BYTES: usize = 4096;

/// The fields that each down answer carries besides the gateway's own.
pub(super) fn fields(written: &HeaderFields, report: &Report) -> HeaderMap {
    let mut fields = HeaderMap::new();
    if is_too_much(written, report) {
        return fields;
    }
    for (name, value) in written.iter().flat_map(Spanned::get_ref) {
        let (Some(read), Some(value)) = (field_name(name, report), field_value(value, report)) else {
            continue;
        };
        if fields.insert(read, value).is_some() {
            let message = format!("`{}` is set twice: case does not count", name.get_ref());
            report.error(name.span(), message, "remove one of the two");
        }
    }
    fields
}

fn is_too_much(written: &HeaderFields, report: &Report) -> bool {
    let Some(table) = written else { return false };
    let (count, length) = (table.get_ref().len(), |text: &Spanned<String>| text.get_ref().len());
    let bytes: usize = table.get_ref().iter().map(|(name, value)| length(name) + length(value)).sum();
    let message = if count > MAX_FIELDS {
        format!("these are {count} fields: at most {MAX_FIELDS} are allowed")
    } else {
        format!("these fields are {bytes} bytes long: at most {MAX_FIELD_BYTES} are allowed")
    };
    let is_too_much = count > MAX_FIELDS || bytes > MAX_FIELD_BYTES;
    if is_too_much {
        report.error(table.span(), message, "remove those that no cache or client needs");
    }
    is_too_much
}

fn field_name(written: &Spanned<String>, report: &Report) -> Option<HeaderName> {
    let text = written.get_ref();
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) if is_reserved(&name) => {
            let message = format!("the gateway sets `{text}` itself");
            report.error(written.span(), message, "remove it");
            None
        }
        Ok(name) => Some(name),
        Err(_) => {
            let help = "write a name such as `Surrogate-Control`: letters, digits and `-`";
            report.error(written.span(), format!("invalid header name `{text}`"), help);
            None
        }
    }
}

/// Printable ASCII, as RFC 9110 5.5 has it for new fields: what else a header may hold, readers take differently.
fn field_value(written: &Spanned<String>, report: &Report) -> Option<HeaderValue> {
    let text = written.get_ref();
    let is_plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) && text.trim() == text;
    let value = HeaderValue::from_str(text).ok().filter(|_| is_plain && !text.is_empty());
    if value.is_none() {
        let help = "write printable ASCII on one line, without spaces at its ends";
        report.error(written.span(), "invalid header value", help);
    }
    value
}
