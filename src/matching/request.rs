//! The parts of a request that rules and scopes match.

use std::cell::OnceCell;
use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderName, Method};
use percent_encoding::percent_decode_str;

use crate::http1::field_names::is_read_as;
use crate::http1::host::parse_host;
use crate::http1::scheme::Scheme;
use crate::matching::bypass::Secrets;
use crate::matching::path::RequestPath;

/// The field with the hosts that clients requested from a proxy.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The parts of a request that a decision depends on.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The scheme that the client used, as far as it is known.
    pub scheme: Scheme,
    /// The method.
    pub method: &'a Method,
    /// The hosts that it is for.
    pub hosts: Hosts<'a>,
    /// The path of its target.
    pub path: RequestPath<'a>,
    /// The query of its target.
    pub query: Query<'a>,
    /// True if it has a field for which [`is_method_override`](crate::http1::field_names::is_method_override) returns true.
    pub has_override_field: bool,
    /// True if it opens a page, so that it can be redirected.
    pub is_navigation: bool,
    /// The client's address, if known.
    pub client: Option<IpAddr>,
    /// The secrets of bypasses that it carries, if they matter.
    pub secrets: Secrets<'a>,
}

impl<'a> Request<'a> {
    /// Creates a request over http without host, query and client that is not a navigation.
    pub fn new(method: &'a Method, path: RequestPath<'a>) -> Self {
        Self {
            scheme: Scheme::Http,
            method,
            hosts: Hosts::default(),
            path,
            query: Query::default(),
            has_override_field: false,
            is_navigation: false,
            client: None,
            secrets: Secrets::default(),
        }
    }

    /// Returns true if many sites would use another method instead, because of a field or the query key `_method`.
    pub fn overrides_method(&self) -> bool {
        self.has_override_field || self.query.names_method()
    }
}

/// The query of a target, without `?`, if it has one.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    text: Option<&'a str>,
    /// Searched once: many scopes may need it, and a query can be long.
    names_method: OnceCell<bool>,
}

impl<'a> Query<'a> {
    /// Takes a query exactly as received.
    pub fn new(text: Option<&'a str>) -> Self {
        Self { text, names_method: OnceCell::new() }
    }

    /// Returns the query exactly as received.
    pub fn text(&self) -> Option<&'a str> {
        self.text
    }

    fn names_method(&self) -> bool {
        *self.names_method.get_or_init(|| self.text.is_some_and(has_method_key))
    }
}

/// Returns true if a query has the key `_method`. Keys are read as PHP does: leading spaces and everything from a NUL on are
/// ignored, and `.` and space become `_`.
fn has_method_key(query: &str) -> bool {
    let is_method = |pair: &str| {
        let key = pair.split_once('=').map_or(pair, |(key, _)| key);
        let key = percent_decode_str(key).decode_utf8_lossy();
        let key = key.split_once('\0').map_or(&*key, |(key, _)| key);
        is_read_as(key.trim_start_matches([' ', '+']), "-method")
    };
    query.split(['&', ';']).any(is_method)
}

/// The hosts that a request is for, possibly with ports.
#[derive(Clone, Debug, Default)]
pub struct Hosts<'a> {
    /// The host of the target, or else of the Host field.
    pub own: Option<&'a str>,
    /// The hosts that a trusted proxy reports in X-Forwarded-Host.
    pub forwarded: Vec<&'a str>,
}

impl<'a> Hosts<'a> {
    /// Creates the hosts of a request that no trusted proxy has forwarded.
    pub fn new(own: Option<&'a str>) -> Self {
        Self { own, forwarded: Vec::new() }
    }

    /// Creates the hosts of a request with these lines of X-Forwarded-Host, which count if a trusted proxy has sent them.
    pub fn received(own: Option<&'a str>, lines: impl Iterator<Item = &'a [u8]>, is_trusted: bool) -> Self {
        Self { own, forwarded: if is_trusted { forwarded_hosts(lines) } else { Vec::new() } }
    }

    /// Returns the hosts without port and trailing dot. One that is missing or unreadable is empty.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        [self.own.unwrap_or_default()].into_iter().chain(self.forwarded.iter().copied()).map(host_name)
    }
}

/// Returns the hosts in the values of X-Forwarded-Host lines. One that is invalid is empty: a site may read it as any host.
fn forwarded_hosts<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<&'a str> {
    let hosts = lines.flat_map(|line| line.split(|byte| *byte == b','));
    hosts.map(|host| parse_host(host.trim_ascii()).unwrap_or_default()).collect()
}

