//! What a request that is down is answered with: the page or a redirect.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri};

use crate::path::RequestPath;
use crate::request::{Hosts, host_name};
use crate::template::Template;

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
}

impl Redirect {
    /// Reads an absolute `http` or `https` URL, or a path of this site (RFC 3986 4.2: path-absolute, so not `//host`),
    /// which is canonical: a request for any other would never be known to be for it, and be redirected for ever.
    /// The error says what to write instead.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const REMEDY: &str =
            "write an absolute URL such as `https://status.example.com/`, or a path such as `/sorry`";
        const PLAIN_PATH: &str = "write the path in its plain form, such as `/sorry`: without `//`, `;`, `.` and `..` \
                                  segments and encoded delimiters";
        let plain = |b: u8| {
            b.is_ascii_graphic()
                && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if !text.bytes().all(plain) {
            return Err("percent-encode spaces, control characters and what is not ASCII");
        }
        if text.starts_with("//") {
            return Err(REMEDY);
        }
        let location = HeaderValue::from_str(text).map_err(|_| REMEDY)?;
        let (target, _) = text.split_once('#').unwrap_or((text, ""));
        let uri: Uri = target.parse().map_err(|_| REMEDY)?;
        let host = match (uri.scheme_str(), uri.authority()) {
            (None, None) if text.starts_with('/') => None,
            (Some("http" | "https"), Some(authority)) if !authority.host().is_empty() => {
                Some(host_name(authority.as_str()).to_ascii_lowercase())
            }
            _ => return Err(REMEDY),
        };
        if host.is_none() && RequestPath::new(uri.path()).fault().is_some() {
            return Err(PLAIN_PATH);
        }
        Ok(Self { location, host, path: uri.path().to_owned() })
    }

    /// The value of `Location`, as it was written.
    pub fn location(&self) -> &HeaderValue {
        &self.location
    }

    /// Whether it is a path of this site, and the request is for that path. A slash at the end does not count: many sites
    /// redirect from one form to the other.
    pub fn is_target(&self, path: &RequestPath<'_>) -> bool {
        let bare = |path: &str| path.trim_end_matches('/').to_owned();
        let own = RequestPath::new(&self.path);
        self.host.is_none()
            && own.canonical().is_some_and(|own| path.canonical().map(bare) == Some(bare(own)))
    }

    /// Whether it is an absolute URL that names a host and the path of the request itself, so that following it would loop.
    pub fn loops(&self, hosts: &Hosts<'_>, path: &RequestPath<'_>) -> bool {
        self.host.as_ref().is_some_and(|own| hosts.names().any(|host| host.eq_ignore_ascii_case(own)))
            && self.same_path(path)
    }

    fn same_path(&self, path: &RequestPath<'_>) -> bool {
        let own = RequestPath::new(&self.path);
        own.raw() == path.raw() || own.canonical().is_some_and(|own| Some(own) == path.canonical())
    }
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
