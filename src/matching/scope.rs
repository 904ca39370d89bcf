//! The scope of a period: the hosts, paths and methods that it covers.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::Method;

use crate::invalid_value::InvalidValue;
use crate::matching::glob::PathGlobs;
use crate::matching::request::{Request, host_name, is_same_host, to_ascii};

/// What a period covers; a part that is missing covers all.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Hosts.
    pub hosts: Option<Vec<Host>>,
    /// Paths.
    pub paths: Option<ScopePaths>,
    /// Methods, compared without regard to case. A request that may be read as one of another method is covered too.
    pub methods: Option<Vec<Method>>,
}

/// The paths of a scope.
///
/// A site may read a path more loosely than it is written, so these do too: case does not count, nor do dots and spaces at
/// the end of a segment, or a slash at the end. A path that is not canonical is always covered: when in doubt it is down.
#[derive(Clone, Debug, Default)]
pub struct ScopePaths {
    written: Vec<String>,
    /// The same, as they are compared.
    loose: Vec<String>,
    globs: PathGlobs,
}

impl ScopePaths {
    /// Compiles globs, which [`PathGlobs::check`] accepts.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, InvalidValue> {
        let written: Vec<_> = texts.into_iter().map(str::to_owned).collect();
        let folded = written.iter().flat_map(|text| foldings(text));
        let loose: Vec<_> = folded.map(|text| without_endings(&text).into_owned()).collect();
        Ok(Self { globs: PathGlobs::new(loose.iter().map(String::as_str))?, written, loose })
    }

    /// The globs, as they were given.
    pub fn written(&self) -> &[String] {
        &self.written
    }

    fn covers(&self, path: &str) -> bool {
        spellings(path).any(|path| self.globs.covers(&path))
    }
}

/// The forms of a path that globs are compared with. A glob may name an ending, as `/a/*` does that of `/a/`, and a site may
/// leave out some endings and keep others.
fn spellings(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let plain = is_plain(path);
    let others = (!plain).then(|| other_spellings(path)).into_iter().flatten().map(Cow::Owned);
    plain.then_some(Cow::Borrowed(path)).into_iter().chain(others)
}

/// Whether a path has but one spelling. Most have, and are asked about with each request.
fn is_plain(path: &str) -> bool {
    let is_ending = |byte: u8| matches!(byte, b'/' | b'.' | b' ');
    let mut last = b'.';
    for (at, byte) in path.bytes().enumerate() {
        if !byte.is_ascii() || byte.is_ascii_uppercase() || at > 0 && byte == b'/' && is_ending(last) {
            return false;
        }
        last = byte;
    }
    path.len() == 1 || !is_ending(last)
}

fn other_spellings(path: &str) -> impl Iterator<Item = String> {
    foldings(path).into_iter().chain(in_bytes(path)).flat_map(|path| {
        let shorter = |bare: &str| (bare.len() < path.len() && !bare.is_empty()).then(|| bare.to_owned());
        let without_slash = shorter(path.trim_end_matches('/'));
        let without_end = shorter(path.trim_end_matches(['/', '.', ' ']));
        let bare = match without_endings(&path) {
            Cow::Owned(bare) => Some(bare),
            Cow::Borrowed(_) => None,
        };
        [Some(path.into_owned()), without_slash, without_end, bare].into_iter().flatten()
    })
}

/// The scopes of a list, some of which are empty, so that those which may cover a request are found without asking each.
#[derive(Clone, Debug, Default)]
pub struct ScopeIndex {
    /// All globs of paths, and the scope of each.
    globs: PathGlobs,
    glob_scopes: Vec<usize>,
    /// Those that are not empty and name no paths.
    without_paths: Vec<usize>,
    /// All that are not empty.
    all: Vec<usize>,
}