/// Returns the scheme that the client used: the one in these lines of X-Forwarded-Proto, if a trusted proxy has sent them, or else
/// that of its `connection`.
pub fn client_scheme<'a>(
    connection: Scheme,
    lines: impl Iterator<Item = &'a [u8]>,
    is_trusted: bool,
) -> Scheme {
    is_trusted.then(|| forwarded_scheme(lines)).flatten().unwrap_or(connection)
}

/// Returns the scheme in the values of X-Forwarded-Proto lines: the last one, which the nearest proxy has set. `None` if
/// there is none.
fn forwarded_scheme<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Scheme> {
    let last = lines.last()?.rsplit(|byte| *byte == b',').next()?.trim_ascii();
    let is_https = [&b"https"[..], b"wss"].iter().any(|name| last.eq_ignore_ascii_case(name));
    Some(if is_https { Scheme::Https } else { Scheme::Http })
}

/// Returns the host of an authority (RFC 3986, section 3.2), without user info, port and trailing dots.
pub fn host_name(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let end = match host.rfind(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    host.get(..end).unwrap_or(host).trim_end_matches('.')
}

/// Returns true if two hosts without port and trailing dots are the same. Case and the form of IPv6 addresses are ignored.
pub fn is_same_host(one: &str, other: &str) -> bool {
    let address = |host: &str| host.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    one.eq_ignore_ascii_case(other) || address(one).is_some_and(|one| address(other) == Some(one))
}

/// Converts a host to the form that requests use, lower case and ASCII (UTS 46). `None` if it is already ASCII, or invalid.
pub fn to_ascii(host: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(host).ok()?;
    (!host.is_ascii() && ascii.is_ascii() && !ascii.is_empty()).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_without_port_and_trailing_dot() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("example.com:8503", "example.com"),
            ("example.com.", "example.com"),
            ("example.com..", "example.com"),
            ("example.com.:80", "example.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("user@example.com:80", "example.com"),
            ("", ""),
            (".", ""),
            (":80", ""),
        ] {
            assert_eq!(host_name(authority), host, "{authority}");
        }
    }

    #[test]
    fn forwarded_hosts_come_from_all_lines() {
        let hosts = Hosts {
            own: None,
            forwarded: forwarded_hosts([&b"a:80, b."[..], b"", b"\xff, %61, a@b"].into_iter()),
        };
        assert_eq!(hosts.names().collect::<Vec<_>>(), ["", "a", "b", "", "", "", ""]);
        assert_eq!(Hosts::new(Some("a:80")).names().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn each_query_key_that_some_site_honors_overrides_the_method() {
        for (query, expected) in [
            ("_method=POST", true),
            ("a=b&_method=DELETE", true),
            ("a;_method", true),
            ("%5Fmethod=PUT", true),
            ("_METHOD=PUT", true),
            (".method=PUT", true),
            ("+_method=PUT", true),
            ("%20_method=PUT", true),
            ("_method%00=PUT", true),
            ("a&_method%00b=PUT", true),
            ("%00_method=PUT", false),
            ("+method=PUT", false),
            ("method=PUT", false),
            ("a=_method", false),
            ("_methods=PUT", false),
            ("", false),
        ] {
            assert_eq!(has_method_key(query), expected, "{query}");
        }
    }

    #[test]
    fn a_host_with_non_ascii_letters_is_converted() {
        for (host, ascii) in [
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("BÜCHER.example", Some("xn--bcher-kva.example")),
            ("bu\u{308}cher.example", Some("xn--bcher-kva.example")),
            ("straße.example", Some("xn--strae-oqa.example")),
            ("例え.jp", Some("xn--r8jz45g.jp")),
            ("example.com", None),
            ("a\u{ad}\u{ad}", Some("a")),
            ("\u{ad}", None),
            ("a b\u{fffd}", None),
        ] {
            assert_eq!(to_ascii(host).as_deref(), ascii, "{host}");
        }
    }

    #[test]
    fn the_nearest_proxy_reports_the_scheme() {
        for (lines, expected) in [
            (&[][..], None),
            (&["https"], Some(Scheme::Https)),
            (&["HTTPS"], Some(Scheme::Https)),
            (&["wss"], Some(Scheme::Https)),
            (&["http"], Some(Scheme::Http)),
            (&["https", "http"], Some(Scheme::Http)),
            (&["http, https"], Some(Scheme::Https)),
            (&[""], Some(Scheme::Http)),
        ] {
            let found = forwarded_scheme(lines.iter().map(|line| line.as_bytes()));
            assert_eq!(found, expected, "{lines:?}");
        }
    }
}
