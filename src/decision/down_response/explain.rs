//! Explains an invalid redirect, and suggests what was probably meant.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::redirect::{Redirect, is_plain};
use crate::invalid_value::InvalidValue;
use crate::matching::path::{RequestPath, canonicalize};
use crate::matching::request::to_ascii;

const EXAMPLE: &str = "for example `https://status.example.com/`, or a path such as `/sorry`";

/// Explains why `text` is not a redirect.
pub(super) fn explain(text: &str) -> InvalidValue {
    if text.chars().any(char::is_control) {
        return invalid(text, "a control character cannot be in a URL", "remove it".into());
    }
    let trimmed = text.trim();
    if trimmed.len() < text.len() && is_redirect(trimmed) {
        return invalid(text, "it begins or ends with a space", format!("write `{trimmed}`"));
    }
    if !text.bytes().all(is_plain) {
        let reason = "spaces, quotes, backslashes and non-ASCII characters must be percent-encoded";
        return invalid(text, reason, encode(text).map_or(EXAMPLE.into(), |url| format!("write `{url}`")));
    }
    if let Some(rest) = text.strip_prefix("//") {
        return double_slash(text, rest);
    }
    if text.starts_with('/') {
        return invalid_path(text);
    }
    user_info(text).unwrap_or_else(|| invalid_scheme(text))
}

fn invalid(text: &str, reason: &str, help: String) -> InvalidValue {
    InvalidValue::new(format!("invalid redirect `{text}`: {reason}"), help)
}

fn is_redirect(text: &str) -> bool {
    Redirect::try_parse(text).is_some()
}

fn did_you_mean(url: &str, example: &str) -> String {
    if is_redirect(url) { format!("did you mean `{url}`?") } else { example.to_owned() }
}

fn double_slash(text: &str, rest: &str) -> InvalidValue {
    let path = rest.trim_start_matches('/');
    let meant = if is_host(rest) { format!("https://{path}") } else { format!("/{path}") };
    invalid(text, "browsers read the text after `//` as a host", did_you_mean(&meant, EXAMPLE))
}

fn invalid_path(text: &str) -> InvalidValue {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let fault = RequestPath::new(path).fault().map_or(String::new(), |fault| fault.to_string());
    let reason = format!("the path {fault}, so no request matches it and the redirect would loop");
    let rest = text.get(path.len()..).unwrap_or_default();
    let example = "write the path in its plain form, such as `/sorry`";
    let help = canonicalize(path).map(|path| did_you_mean(&format!("{path}{rest}"), example));
    invalid(text, &reason, help.unwrap_or_else(|| example.into()))
}

/// Explains a URL with a user name or a password, without repeating them.
fn user_info(text: &str) -> Option<InvalidValue> {
    let (origin, rest) = text.split_once("://")?;
    let (_, host) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    let path = rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default();
    let message = "a redirect cannot have a user name or password: every visitor would see it";
    Some(InvalidValue::new(message, did_you_mean(&format!("{origin}://{host}{path}"), EXAMPLE)))
}

fn invalid_scheme(text: &str) -> InvalidValue {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    if matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        let url = format!("{}://{}", scheme.to_ascii_lowercase(), rest.trim_start_matches('/'));
        if let Some(port) = port(&url).filter(|port| port.parse::<u16>().is_err()) {
            let help = "write a port from 1 to 65535, or none".into();
            return invalid(text, &format!("`{port}` is not a port"), help);
        }
        return invalid(text, "this is not a URL with a host", did_you_mean(&url, EXAMPLE));
    }
    if rest.starts_with("//") || matches!(scheme, "javascript" | "mailto" | "tel" | "data") {
        return invalid(text, "only http and https URLs are allowed", EXAMPLE.into());
    }
    let url = format!("https://{text}");
    let is_path = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.contains(':');
    let help = if is_host(text) {
        if is_redirect(&url) { format!("write `{url}`") } else { EXAMPLE.into() }
    } else if is_path {
        did_you_mean(&format!("/{text}"), EXAMPLE)
    } else {
        EXAMPLE.into()
    };
    invalid(text, "it does not begin with `https://`, `http://` or `/`", help)
}

/// Returns the text in place of a port in an absolute URL.
fn port(url: &str) -> Option<&str> {
    let authority = url.split("://").nth(1)?.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.is_empty() && !port.ends_with(']'))
}

/// Returns true if a text begins with what looks like a host name, not a file name.
fn is_host(text: &str) -> bool {
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let last = host.rsplit_once('.').map_or("", |(_, last)| last);
    let is_file = matches!(last, "html" | "htm" | "php" | "txt" | "aspx" | "jsp");
    host == "localhost" || last.len() > 1 && !is_file && last.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Percent-encodes a URL or path, and its host in ASCII, if that makes it valid.
fn encode(text: &str) -> Option<String> {
    const NOT_PLAIN: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'<')
        .add(b'>')
        .add(b'\\')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');
    let (origin, path) = match text.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (host, path) = rest.split_at_checked(end)?;
            let host = if host.is_ascii() { host.to_owned() } else { to_ascii(host)? };
            (format!("{scheme}://{host}"), path)
        }
        None => (String::new(), text),
    };
    let url = format!("{origin}{}", utf8_percent_encode(path, NOT_PLAIN));
    is_redirect(&url).then_some(url)
}
