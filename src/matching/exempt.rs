//! Exemptions: the exact paths, path globs and networks that pass during downtime.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::invalid_value::InvalidValue;
use crate::matching::glob::{PathGlobs, check_path};
use crate::matching::network;
use crate::matching::path::RequestPath;

/// One entry of `[exempt]`, as it is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The list that contains it.
    pub kind: RuleKind,
    /// Its text.
    pub text: String,
    /// The line of the file, from 1.
    pub line: usize,
}

/// The lists of `[exempt]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// An exact path.
    Exact,
    /// A path glob.
    Path,
    /// A network of clients.
    Network,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = match self.kind {
            RuleKind::Exact => "exact",
            RuleKind::Path => "paths",
            RuleKind::Network => "networks",
        };
        write!(f, "[exempt] {list} \"{}\", line {}", self.text, self.line)
    }
}

/// The compiled rules of `[exempt]`.
#[derive(Clone, Debug, Default)]
pub struct Exemptions {
    rules: Vec<Rule>,
    exact: HashMap<String, usize>,
    globs: PathGlobs,
    /// The rule of each glob.
    glob_rules: Vec<usize>,
    networks: HashMap<IpNet, usize>,
    /// The prefix lengths of the networks.
    prefix_lengths: BTreeSet<u8>,
}

impl Exemptions {
    /// Compiles rules. It is an error if [`check_exact`], [`PathGlobs::check`] or [`network::parse`] refuses one.
    pub fn new(rules: Vec<Rule>) -> Result<Self, InvalidValue> {
        let mut exact = HashMap::new();
        let mut networks = HashMap::new();
        let mut glob_rules = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match rule.kind {
                RuleKind::Exact => {
                    check_exact(&rule.text)?;
                    exact.entry(rule.text.clone()).or_insert(index);
                }
                RuleKind::Path => glob_rules.push(index),
                RuleKind::Network => {
                    networks.entry(parse_network(&rule.text)?).or_insert(index);
                }
            }
        }
        let globs =
            PathGlobs::new(glob_rules.iter().filter_map(|&rule| Some(rules.get(rule)?.text.as_str())))?;
        let prefix_lengths = networks.keys().map(IpNet::prefix_len).collect();
        Ok(Self { rules, exact, globs, glob_rules, networks, prefix_lengths })
    }

    /// Returns the rules, in file order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the rule that exempts a request for `path` from `client`: exact paths come first, then globs, then networks, each
    /// in file order. A path that is not canonical matches no rule, nor does an unknown client.
    pub fn find(&self, path: &RequestPath<'_>, client: Option<IpAddr>) -> Option<&Rule> {
        let by_path = || path.canonical().and_then(|path| self.by_path(path));
        self.rules.get(by_path().or_else(|| self.by_network(client?))?)
    }

    fn by_path(&self, path: &str) -> Option<usize> {
        if self.rules.is_empty() {
            return None;
        }
        self.exact.get(path).copied().or_else(|| self.by_glob(path))
    }

    fn by_glob(&self, path: &str) -> Option<usize> {
        self.glob_rules.get(self.globs.find(path)?).copied()
    }

    fn by_network(&self, client: IpAddr) -> Option<usize> {
        let client = client.to_canonical();
        let around = self.prefix_lengths.iter().filter_map(|&length| IpNet::new(client, length).ok());
        around.filter_map(|network| self.networks.get(&network.trunc())).min().copied()
    }
}

/// Checks an entry of `[exempt] exact`: a path without query, in the form that it has after percent-decoding.
pub fn check_exact(text: &str) -> Result<(), InvalidValue> {
    match text.split_once(['?', '#']) {
        Some((path, _)) if !text.contains("://") => {
            let help = match path.trim_start_matches('/') {
                "" => "name a path of its own: `/` alone is the home page, whatever the query".to_owned(),
                path if text.contains('?') => format!("write `/{path}`, which stands for every query"),
                path => format!("write `/{path}`"),
            };
            Err(InvalidValue::new("this path cannot have a query", help))
        }
        _ => check_path(text),
    }
}

fn parse_network(text: &str) -> Result<IpNet, InvalidValue> {
    network::parse(text).ok_or_else(|| network::explain(text))
}