impl ScopeIndex {
    /// Indexes scopes. Where their globs are too large together, each is asked.
    pub fn new<'s>(scopes: impl IntoIterator<Item = &'s Scope>) -> Self {
        let mut index = Self::default();
        let mut globs = Vec::new();
        for (at, scope) in scopes.into_iter().enumerate().filter(|(_, scope)| !scope.is_all()) {
            index.all.push(at);
            match &scope.paths {
                None => index.without_paths.push(at),
                Some(paths) => {
                    globs.extend(paths.loose.iter().map(String::as_str));
                    index.glob_scopes.resize(globs.len(), at);
                }
            }
        }
        match PathGlobs::new(globs) {
            Ok(globs) => Self { globs, ..index },
            Err(_) => Self { without_paths: index.all.clone(), glob_scopes: Vec::new(), ..index },
        }
    }

    /// Those that are not empty and may cover a request, by their places in the list, in order.
    pub fn candidates(&self, request: &Request<'_>) -> Vec<usize> {
        let Some(path) = request.path.canonical() else { return self.all.clone() };
        let globs = spellings(path).flat_map(|path| self.globs.find_all(&path));
        let by_path = globs.filter_map(|glob| self.glob_scopes.get(glob).copied());
        let mut found: Vec<_> = by_path.chain(self.without_paths.iter().copied()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The forms of a text in which case does not count. Beyond ASCII there are two: one keeps each character one character,
/// and in the other `ß` is `ss`.
fn foldings(text: &str) -> Vec<Cow<'_, str>> {
    if text.is_ascii() {
        let has_case = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return vec![if has_case { text.to_ascii_lowercase().into() } else { text.into() }];
    }
    let alone = |c| alone(alone(c, char::to_uppercase), char::to_lowercase);
    let by_character: String = text.chars().map(alone).collect();
    // Some letters have one upper case and several lower ones, and some the reverse.
    let lower = text.chars().flat_map(char::to_lowercase);
    let whole: String = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    let differs = whole != by_character;
    [by_character].into_iter().chain(differs.then_some(whole)).map(Cow::Owned).collect()
}

/// The text with one byte for each character, which is what a `?` stands for in a glob.
fn in_bytes(text: &str) -> Option<Cow<'_, str>> {
    // No path that is compared has this character.
    let one_byte = |c: char| if c.is_ascii() { c.to_ascii_lowercase() } else { '\u{1}' };
    (!text.is_ascii()).then(|| text.chars().map(one_byte).collect())
}

/// What a character becomes by `to`, unless that is more than one.
fn alone<I: Iterator<Item = char>>(c: char, to: impl Fn(char) -> I) -> char {
    let mut mapped = to(c);
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// A path without dots and spaces at the end of its segments, and without a slash at its end.
fn without_endings(path: &str) -> Cow<'_, str> {
    let has_ending =
        path.len() > 1 && path.ends_with(['/', '.', ' ']) || path.contains("./") || path.contains(" /");
    if !has_ending {
        return Cow::Borrowed(path);
    }
    let segments: Vec<_> = path.split('/').map(|segment| segment.trim_end_matches(['.', ' '])).collect();
    let path = segments.join("/");
    let bare = path.trim_end_matches('/');
    Cow::Owned(if bare.is_empty() { "/".to_owned() } else { bare.to_owned() })
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
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::read(text).ok_or_else(|| explain(text))
    }

    fn read(text: &str) -> Option<Self> {
        let host = host_name(text);
        let name = host.strip_prefix('*').unwrap_or(host);
        let wildcard = name.len() < host.len();
        let labels = if wildcard { name.strip_prefix('.')? } else { name };
        let whole = host == text.strip_suffix('.').unwrap_or(text);
        let is_host = whole && (is_name(labels) || !wildcard && is_bracketed(name));
        is_host.then(|| Self { name: name.to_ascii_lowercase(), wildcard })
    }

    /// Whether it is `*.` and a name.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Whether it names the host of a request, which is without port and trailing dot.
    pub fn covers(&self, host: &str) -> bool {
        if !self.wildcard {
            return is_same_host(host, &self.name);
        }
        let split = host.len().checked_sub(self.name.len()).filter(|at| *at > 0);
        let tail = split.and_then(|at| host.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(&self.name))
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

/// Whether each label of a name has something in it, and only what a name may have. One whose last label is a number
/// is an address, which must then be one.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_numeric = last.bytes().all(|byte| byte.is_ascii_digit());
    name.split('.').all(|label| !label.is_empty() && label.bytes().all(plain))
        && (!is_numeric || name.parse::<Ipv4Addr>().is_ok())
}

/// Whether a text is an IPv6 address in brackets.
fn is_bracketed(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
}

