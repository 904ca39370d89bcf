//! The filters of templates, besides those of the engine.

use std::fmt::Write;

use jiff::Timestamp;
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::page::body::minute;

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("links", links);
    environment.add_filter("local_time", local_time);
}

/// Returns an element that shows a time, in UTC until the return script replaces the text by the visitor's own time and
/// language.
fn local_time(value: &Value) -> Result<Value, Error> {
    if value.is_none() {
        return Ok(Value::from(""));
    }
    let time: Option<Timestamp> = value.as_str().and_then(|text| text.parse().ok());
    let time = time.ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, "`local_time` needs a time, such as `until` or `start`")
    })?;
    let shown = minute(time);
    // The text in UTC is from left to right, also in a page in another direction.
    Ok(Value::from_safe_string(format!("<time datetime=\"{time}\" dir=\"auto\" data-local>{shown}</time>")))
}

/// Escapes a text, and makes the http and https URLs in it links.
fn links(value: &Value) -> Result<Value, Error> {
    if value.is_none() {
        return Ok(Value::from(""));
    }
    let Some(mut text) = value.as_str() else {
        return Err(Error::new(ErrorKind::InvalidOperation, "`links` needs a text, such as `message`"));
    };
    let mut html = String::with_capacity(text.len());
    while let Some(start) = start_of_url(text) {
        let (before, rest) = text.split_at(start);
        let (url, after) = rest.split_at(length_of_url(rest));
        escape(&mut html, before);
        let mut escaped = String::new();
        escape(&mut escaped, url);
        let _ = write!(html, "<a href=\"{escaped}\" rel=\"noreferrer\">{escaped}</a>");
        text = after;
    }
    escape(&mut html, text);
    Ok(Value::from_safe_string(html))
}

fn escape(html: &mut String, text: &str) {
    let _ = write!(html, "{}", minijinja::HtmlEscape(text));
}

/// Finds `https://` or `http://` with a host after it.
fn start_of_url(text: &str) -> Option<usize> {
    text.match_indices("http").map(|(start, _)| start).find(|start| {
        let rest = text.get(start + 4..).unwrap_or_default();
        let host = rest.strip_prefix("s").unwrap_or(rest).strip_prefix("://");
        host.is_some_and(|host| host.starts_with(|first: char| first.is_alphanumeric() || first == '['))
    })
}

/// Returns the length of the URL at the start of a text. Punctuation at its end belongs to the sentence, and so does a `)` that
/// was not opened in the URL.
fn length_of_url(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"「」『』、。，；".contains(c));
    let mut url = text.get(..end.unwrap_or(text.len())).unwrap_or(text);
    let mut unopened = url.matches(')').count().saturating_sub(url.matches('(').count());
    loop {
        let mut shorter = url.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*']);
        if let Some(before) = shorter.strip_suffix(')').filter(|_| unopened > 0) {
            (shorter, unopened) = (before, unopened - 1);
        }
        if shorter.len() == url.len() {
            return url.len();
        }
        url = shorter;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_ends_where_the_sentence_continues() {
        for (text, urls) in [
            (
                "See https://a.example/b, or http://c.example.",
                &["https://a.example/b", "http://c.example"][..],
            ),
            ("(https://a.example/x_(y))", &["https://a.example/x_(y)"]),
            ("https://a.example/?q=1&r=2#f!", &["https://a.example/?q=1&r=2#f"]),
            ("詳細は https://a.example/b。", &["https://a.example/b"]),
            ("https:// http:/ httpx://y https://", &[]),
            ("http://[::1]:80/", &["http://[::1]:80/"]),
        ] {
            let html =
                links(&Value::from(text)).unwrap().to_string().replace("&#x2f;", "/").replace("&amp;", "&");
            let found: Vec<_> =
                html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert_eq!(found, urls, "{text}: {html}");
        }
    }
}
