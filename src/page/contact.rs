//! The link from the down page to more information.

use std::sync::Arc;

use http::Uri;

use crate::invalid_value::InvalidValue;

const EXAMPLE: &str =
    "write a URL such as `https://status.example.com/`, `mailto:help@example.com` or `tel:+49301234567`";

/// Parses a URL with the scheme https, http, mailto (RFC 6068) or tel (RFC 3966).
pub fn parse(text: &str) -> Result<Arc<str>, InvalidValue> {
    if is_contact(text) { Ok(text.into()) } else { Err(explain(text)) }
}

fn is_contact(text: &str) -> bool {
    let has_uri_characters =
        text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    has_uri_characters
        && match text.split_once(':') {
            Some(("https" | "http", _)) => is_page(text),
            Some(("mailto", address)) => is_address(address),
            Some(("tel", number)) => is_number(number),
            _ => false,
        }
}

fn is_page(text: &str) -> bool {
    let url = text.split('#').next().unwrap_or_default();
    let uri: Option<Uri> = url.contains("://").then(|| url.parse().ok()).flatten();
    uri.as_ref().and_then(Uri::host).is_some_and(|host| !host.is_empty())
}

fn is_address(address: &str) -> bool {
    let address = address.split('?').next().unwrap_or_default();
    address.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
}

/// Returns true for a number, with its visual separators and parameters.
fn is_number(number: &str) -> bool {
    let number = number.split(';').next().unwrap_or_default();
    let digits = number.strip_prefix('+').unwrap_or(number);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b"-.()".contains(&byte))
}

fn explain(text: &str) -> InvalidValue {
    let help = match meant(text.trim()) {
        Some(url) => format!("write `{url}`"),
        None if text.starts_with('/') => {
            "write a URL of another site: this one is down when the page is shown".to_owned()
        }
        None => EXAMPLE.to_owned(),
    };
    InvalidValue::new(format!("invalid contact `{text}`"), help)
}

/// Returns the URL that a text means which is none.
fn meant(text: &str) -> Option<String> {
    let lower_scheme = text.split_once(':').map(|(scheme, rest)| format!("{}:{rest}", scheme.to_lowercase()));
    let number: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let host = text.split('/').next().unwrap_or_default();
    let is_host = host.contains('.') && !host.contains(':') && !host.starts_with('.');
    let candidates = [
        lower_scheme,
        (text.contains('@') && !text.contains(':')).then(|| format!("mailto:{text}")),
        is_number(&number).then(|| format!("tel:{number}")),
        is_host.then(|| format!("https://{text}")),
    ];
    candidates.into_iter().flatten().find(|url| is_contact(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_a_page_a_mailbox_or_a_telephone() {
        for text in [
            "https://status.example.com/",
            "https://status.example.com",
            "http://192.0.2.1:8080/a?b=c#d",
            "https://[2001:db8::1]/",
            "mailto:help@example.com",
            "mailto:help@example.com?subject=Down%20again",
            "tel:+49-30-1234567",
            "tel:112",
            "tel:+1(555)0100;ext=1",
        ] {
            assert_eq!(&*parse(text).unwrap(), text);
        }
    }

    #[test]
    fn any_other_text_is_refused_with_the_url_that_it_means() {
        for (text, help) in [
            ("status.example.com", "write `https://status.example.com`"),
            ("status.example.com/now", "write `https://status.example.com/now`"),
            ("HTTPS://status.example.com/", "write `https://status.example.com/`"),
            ("Mailto:a@example.com", "write `mailto:a@example.com`"),
            ("help@example.com", "write `mailto:help@example.com`"),
            (" https://a.example ", "write `https://a.example`"),
            ("+49 30 1234567", "write `tel:+49301234567`"),
            ("/status", "write a URL of another site: this one is down when the page is shown"),
            ("//status.example.com", "write a URL of another site: this one is down when the page is shown"),
            ("javascript:alert(1)", EXAMPLE),
            ("data:text/html,x", EXAMPLE),
            ("ftp://example.com/", EXAMPLE),
            ("https://", EXAMPLE),
            ("https:///path", EXAMPLE),
            ("https:status.example.com", EXAMPLE),
            ("https://a b.example/", EXAMPLE),
            ("https://a.example/\"", EXAMPLE),
            ("https://müller.example/", EXAMPLE),
            ("mailto:", EXAMPLE),
            ("mailto:@example.com", EXAMPLE),
            ("tel:", EXAMPLE),
            ("tel:abc", EXAMPLE),
            ("ask us", EXAMPLE),
            ("", EXAMPLE),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.help, help, "{text}");
            assert_eq!(error.message, format!("invalid contact `{text}`"));
        }
    }
}
