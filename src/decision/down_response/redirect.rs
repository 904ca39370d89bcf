//! Redirects, and the detection of loops.

use std::fmt;

use http::uri::Authority;
use http::{HeaderValue, Uri};

use super::explain::explain;
use crate::invalid_value::InvalidValue;
use crate::matching::path::RequestPath;
use crate::matching::request::{Hosts, host_name, is_same_host};

/// A valid redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    location: HeaderValue,
    host: Option<String>,
    path: String,
    /// The path that browsers request.
    resolved: String,
    query: Option<String>,
}

impl Redirect {
    /// Parses an absolute `http` or `https` URL, or a path of this site (path-absolute in RFC 3986, section 4.2, so not
    /// `//host`). A path must be canonical: no request would match any other, and the redirect would loop.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::try_parse(text).ok_or_else(|| explain(text))
    }

    pub(super) fn try_parse(text: &str) -> Option<Self> {
        if !text.bytes().all(is_plain) || text.starts_with("//") {
            return None;
        }
        let location = HeaderValue::from_str(text).ok()?;
        let (target, _) = text.split_once('#').unwrap_or((text, ""));
        let uri: Uri = target.parse().ok()?;
        let host = match (uri.scheme_str(), uri.authority()) {
            (None, None) if text.starts_with('/') => None,
            (Some("http" | "https"), Some(authority)) if is_valid_authority(authority) => {
                Some(host_name(authority.as_str()).to_owned())
            }
            _ => return None,
        };
        if host.is_none() && RequestPath::new(uri.path()).fault().is_some() {
            return None;
        }
        let query = uri.query().map(str::to_owned);
        let resolved = resolve_dots(uri.path());
        Some(Self { location, host, path: uri.path().to_owned(), resolved, query })
    }

    /// Returns the value of `Location`, exactly as it is in the file.
    pub fn location(&self) -> &HeaderValue {
        &self.location
    }

    /// Returns the value of `Location` for a path of this site, which may have a query; `None` for anything else.
    pub fn to_own_path(text: &str) -> Option<HeaderValue> {
        Self::try_parse(text).filter(|redirect| redirect.host.is_none()).map(|redirect| redirect.location)
    }

    /// Returns true if this is a path of this site, and `path` is that path. A trailing slash makes no difference, because
    /// many sites redirect from one form to the other.
    pub fn is_target(&self, path: &RequestPath<'_>) -> bool {
        let own = RequestPath::new(&self.path);
        let both = own.canonical().zip(path.canonical());
        self.host.is_none()
            && both.is_some_and(|(own, path)| own.trim_end_matches('/') == path.trim_end_matches('/'))
    }

    /// Returns the path and the query that it leads to, if it is a path of this site.
    pub fn own_target(&self) -> Option<(RequestPath<'_>, Option<&str>)> {
        self.host.is_none().then(|| (RequestPath::new(&self.path), self.query.as_deref()))
    }

    /// Returns true if this is an absolute URL with a host and the path of the request, so that following it would loop.
    pub fn loops(&self, hosts: &Hosts<'_>, path: &RequestPath<'_>) -> bool {
        self.host.as_ref().is_some_and(|own| hosts.names().any(|host| is_same_host(host, own)))
            && self.leads_to(path)
    }

    /// Returns true if a client that follows the redirect requests this path, with or without resolving dot segments.
    fn leads_to(&self, path: &RequestPath<'_>) -> bool {
        let is_path = |own: RequestPath<'_>| {
            own.raw() == path.raw() || own.canonical().is_some_and(|own| Some(own) == path.canonical())
        };
        is_path(RequestPath::new(&self.path)) || is_path(RequestPath::new(&self.resolved))
    }
}

impl fmt::Display for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.location.as_bytes()))
    }
}

/// Removes `.` and `..` segments, encoded or not, as browsers do (URL Standard, section 4.4).
fn resolve_dots(path: &str) -> String {
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

/// Returns true if an authority has a host, no user name, and a valid port or none.
fn is_valid_authority(authority: &Authority) -> bool {
    let port = authority.as_str().rsplit_once(':').map_or("", |(_, port)| port);
    let has_no_port = port.is_empty() || port.ends_with(']');
    !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && (has_no_port || authority.port_u16().is_some())
}

/// Returns true if a byte may be in a URL without percent-encoding.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
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
    fn an_error_suggests_the_redirect_that_was_meant() {
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
            ("/down/../x?y", "did you mean `/x?y`?"),
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
