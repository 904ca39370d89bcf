//! The scope of a period: the hosts, paths and methods that it covers.

mod host_index;
mod hosts;
mod index;
mod methods;
mod paths;

use http::Method;

pub use self::hosts::Host;
pub use self::index::ScopeIndex;
pub use self::methods::parse_method;
pub use self::paths::ScopePaths;
use crate::matching::request::Request;

/// The requests that a period covers. A missing part covers everything.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The hosts.
    pub hosts: Option<Vec<Host>>,
    /// The paths.
    pub paths: Option<ScopePaths>,
    /// The methods, compared without regard to case. A request that a site may take for another method is covered, too.
    pub methods: Option<Vec<Method>>,
}

impl Scope {
    /// Returns true if it covers everything.
    pub fn is_all(&self) -> bool {
        self.hosts.is_none() && self.paths.is_none() && self.methods.is_none()
    }

    /// Returns its keys, each with its list as texts.
    pub fn texts(&self) -> [(&'static str, Option<Vec<String>>); 3] {
        let paths = self.paths.as_ref().map(|paths| paths.texts().to_vec());
        [("hosts", texts(self.hosts.as_ref())), ("paths", paths), ("methods", texts(self.methods.as_ref()))]
    }

    /// Returns true if it covers a request. A request without a host is covered by every list of hosts. A request with
    /// several is covered by each list that contains one of them.
    pub fn covers(&self, request: &Request<'_>) -> bool {
        self.methods.as_ref().is_none_or(|methods| covers_method(methods, request))
            && self.hosts.as_ref().is_none_or(|hosts| covers_host(hosts, request))
            && self
                .paths
                .as_ref()
                .is_none_or(|paths| request.path.canonical().is_none_or(|path| paths.covers(path)))
    }
}

/// Formats the items of a list.
pub(super) fn texts<T: ToString>(list: Option<&Vec<T>>) -> Option<Vec<String>> {
    list.map(|list| list.iter().map(ToString::to_string).collect())
}

/// Describes the keys of a scope; `None` for the whole site.
pub fn describe_scope(keys: &[(&str, Option<Vec<String>>)]) -> Option<String> {
    let describe =
        |(key, list): &(&str, Option<Vec<String>>)| Some(format!("{key} {}", list.as_ref()?.join(", ")));
    let parts: Vec<_> = keys.iter().filter_map(describe).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn covers_method(methods: &[Method], request: &Request<'_>) -> bool {
    let is_named = |method: &Method| method.as_str().eq_ignore_ascii_case(request.method.as_str());
    methods.iter().any(is_named) || request.overrides_method()
}

fn covers_host(hosts: &[Host], request: &Request<'_>) -> bool {
    request.hosts.names().any(|name| name.is_empty() || hosts.iter().any(|host| host.covers(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::path::RequestPath;
    use crate::matching::request::{Hosts, Query};

    fn request<'a>(method: &'a Method, host: Option<&'a str>, path: &'a str) -> Request<'a> {
        Request { hosts: Hosts::new(host), ..Request::new(method, RequestPath::new(path)) }
    }

    fn covers(scope: &Scope, method: &Method, host: Option<&str>, path: &str) -> bool {
        scope.covers(&request(method, host, path))
    }

    #[test]
    fn a_host_is_compared_as_a_whole_and_without_case() {
        for (text, host, expected) in [
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
            ("[0:0:0:0:0:0:0:1]", "[::1]", true),
            ("[2001:DB8::1]", "[2001:db8:0::0001]:80", true),
            ("[::1]", "[::2]", false),
            ("shop.example.com", "é", false),
            // Requests without a host.
            ("shop.example.com", "", true),
            ("shop.example.com", ":80", true),
            ("shop.example.com", ".", true),
        ] {
            let scope = Scope { hosts: Some(vec![Host::parse(text).unwrap()]), ..Scope::default() };
            assert_eq!(covers(&scope, &Method::GET, Some(host), "/"), expected, "{text} {host}");
            assert!(covers(&scope, &Method::GET, None, "/"));
        }
    }

    #[test]
    fn each_part_of_a_scope_must_cover() {
        let scope = Scope {
            hosts: Some(vec![Host::parse("a.example").unwrap()]),
            paths: Some(ScopePaths::new(["/checkout/**"]).unwrap()),
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

    #[test]
    fn any_host_of_a_request_is_enough() {
        let scope = Scope { hosts: Some(vec![Host::parse("shop.example").unwrap()]), ..Scope::default() };
        for (own, forwarded, expected) in [
            ("shop.example", vec!["a.example"], true),
            ("gateway", vec!["a.example", "Shop.example:443"], true),
            ("gateway", vec!["a.example"], false),
            ("gateway", vec![""], true),
            ("gateway", vec![], false),
        ] {
            let hosts = Hosts { own: Some(own), forwarded: forwarded.clone() };
            let request = Request { hosts, ..request(&Method::GET, None, "/") };
            assert_eq!(scope.covers(&request), expected, "{own} {forwarded:?}");
        }
    }

    #[test]
    fn a_path_is_covered_in_each_spelling_that_a_site_may_accept() {
        for (glob, path, expected) in [
            ("/checkout", "/Checkout", true),
            ("/checkout", "/CHECKOUT/", true),
            ("/checkout", "/checkout/", true),
            ("/checkout", "/checkout.", true),
            ("/checkout", "/checkout...", true),
            ("/checkout", "/checkout%20", true),
            ("/checkout", "/checkout.%20./", true),
            ("/checkout", "/checkout%0A", true),
            ("/checkout", "/checkout%00", true),
            ("/checkout", "/checkout%3F", true),
            ("/checkout", "/checkout/..%20", true),
            ("/checkout", "/checkout/x", false),
            ("/checkout", "/checkou", false),
            ("/checkout", "/check.out", false),
            ("/Checkout/", "/checkout", true),
            ("/checkout/", "/checkout/", true),
            ("/checkout/**", "/checkout./pay", true),
            ("/checkout/**", "/CheckOut%20/pay.", true),
            ("/checkout/*", "/checkout/", true),
            ("/checkout/*", "/checkout/x/", true),
            ("/checkout/*", "/checkout", false),
            ("/a.", "/A", true),
            ("/", "/", true),
            ("/", "/x", false),
            ("/Straße", "/STRASSE", true),
            ("/Ä", "/%C3%A4", true),
            ("/shop", "/\u{17f}hop", true),
            ("/straße", "/STRA\u{1e9e}E", true),
            ("/strasse", "/STRA\u{1e9e}E", true),
            ("/stra?e", "/straße", true),
            ("/?land", "/\u{130}LAND", true),
            ("/a/*.", "/a/b./", true),
            ("/a?/b", "/a./b/", true),
            ("/a?/b", "/a./b.", true),
            ("/x.*", "/x./", true),
        ] {
            let scope = Scope { paths: Some(ScopePaths::new([glob]).unwrap()), ..Scope::default() };
            assert_eq!(covers(&scope, &Method::GET, None, path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn a_method_is_covered_in_any_case_and_as_an_override() {
        let scope = Scope { methods: Some(vec![Method::POST]), ..Scope::default() };
        for (method, expected) in
            [("POST", true), ("post", true), ("Post", true), ("GET", false), ("POSTS", false)]
        {
            let method = method.parse().unwrap();
            assert_eq!(covers(&scope, &method, None, "/"), expected, "{method}");
        }
        let get = request(&Method::GET, None, "/");
        assert!(scope.covers(&Request { has_override_field: true, ..get.clone() }));
        assert!(scope.covers(&Request { query: Query::new(Some("_method=put")), ..get.clone() }));
        assert!(!scope.covers(&Request { query: Query::new(Some("method=put")), ..get }));
    }

    #[test]
    fn the_index_finds_each_scope_that_covers_a_request() {
        let host = |host: &str| Scope { hosts: Some(vec![Host::parse(host).unwrap()]), ..Scope::default() };
        let paths = |globs: &[&str]| Scope {
            paths: Some(ScopePaths::new(globs.iter().copied()).unwrap()),
            ..Scope::default()
        };
        let scopes =
            [paths(&["/a/**", "/b"]), Scope::default(), host("x.example"), paths(&["/B/"]), paths(&["/*"])];
        let index = ScopeIndex::new(&scopes);
        for (path, candidates) in [
            ("/a", &[0, 2, 4][..]),
            ("/a/x", &[0, 2]),
            ("/B/", &[0, 2, 3, 4]),
            ("/c/d", &[2]),
            ("/a/../c/d", &[0, 2, 3, 4]),
        ] {
            let request = request(&Method::GET, Some("x.example"), path);
            assert_eq!(index.candidates(&request), candidates, "{path}");
            let covering =
                (0..scopes.len()).filter(|&at| !scopes[at].is_all() && scopes[at].covers(&request));
            assert_eq!(covering.collect::<Vec<_>>(), candidates, "{path}");
        }
    }

    #[test]
    fn a_scope_is_described_by_the_keys_that_it_has() {
        let paths = Some(ScopePaths::new(["/a", "/b/**"]).unwrap());
        let methods = Some(vec![Method::PUT, Method::POST]);
        for (scope, text) in [
            (Scope::default(), None),
            (Scope { paths, methods, ..Scope::default() }, Some("paths /a, /b/**; methods PUT, POST")),
        ] {
            assert_eq!(describe_scope(&scope.texts()).as_deref(), text);
        }
    }

    #[test]
    fn the_index_finds_each_list_of_hosts_that_covers_a_request() {
        let lists =
            [&["shop.example", "*.example.org"][..], &["*.a.example.org"], &["[::1]"], &["192.0.2.1"]];
        let list = |list: &&[&str]| Some(list.iter().map(|host| Host::parse(host).unwrap()).collect());
        let scopes = lists.map(|hosts| Scope { hosts: list(&hosts), ..Scope::default() });
        let index = ScopeIndex::new(&scopes);
        let long = format!("{}.b.a.example.org", "x.".repeat(1000));
        for (host, candidates) in [
            ("SHOP.example.:80", &[0][..]),
            ("a.shop.example", &[]),
            ("a.example.org", &[0]),
            ("B.a.Example.org", &[0, 1]),
            (&long, &[0, 1]),
            ("example.org", &[]),
            ("[0::1]:80", &[2]),
            ("192.0.2.1", &[3]),
            ("2.1", &[]),
            ("", &[0, 1, 2, 3]),
        ] {
            let own = request(&Method::GET, Some(host), "/");
            let hosts = Hosts { own: Some("gateway"), forwarded: vec!["other.example", host] };
            for request in [Request { hosts, ..own.clone() }, own] {
                assert_eq!(index.candidates(&request), candidates, "{host}");
                let covering = (0..scopes.len()).filter(|&at| scopes[at].covers(&request));
                assert_eq!(covering.collect::<Vec<_>>(), candidates, "{host}");
            }
        }
    }
}
