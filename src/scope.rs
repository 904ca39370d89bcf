//! The scope of a period: the hosts, paths and methods that it covers.

use std::fmt;

use http::Method;

use crate::glob::{Fault, PathGlobs};
use crate::request::{Request, host_name};

/// What a period covers; a part that is missing covers all.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Hosts.
    pub hosts: Option<Vec<Host>>,
    /// Paths. One that is not canonical is always covered: when in doubt it is down.
    pub paths: Option<PathGlobs>,
    /// Methods.
    pub methods: Option<Vec<Method>>,
}

/// A host as a scope writes it: `shop.example.com`, or `*.example.org` for all below `example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// In lower case, without trailing dot; of a wildcard what follows the `*`, with its dot.
    name: String,
    wildcard: bool,
}

impl Host {
    /// Reads a host: a name or address, or `*.` and a name; without scheme, port and path.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        const EXAMPLE: &str = "write a host such as `shop.example.com` or `*.example.org`";
        let without_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = without_scheme.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host_name(authority);
        if text.is_empty() || host.is_empty() {
            return Err(Fault::new("this is no host", EXAMPLE));
        }
        if host != text.strip_suffix('.').unwrap_or(text) {
            return Err(Fault::new("a host stands without scheme, port and path", format!("write `{host}`")));
        }
        let name = host.strip_prefix('*').unwrap_or(host);
        let wildcard = name.len() < host.len();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '[' | ']');
        if !name.chars().all(plain) || name.is_empty() || wildcard && !name.starts_with('.') {
            return Err(Fault::new("this is no host", EXAMPLE));
        }
        Ok(Self { name: name.to_ascii_lowercase(), wildcard })
    }

    /// Whether it names the host of a request, which is without port and trailing dot.
    fn covers(&self, host: &str) -> bool {
        let split = host.len().checked_sub(self.name.len());
        let tail = split.and_then(|at| host.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(&self.name))
            && (self.wildcard != (split == Some(0)))
    }

    /// Whether some host is named by both.
    pub fn meets(&self, other: &Self) -> bool {
        match (self.wildcard, other.wildcard) {
            (true, true) => self.name.ends_with(&other.name) || other.name.ends_with(&self.name),
            (true, false) => self.covers(&other.name),
            (false, _) => other.covers(&self.name),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.wildcard { "*" } else { "" }, self.name)
    }
}

impl Scope {
    /// Whether it covers everything.
    pub fn is_all(&self) -> bool {
        self.hosts.is_none() && self.paths.is_none() && self.methods.is_none()
    }

    /// Whether it covers a request. One whose host is not known is covered by every list of hosts.
    pub fn covers(&self, request: &Request<'_>) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.contains(request.method))
            && self.hosts.as_ref().is_none_or(|hosts| covers_host(hosts, request.authority))
            && self.paths.as_ref().is_none_or(|globs| covers_path(globs, request))
    }
}

fn covers_host(hosts: &[Host], authority: Option<&str>) -> bool {
    authority.map(host_name).is_none_or(|name| hosts.iter().any(|host| host.covers(name)))
}

fn covers_path(globs: &PathGlobs, request: &Request<'_>) -> bool {
    request.path.canonical().is_none_or(|path| globs.find(path).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::RequestPath;

    fn covers(scope: &Scope, method: &Method, authority: Option<&str>, path: &str) -> bool {
        scope.covers(&Request { method, authority, path: RequestPath::new(path), client: None })
    }

    #[test]
    fn a_host_is_compared_whole_and_without_case() {
        for (written, host, expected) in [
            ("shop.example.com", "shop.example.com", true),
            ("shop.example.com.", "SHOP.example.com.:8503", true),
            ("Shop.Example.com", "shop.example.com", true),
            ("shop.example.com", "xshop.example.com", false),
            ("shop.example.com", "a.shop.example.com", false),
            ("shop.example.com", "example.com", false),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "a.b.example.org:80", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", ".example.org", false),
            ("*.example.org", "xexample.org", false),
            ("192.0.2.1", "192.0.2.1:80", true),
            ("[::1]", "[::1]:80", true),
            ("shop.example.com", "é", false),
        ] {
            let scope = Scope { hosts: Some(vec![Host::parse(written).unwrap()]), ..Scope::default() };
            assert_eq!(covers(&scope, &Method::GET, Some(host), "/"), expected, "{written} {host}");
            assert!(covers(&scope, &Method::GET, None, "/"));
        }
    }

    #[test]
    fn hosts_meet_where_one_name_is_of_both() {
        for (one, other, meet) in [
            ("a.example", "A.example.", true),
            ("a.example", "b.example", false),
            ("a.example", "b.a.example", false),
            ("*.example", "a.example", true),
            ("*.example", "a.b.example", true),
            ("*.example", "example", false),
            ("*.example", "*.example", true),
            ("*.example", "*.a.example", true),
            ("*.a.example", "*.b.example", false),
        ] {
            let hosts = [one, other].map(|text| Host::parse(text).unwrap());
            assert_eq!(hosts[0].meets(&hosts[1]), meet, "{one} {other}");
            assert_eq!(hosts[1].meets(&hosts[0]), meet, "{other} {one}");
        }
    }

    #[test]
    fn a_host_is_shown_as_it_is_compared() {
        for (written, shown) in [("Shop.example.", "shop.example"), ("*.Example", "*.example")] {
            assert_eq!(Host::parse(written).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_the_remedy() {
        for (text, help) in [
            ("https://example.com/", "write `example.com`"),
            ("example.com:80", "write `example.com`"),
            ("example.com/shop", "write `example.com`"),
            ("", "write a host such as `shop.example.com` or `*.example.org`"),
            ("*", "write a host such as `shop.example.com` or `*.example.org`"),
            ("*example.com", "write a host such as `shop.example.com` or `*.example.org`"),
            ("a.*.example.com", "write a host such as `shop.example.com` or `*.example.org`"),
            ("exa mple.com", "write a host such as `shop.example.com` or `*.example.org`"),
        ] {
            assert_eq!(Host::parse(text).unwrap_err().help, help, "{text:?}");
        }
    }

    #[test]
    fn each_part_of_a_scope_must_cover() {
        let scope = Scope {
            hosts: Some(vec![Host::parse("a.example").unwrap()]),
            paths: Some(PathGlobs::new(["/checkout/**"]).unwrap()),
            methods: Some(vec![Method::POST]),
        };
        for (method, host, path, expected) in [
            (Method::POST, "a.example", "/checkout", true),
            (Method::POST, "a.example", "/checkout/x", true),
            (Method::GET, "a.example", "/checkout", false),
            (Method::POST, "b.example", "/checkout", false),
            (Method::POST, "a.example", "/check", false),
            (Method::POST, "a.example", "/check/../x", true),
            (Method::POST, "a.example", "//", true),
        ] {
            assert_eq!(covers(&scope, &method, Some(host), path), expected, "{method} {host} {path}");
        }
        assert!(!scope.is_all());
        assert!(Scope::default().is_all() && covers(&Scope::default(), &Method::GET, None, "/"));
    }
}