/// What is wrong with a text that is not a host, and what was probably meant.
fn explain(text: &str) -> InvalidValue {
    const EXAMPLE: &str = "for example `shop.example.com`, or `*.example.org` for all below it";
    let invalid = |help: String| InvalidValue::new(format!("invalid host `{text}`"), help);
    let plain = text.trim();
    let host = host_name(
        plain
            .split_once("://")
            .map_or(plain, |(_, rest)| rest)
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default(),
    );
    let below = host.trim_start_matches(['*', '.']);
    if plain.parse::<Ipv6Addr>().is_ok() {
        return invalid(format!("write `[{plain}]`"));
    }
    if plain == "*" {
        return invalid("remove `hosts` to cover every host".into());
    }
    if plain.contains(['^', '$', '(', '\\', '|']) {
        return InvalidValue::new(
            format!("invalid host `{text}`: hosts are not regular expressions"),
            EXAMPLE,
        );
    }
    if !host.is_ascii() {
        let stem = host.strip_prefix("*.").unwrap_or(host);
        let ascii = to_ascii(stem).filter(|ascii| is_name(ascii));
        let ascii = ascii.map(|ascii| host.replace(stem, &ascii));
        return InvalidValue::new(
            format!("invalid host `{text}`: requests name it in ASCII"),
            ascii.map_or(EXAMPLE.into(), |ascii| format!("write `{ascii}`")),
        );
    }
    let several: Vec<_> = plain.split([',', ' ', ';']).filter(|part| !part.is_empty()).collect();
    if several.len() > 1 && several.iter().all(|part| Host::read(part).is_some() && part.contains('.')) {
        return InvalidValue::new(
            format!("`{text}` is more than one host"),
            format!("write each in quotes: `\"{}\"`", several.join("\", \"")),
        );
    }
    if host != text && Host::read(host).is_some() {
        let reason = if host == plain {
            "it has a space at its end or its beginning"
        } else {
            "a host has no scheme, port or path"
        };
        let message = format!("invalid host `{text}`: {reason}");
        return InvalidValue::new(message, format!("write `{host}`"));
    }
    if below.len() < host.len() && is_name(below) {
        return invalid(format!("did you mean `*.{below}`?"));
    }
    if host.contains('*') {
        let message = format!("invalid host `{text}`: a `*` can only be the first label");
        return InvalidValue::new(message, EXAMPLE);
    }
    invalid(EXAMPLE.into())
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

    /// Whether it covers a request. One that names no host is covered by every list of hosts, and one that names several
    /// by each that has one of them.
    pub fn covers(&self, request: &Request<'_>) -> bool {
        self.methods.as_ref().is_none_or(|methods| covers_method(methods, request))
            && self.hosts.as_ref().is_none_or(|hosts| covers_host(hosts, request))
            && self
                .paths
                .as_ref()
                .is_none_or(|paths| request.path.canonical().is_none_or(|path| paths.covers(path)))
    }
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
            ("[0:0:0:0:0:0:0:1]", "[::1]", true),
            ("[2001:DB8::1]", "[2001:db8:0::0001]:80", true),
            ("[::1]", "[::2]", false),
            ("shop.example.com", "é", false),
            // It names none.
            ("shop.example.com", "", true),
            ("shop.example.com", ":80", true),
            ("shop.example.com", ".", true),
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
    fn what_is_not_a_host_is_answered_with_the_one_that_was_meant() {
        const EXAMPLE: &str = "for example `shop.example.com`, or `*.example.org` for all below it";
        for (text, help) in [
            ("https://example.com/", "write `example.com`"),
            ("example.com:80", "write `example.com`"),
            ("example.com/shop", "write `example.com`"),
            (" example.com", "write `example.com`"),
            ("bücher.example", "write `xn--bcher-kva.example`"),
            ("*.bücher.example", "write `*.xn--bcher-kva.example`"),
            ("https://bücher.example/", "write `xn--bcher-kva.example`"),
            ("*example.com", "did you mean `*.example.com`?"),
            (".example.com", "did you mean `*.example.com`?"),
            ("*..example.com", "did you mean `*.example.com`?"),
            ("*", "remove `hosts` to cover every host"),
            ("::1", "write `[::1]`"),
            ("a.example, b.example", "write each in quotes: `\"a.example\", \"b.example\"`"),
            ("^shop\\.example\\.com$", EXAMPLE),
            ("", EXAMPLE),
            ("a.*.example.com", EXAMPLE),
            ("*.", EXAMPLE),
            ("a..b", EXAMPLE),
            ("[::1", EXAMPLE),
            ("[app]", EXAMPLE),
            ("192.0.2", EXAMPLE),
            ("192.0.2.256", EXAMPLE),
            ("exa mple.com", EXAMPLE),
            ("shop example", EXAMPLE),
        ] {
            let fault = Host::parse(text).unwrap_err();
            assert_eq!(fault.help, help, "{text:?}: {}", fault.message);
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
    fn any_host_that_a_request_names_is_enough() {
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
    fn a_path_is_covered_in_each_spelling_that_some_site_takes_for_it() {
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
    fn a_character_is_covered_in_each_case_that_it_has() {
        for c in ('\0'..=char::MAX).filter(|c| c.to_lowercase().ne([*c]) || c.to_uppercase().ne([*c])) {
            let (own, lower, upper) =
                (format!("/{c}"), c.to_lowercase().to_string(), c.to_uppercase().to_string());
            let paths = ScopePaths::new([own.as_str()]).unwrap();
            for case in [lower, upper] {
                assert!(paths.covers(&format!("/{case}")), "{c} {case}");
                assert!(ScopePaths::new([format!("/{case}").as_str()]).unwrap().covers(&own), "{case} {c}");
            }
        }
    }

    #[test]
    fn a_method_is_covered_in_any_case_and_behind_another() {
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
}
