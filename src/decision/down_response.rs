//! What a request that is down is answered with: the page or a redirect.

use std::fmt;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::invalid_value::InvalidValue;
use crate::matching::path::{RequestPath, folded};
use crate::matching::request::{Hosts, host_name, is_same_host, to_ascii};
use crate::page::template::Template;

/// The answer of one period, its own keys and those of `[response]` put together.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For visitors.
    pub message: Option<Arc<str>>,
    /// The page. Also used where a redirect would loop.
    pub template: Template,
    /// The file of the page, where the period names one of its own.
    pub own_template: Option<Arc<str>>,
    /// Where to send the visitor instead of showing the page.
    pub redirect: Option<Redirect>,
}

/// Where visitors are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    location: HeaderValue,
    host: Option<String>,
    path: String,
    /// The path as browsers ask for it.
    resolved: String,
    query: Option<String>,
}

impl Redirect {
    /// Reads an absolute `http` or `https` URL, or a path of this site (RFC 3986 4.2: path-absolute, so not `//host`),
    /// which is canonical: a request for any other would never be known to be for it, and be redirected for ever.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::read(text).ok_or_else(|| explain(text))
    }

    fn read(text: &str) -> Option<Self> {
        if !text.bytes().all(is_plain) || text.starts_with("//") {
            return None;
        }
        let location = HeaderValue::from_str(text).ok()?;
        let (target, _) = text.split_once('#').unwrap_or((text, ""));
        let uri: Uri = target.parse().ok()?;
        let host = match (uri.scheme_str(), uri.authority()) {
            (None, None) if text.starts_with('/') => None,
            (Some("http" | "https"), Some(authority)) if is_of_host(authority) => {
                Some(host_name(authority.as_str()).to_owned())
            }
            _ => return None,
        };
        if host.is_none() && RequestPath::new(uri.path()).fault().is_some() {
            return None;
        }
        let query = uri.query().map(str::to_owned);
        Some(Self { location, host, path: uri.path().to_owned(), resolved: resolved(uri.path()), query })
    }

    /// The value of `Location`, as it was written.
    pub fn location(&self) -> &HeaderValue {
        &self.location
    }

    /// Whether it is a path of this site, and the request is for that path. A slash at the end does not count: many sites
    /// redirect from one form to the other.
    pub fn is_target(&self, path: &RequestPath<'_>) -> bool {
        let own = RequestPath::new(&self.path);
        let bare = own.canonical().zip(path.canonical());
        self.host.is_none()
            && bare.is_some_and(|(own, path)| own.trim_end_matches('/') == path.trim_end_matches('/'))
    }

    /// The path and the query that it leads to, if it is a path of this site.
    pub fn own_target(&self) -> Option<(RequestPath<'_>, Option<&str>)> {
        self.host.is_none().then(|| (RequestPath::new(&self.path), self.query.as_deref()))
    }

    /// Whether it is an absolute URL that names a host and the path of the request itself, so that following it would loop.
    pub fn loops(&self, hosts: &Hosts<'_>, path: &RequestPath<'_>) -> bool {
        self.host.as_ref().is_some_and(|own| hosts.names().any(|host| is_same_host(host, own)))
            && self.same_path(path)
    }

    /// Whether a client that follows it asks for this path: as it is written, or as browsers ask for it.
    fn same_path(&self, path: &RequestPath<'_>) -> bool {
        let is_path = |own: RequestPath<'_>| {
            own.raw() == path.raw() || own.canonical().is_some_and(|own| Some(own) == path.canonical())
        };
        is_path(RequestPath::new(&self.path)) || is_path(RequestPath::new(&self.resolved))
    }
}