/// Checks an entry of a list of networks.
pub fn check_network(text: &str) -> Result<(), InvalidValue> {
    parse_network(text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exemptions(kind: RuleKind, texts: &[&str]) -> Exemptions {
        let rule = |(line, text): (usize, &&str)| Rule { kind, text: (*text).into(), line: line + 1 };
        Exemptions::new(texts.iter().enumerate().map(rule).collect()).unwrap()
    }

    fn passes(glob: &str, path: &str) -> bool {
        exemptions(RuleKind::Path, &[glob]).find(&RequestPath::new(path), None).is_some()
    }

    #[test]
    fn an_exact_path_matches_only_that_path() {
        let exempt = exemptions(RuleKind::Exact, &["/", "/other/page", "/café"]);
        for (path, passes) in [
            ("/", true),
            ("/other/page", true),
            ("/other/p%61ge", true),
            ("/caf%C3%A9", true),
            ("/other/page/", false),
            ("/other/Page", false),
            ("/other/page.", false),
            ("/other", false),
            ("/other/page/x", false),
            ("//", false),
            ("/other/./page", false),
            ("/other/page;x", false),
            ("*", false),
        ] {
            assert_eq!(exempt.find(&RequestPath::new(path), None).is_some(), passes, "{path}");
        }
    }

    #[test]
    fn only_double_stars_cross_segments() {
        for (glob, path, expected) in [
            ("/admin/**", "/admin", true),
            ("/admin/**", "/admin/", true),
            ("/admin/**", "/admin/a/b", true),
            ("/admin/**", "/admin/a%0Ab", false),
            ("/admin/**", "/administrator", false),
            ("/admin/**", "/Admin/a", false),
            ("/admin/**", "/x/admin/a", false),
            ("/admin/**/**", "/admin", true),
            ("/admin", "/admin", true),
            ("/admin", "/admin/a", false),
            ("/assets/*.css", "/assets/a.css", true),
            ("/assets/*.css", "/assets/.css", true),
            ("/assets/*.css", "/assets/x/a.css", false),
            ("/assets/*.css", "/assets/a.css/", false),
            ("/assets/*.css", "/assets/a.css.", false),
            ("/assets/*.css", "/assets/a.css/x", false),
            ("/**/*.css", "/a.css", true),
            ("/**/*.css", "/x/y/a.css", true),
            ("/a/**/b", "/a/b", true),
            ("/a/**/b", "/a/x/y/b", true),
            ("/a/**/b", "/ab", false),
            ("/a?c", "/abc", true),
            ("/a?c", "/a/c", false),
            ("/a*", "/a", true),
            ("/a*", "/a/b", false),
            ("/*", "/", true),
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/été/*", "/%C3%A9t%C3%A9/x", true),
        ] {
            assert_eq!(passes(glob, path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn no_spelling_of_a_path_bypasses_the_rules() {
        for path in [
            "/admin/../secret",
            "/admin/%2e%2e/secret",
            "/admin/%252e%252e/secret",
            "/admin//secret",
            "/admin/./secret",
            "/admin/;a/secret",
            "/admin/..;/secret",
            "/admin%2fsecret",
            "/admin/%5c..%5csecret",
            "/admin/\\..\\secret",
            "/admin/%00",
            "/admin/%ff",
            "/admin/%",
        ] {
            assert!(!passes("/admin/**", path) && !passes("/**", path), "{path}");
        }
    }

    #[test]
    fn a_client_in_an_exempt_network_passes() {
        let exempt = exemptions(RuleKind::Network, &["192.0.2.0/24", "2001:db8::/32"]);
        for (client, passes) in [
            (Some("192.0.2.255"), true),
            (Some("::ffff:192.0.2.1"), true),
            (Some("2001:db8:1::1"), true),
            (Some("192.0.3.0"), false),
            (Some("2001:db9::"), false),
            (None, false),
        ] {
            let client = client.map(|text| text.parse().unwrap());
            assert_eq!(exempt.find(&RequestPath::new("//"), client).is_some(), passes, "{client:?}");
        }
    }

    #[test]
    fn the_first_matching_network_is_returned() {
        let exempt = exemptions(
            RuleKind::Network,
            &["10.1.0.0/16", "10.0.0.0/8", "10.1.2.0/24", "10.1.2.3", "::/0", "10.0.0.0/8", "2001:db8::/32"],
        );
        for (client, line) in [
            ("10.1.2.3", Some(1)),
            ("10.2.0.0", Some(2)),
            ("::ffff:10.2.0.0", Some(2)),
            ("11.0.0.0", None),
            ("2001:db8::1", Some(5)),
        ] {
            let rule = exempt.find(&RequestPath::new("/"), Some(client.parse().unwrap()));
            assert_eq!(rule.map(|rule| rule.line), line, "{client}");
        }
    }

    #[test]
    fn the_first_matching_rule_is_returned() {
        let exempt = exemptions(RuleKind::Path, &["/x/**", "/a/**", "/a/*"]);
        let rule = exempt.find(&RequestPath::new("/a/b"), None).unwrap();
        assert_eq!(rule.to_string(), "[exempt] paths \"/a/**\", line 2");
        assert_eq!(exempt.rules().len(), 3);
        for (kind, text) in [
            (RuleKind::Exact, "[exempt] exact \"/\", line 1"),
            (RuleKind::Path, "[exempt] paths \"/\", line 1"),
        ] {
            assert_eq!(exemptions(kind, &["/"]).rules()[0].to_string(), text);
        }
    }

    #[test]
    fn a_rule_that_no_request_can_match_is_refused_with_a_suggestion() {
        for (text, help) in [
            ("admin", "write `/admin`"),
            ("https://example.com/admin?x", "write `/admin`"),
            ("https://example.com", "write `/`"),
            ("/caf%C3%A9", "write `/café`"),
            ("/a?b=c", "write `/a`, which stands for every query"),
            ("/?b=c", "name a path of its own: `/` alone is the home page, whatever the query"),
            ("/a#b", "write `/a`"),
            ("a?b", "write `/a`, which stands for every query"),
            ("/a//b", "did you mean `/a/b`?"),
            ("//a/./b/", "did you mean `/a/b/`?"),
            ("\\a\\b", "did you mean `/a/b`?"),
            ("/a\\b", "did you mean `/a/b`?"),
            ("/a/../b", "did you mean `/b`?"),
            ("/a/b/../../../c/", "did you mean `/c/`?"),
            ("/a;b", "write the path in its plain form, such as `/admin/login`"),
        ] {
            assert_eq!(check_exact(text).unwrap_err().help, help, "{text}");
        }
        for (text, help) in [
            ("*", "write `/**`"),
            ("**", "write `/**`"),
            ("*.php", "write `/**/*.php`"),
            ("**/*.php", "write `/**/*.php`"),
            ("**.php", "write `/**/*.php`"),
            ("admin/**", "write `/admin/**`"),
            ("./admin/**", "write `/admin/**`"),
            ("^/admin/.*$", "did you mean `/admin/**`?"),
            ("^/admin", "did you mean `/admin/**`?"),
            ("~ ^/admin(/.*)?$", "did you mean `/admin/**`?"),
            ("^/admin(/|$)", "did you mean `/admin/**`?"),
            ("\\.php$", "did you mean `/**/*.php`?"),
            (".*\\.php$", "did you mean `/**/*.php`?"),
            (
                "/(a|b)/.*",
                "for example `/admin/**` for everything below /admin, or `/**/*.php` for everything that ends in .php",
            ),
            ("^/a/[^/]+/b$", "did you mean `/a/*/b`?"),
            ("https://example.com/admin/**", "write `/admin/**`"),
            ("/a**", "did you mean `/a/**`?"),
            ("/{a,b}", "write one glob for each: `\"/a\", \"/b\"`"),
            ("/x/*.{css,js}", "write one glob for each: `\"/x/*.css\", \"/x/*.js\"`"),
            ("/users/{id}", "write one glob for each path"),
            ("/[a]", "write one glob for each path"),
            ("/a\\*", "did you mean `/a/*`?"),
        ] {
            assert_eq!(PathGlobs::check(text).unwrap_err().help, help, "{text}");
        }
        assert!(check_network("10.0.0.0/33").is_err());
        assert!(check_network("10.0.0.0/8").is_ok());
    }

    #[test]
    fn globs_and_lists_of_globs_have_a_maximum_size() {
        let longest = format!("/{}", "?".repeat(crate::matching::glob::MAX_PATH - 1));
        assert_eq!(PathGlobs::check(&longest), Ok(()));
        let fault = PathGlobs::check(&format!("{longest}?")).unwrap_err();
        assert_eq!(fault.message, "this path is 1001 bytes long: at most 1000 are allowed");
        assert!(check_exact(&longest.replace('?', "a")).is_ok());
        assert!(check_exact(&longest.replace('?', "é")).is_err());
        let fault = PathGlobs::new((0..51).map(|_| longest.as_str())).unwrap_err();
        assert_eq!(fault.message, "this list has 50949 `*` and `?`: at most 50000 are allowed");
        assert!(PathGlobs::new((0..1000).map(|_| "/x/**")).is_ok());
    }

    /// Matches segment by segment, to compare the compiled globs with.
    fn oracle(glob: &[&str], path: &[&str]) -> bool {
        match (glob.split_first(), path.split_first()) {
            (None, None) | (Some((&"**", [])), _) => true,
            (Some((&"**", rest)), _) => (0..=path.len()).any(|n| oracle(rest, &path[n..])),
            (Some((g, glob)), Some((p, path))) => segment(g.as_bytes(), p.as_bytes()) && oracle(glob, path),
            _ => false,
        }
    }

    fn segment(glob: &[u8], text: &[u8]) -> bool {
        match (glob.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => (0..=text.len()).any(|n| segment(rest, &text[n..])),
            (Some((g, glob)), Some((t, text))) => (*g == b'?' || g == t) && segment(glob, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn globs_agree_with_a_matcher_by_segments(
            glob in "(/(a|b|\\*|\\?|a\\*|\\*b|\\*\\*)){1,4}", path in "(/[ab]{0,2}){1,4}",
        ) {
            let canonical = !path.contains("//");
            let split = |text: &'static str| text.split('/').skip(1).collect::<Vec<_>>();
            let (g, p) = (split(String::leak(glob.clone())), split(String::leak(path.clone())));
            prop_assert_eq!(passes(&glob, &path), canonical && oracle(&g, &p), "{} {}", glob, path);
        }
    }
}
