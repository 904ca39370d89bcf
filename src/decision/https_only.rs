//! The redirect from http to https.

use http::HeaderValue;

use crate::http1::scheme::Scheme;
use crate::matching::request::{Request, host_name};

/// The default port of https, which URLs omit.
const DEFAULT_PORT: u16 = 443;

/// Redirects every request over http to https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpsOnly {
    /// The port of the gateway for https.
    port: u16,
    /// The line of the key in the file.
    pub line: usize,
}

impl HttpsOnly {
    /// Redirects to this port; to the default port of https without one, or if the system chooses it.
    pub fn new(port: Option<u16>, line: usize) -> Self {
        Self { port: port.filter(|port| *port != 0).unwrap_or(DEFAULT_PORT), line }
    }

    /// Returns the same URL with https; `None` if the request names no host. The host that a trusted proxy reports comes first,
    /// without a port: the client knows only the proxy's. The URL of `OPTIONS *` has no path (RFC 9112, section 3.3).
    pub(super) fn location(&self, request: &Request<'_>) -> Option<HeaderValue> {
        let reported =
            request.hosts.forwarded.first().map(|host| host_name(host)).filter(|host| is_host(host));
        let own = || request.hosts.own.map(host_name).filter(|host| is_host(host));
        let (host, port) = match reported {
            Some(host) => (host, DEFAULT_PORT),
            None => (own()?, self.port),
        };
        let port = if port == DEFAULT_PORT { String::new() } else { format!(":{port}") };
        let query = request.query.text().map_or(String::new(), |query| format!("?{query}"));
        let path = match request.path.raw() {
            "*" => "",
            path if path.starts_with('/') => path,
            // No client can send this: it would change the host.
            _ => return None,
        };
        let url = format!("{}{host}{port}{path}{query}", Scheme::Https.prefix());
        HeaderValue::try_from(url).ok()
    }
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::matching::path::RequestPath;
    use crate::matching::request::{Hosts, Query};

    #[test]
    fn the_url_is_the_same_with_https() {
        for (host, forwarded, path, query, port, expected) in [
            (Some("a.example"), None, "/", None, None, Some("https://a.example/")),
            (
                Some("a.example:80"),
                None,
                "/x%2fy//",
                Some("q=1&r"),
                Some(443),
                Some("https://a.example/x%2fy//?q=1&r"),
            ),
            (Some("[::1]:80"), None, "/", Some(""), Some(8443), Some("https://[::1]:8443/?")),
            (Some("a.example"), None, "/", None, Some(0), Some("https://a.example/")),
            (Some("a.example:80"), None, "*", None, Some(8443), Some("https://a.example:8443")),
            (Some("a.example"), Some("b.example"), "/", None, Some(8443), Some("https://b.example/")),
            (Some("a.example"), Some("b/c"), "/", None, None, Some("https://a.example/")),
            (Some("a.example"), Some(""), "/", None, None, Some("https://a.example/")),
            (None, None, "/", None, None, None),
            (Some(""), None, "/", None, None, None),
            (Some("a.example"), None, ".evil.example/", None, None, None),
        ] {
            let hosts = Hosts { own: host, forwarded: forwarded.into_iter().collect() };
            let request = Request {
                hosts,
                query: Query::new(query),
                ..Request::new(&Method::POST, RequestPath::new(path))
            };
            let location = HttpsOnly::new(port, 1).location(&request);
            assert_eq!(
                location.as_ref().map(|url| url.to_str().unwrap()),
                expected,
                "{host:?} {forwarded:?} {path}"
            );
        }
    }
}