/// A path without its `.` and `..` segments, however these are encoded (URL Standard, 4.4).
fn resolved(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        if plain == ".." {
            kept.pop();
        }
        if plain != "." && plain != ".." {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// Whether an authority has a host, no user, and a port only if that is one.
fn is_of_host(authority: &Authority) -> bool {
    let port = authority.as_str().rsplit_once(':').map_or("", |(_, port)| port);
    let has_no_port = port.is_empty() || port.ends_with(']');
    !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && (has_no_port || authority.port_u16().is_some())
}

/// Returns true if a byte may be in a URL as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// What is wrong with a text that is not a redirect, and what was probably meant.
fn explain(text: &str) -> InvalidValue {
    const EXAMPLE: &str = "for example `https://status.example.com/`, or a path such as `/sorry`";
    let invalid =
        |reason: &str, help: String| InvalidValue::new(format!("invalid redirect `{text}`: {reason}"), help);
    if text.chars().any(char::is_control) {
        return invalid("a control character cannot be in a URL", "remove it".into());
    }
    let trimmed = text.trim();
    if trimmed.len() < text.len() && Redirect::read(trimmed).is_some() {
        return invalid("it has a space at its end or its beginning", format!("write `{trimmed}`"));
    }
    if !text.bytes().all(is_plain) {
        let reason = "spaces, quotes and what is not ASCII are percent-encoded";
        return invalid(reason, encoded(text).map_or(EXAMPLE.into(), |url| format!("write `{url}`")));
    }
    if let Some(rest) = text.strip_prefix("//") {
        let url = format!("https://{}", rest.trim_start_matches('/'));
        let meant = if is_host(rest) { url } else { format!("/{}", rest.trim_start_matches('/')) };
        return invalid("what follows `//` is read as a host", did_you_mean(&meant, EXAMPLE));
    }
    if text.starts_with('/') {
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let fault = RequestPath::new(path).fault().map_or(String::new(), |fault| fault.to_string());
        let reason = format!("the path {fault}, so no request matches it and the redirect would loop");
        let rest = text.get(path.len()..).unwrap_or_default();
        let plain = folded(path).map(|path| format!("{path}{rest}"));
        let example = "write the path in its plain form, such as `/sorry`";
        return invalid(&reason, plain.map_or(example.into(), |plain| did_you_mean(&plain, example)));
    }
    if let Some((origin, rest)) = text.split_once("://")
        && let Some((_, plain)) = rest.split(['/', '?', '#']).next().and_then(|host| host.rsplit_once('@'))
    {
        let path = rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default();
        let message = "a redirect cannot have a user name or password: every visitor would see it";
        return InvalidValue::new(message, did_you_mean(&format!("{origin}://{plain}{path}"), EXAMPLE));
    }
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    if matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        let url = format!("{}://{}", scheme.to_ascii_lowercase(), rest.trim_start_matches('/'));
        if let Some(port) = port(&url).filter(|port| port.parse::<u16>().is_err()) {
            let help = "write a port from 1 to 65535, or none".into();
            return invalid(&format!("`{port}` is not a port"), help);
        }
        return invalid("this is not a URL with a host", did_you_mean(&url, EXAMPLE));
    }
    if rest.starts_with("//") || matches!(scheme, "javascript" | "mailto" | "tel" | "data") {
        return invalid("only http and https are redirected to", EXAMPLE.into());
    }
    let reason = "it begins neither with `https://` or `http://` nor with `/`";
    if is_host(text) {
        let url = format!("https://{text}");
        return invalid(reason, Redirect::read(&url).map_or(EXAMPLE.into(), |_| format!("write `{url}`")));
    }
    let is_path = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.contains(':');
    invalid(reason, if is_path { did_you_mean(&format!("/{text}"), EXAMPLE) } else { EXAMPLE.into() })
}

/// What an absolute URL has in place of a port.
fn port(url: &str) -> Option<&str> {
    let authority = url.split("://").nth(1)?.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.is_empty() && !port.ends_with(']'))
}

fn did_you_mean(url: &str, example: &str) -> String {
    Redirect::read(url).map_or(example.to_owned(), |_| format!("did you mean `{url}`?"))
}

/// Whether a text begins with the name of a host rather than of a file.
fn is_host(text: &str) -> bool {
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let last = host.rsplit_once('.').map_or("", |(_, last)| last);
    let is_file = matches!(last, "html" | "htm" | "php" | "txt" | "aspx" | "jsp");
    host == "localhost" || last.len() > 1 && !is_file && last.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The same URL or path with all encoded that has to be, and its host in ASCII.
fn encoded(text: &str) -> Option<String> {
    const SET: &AsciiSet = &CONTROLS
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
    let url = format!("{origin}{}", utf8_percent_encode(path, SET));
    Redirect::read(&url).map(|_| url)
}

impl fmt::Display for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.location.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_an_absolute_url_or_a_path() {
        for text in [
            "https://status.example.com/",
            "http://x",
            "http://[::1]:80/a?b#c",
            "/sorry",
            "/sorry?a=b#c",
            "/",
        ] {
            assert_eq!(
                Redirect::parse(text).map(|r| r.location().to_str().unwrap().to_owned()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "",
            "sorry",
            "//evil.example/",
            "/\\evil.example",
            "ftp://x/",
            "https://",
            "https:///x",
            "https://:80/",
            "https://@/",
            "javascript:alert(1)",
            "mailto:a@b",
            "/a b",
            "/a\r\nSet-Cookie: x=y",
            "/é",
            "https://x y/",
            "?a",
            "#a",
            "*",
            "example.com:80",
            "/errors//503.html",
            "/errors/../503",
            "/errors/./503",
            "/errors/%2e%2e/503",
            "/a;b",
            "/a%2Fb",
            "/a%",
            "/a%0A",
            "/...",
        ] {
            assert!(Redirect::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_a_redirect_is_answered_with_the_one_that_was_meant() {
        const EXAMPLE: &str = "for example `https://status.example.com/`, or a path such as `/sorry`";
        for (text, help) in [
            ("status.example.com", "write `https://status.example.com`"),
            ("status.example.com:8080/down?x=1", "write `https://status.example.com:8080/down?x=1`"),
            ("sorry", "did you mean `/sorry`?"),
            ("sorry.html", "did you mean `/sorry.html`?"),
            ("//status.example.com/", "did you mean `https://status.example.com/`?"),
            ("https:/status.example.com", "did you mean `https://status.example.com`?"),
            ("http:status.example.com", "did you mean `http://status.example.com`?"),
            ("https://", EXAMPLE),
            ("https://:80/", EXAMPLE),
            ("ftp://example.com/", EXAMPLE),
            ("javascript:alert(1)", EXAMPLE),
            ("mailto:a@example.com", EXAMPLE),
            ("/wartung für alle", "write `/wartung%20f%C3%BCr%20alle`"),
            ("https://bücher.example/ü", "write `https://xn--bcher-kva.example/%C3%BC`"),
            ("https://status.example.com/a b", "write `https://status.example.com/a%20b`"),
            ("https://a b/", EXAMPLE),
            ("/a\r\nSet-Cookie: x=y", "remove it"),
            ("", EXAMPLE),
            ("?a", EXAMPLE),
            ("https://status.example.com/ ", "write `https://status.example.com/`"),
            (" /down", "write `/down`"),
            ("/errors//503.html?x", "did you mean `/errors/503.html?x`?"),
            ("/a;b", "write the path in its plain form, such as `/sorry`"),
        ] {
            let fault = Redirect::parse(text).unwrap_err();
            assert_eq!(fault.help, help, "{text}: {}", fault.message);
            assert!(fault.message.starts_with(&format!("invalid redirect `{text}`")));
        }
        let secret = Redirect::parse("https://user:pw@status.example.com/a").unwrap_err();
        assert_eq!(secret.help, "did you mean `https://status.example.com/a`?");
        assert!(!secret.message.contains("pw"), "messages are logged");
    }

    #[test]
    fn the_target_of_a_redirect_to_a_path_is_that_path() {
        for (redirect, path, target) in [
            ("/sorry", "/sorry", true),
            ("/sorry?x", "/sorry", true),
            ("/s%6frry", "/sorry", true),
            ("/sorry", "/sorry/", true),
            ("/sorry/", "/sorry", true),
            ("/sorry", "/sorry//", false),
            ("/sorry", "/sorry/x", false),
            ("/sorry", "/Sorry", false),
            ("/sorry", "/", false),
            ("/", "/", true),
            ("/", "/sorry", false),
            ("https://example.com/sorry", "/sorry", false),
        ] {
            let redirect = Redirect::parse(redirect).unwrap();
            assert_eq!(redirect.is_target(&RequestPath::new(path)), target, "{redirect:?} {path}");
        }
    }

    #[test]
    fn an_absolute_redirect_loops_on_its_own_host_and_path() {
        for (redirect, host, path, loops) in [
            ("https://example.com/sorry", Some("example.com"), "/sorry", true),
            ("https://example.com/sorry", Some("EXAMPLE.com.:8503"), "/sorry", true),
            ("https://example.com", Some("example.com"), "/", true),
            ("https://example.com/a//b", Some("example.com"), "/a//b", true),
            ("https://example.com/a/../sorry", Some("example.com"), "/sorry", true),
            ("https://example.com/a/../sorry", Some("example.com"), "/a/../sorry", true),
            ("https://example.com/%2E/sorry/%2e.", Some("example.com"), "/", true),
            ("https://example.com/../a/./", Some("example.com"), "/a/", true),
            ("https://[0:0::1]/sorry", Some("[::1]:80"), "/sorry", true),
            ("https://example.com/sorry", Some("example.com"), "/", false),
            ("https://example.com/sorry", Some("example.org"), "/sorry", false),
            ("https://example.com/sorry", None, "/sorry", false),
            ("/sorry", Some("example.com"), "/sorry", false),
        ] {
            let redirect = Redirect::parse(redirect).unwrap();
            let (path, gateway) = (RequestPath::new(path), Some("gateway:8503"));
            assert_eq!(redirect.loops(&Hosts::new(host), &path), loops, "{redirect:?} {host:?} {path:?}");
            let forwarded = Hosts { own: gateway, forwarded: host.into_iter().collect() };
            assert_eq!(redirect.loops(&forwarded, &path), loops, "{redirect:?} {forwarded:?} {path:?}");
        }
    }
}
