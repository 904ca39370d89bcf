//! Reads any text as the path of a request, followed by rules, separated by bytes 255. The contract says which paths are
//! canonical, what they mean, and what rules match. A path that is not canonical must never pass, whatever the rules are.

#![no_main]

use downtime::decision::down_response::{DownResponse, Redirect};
use downtime::decision::{Decision, Rules, decide};
use downtime::matching::exempt::{Exemptions, Rule, RuleKind, check_exact};
use downtime::matching::glob::{MAX_PATH, PathGlobs};
use downtime::matching::path::RequestPath;
use downtime::matching::request::Request;
use downtime::matching::scope::{Scope, ScopePaths};
use downtime::page::template::Template;
use downtime::schedule::occurrence::Occurrence;
use downtime::schedule::period::{Period, Timing};
use downtime::schedule::state::Schedule;
use http::Method;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let texts: Result<Vec<_>, _> = input.split(|&byte| byte == 255).map(str::from_utf8).collect();
    if let Some((path, rules)) = texts.as_deref().ok().and_then(<[&str]>::split_first) {
        check(path, rules);
    }
});

fn check(raw: &str, texts: &[&str]) {
    let path = RequestPath::new(raw);
    let decoded = decode(raw);
    assert_eq!((path.raw(), path.canonical()), (raw, decoded.as_deref()));
    assert_eq!(path.fault().is_some(), decoded.is_none());

    let [exact, globs] = [is_exact, is_glob]
        .map(|is_rule| texts.iter().copied().filter(|text| is_rule(text)).collect::<Vec<&str>>());
    for text in texts {
        assert_eq!(check_exact(text).is_ok(), exact.contains(text), "{text:?}");
        assert_eq!(PathGlobs::check(text).is_ok(), globs.contains(text), "{text:?}");
    }
    let exempt = exemptions(&exact, &globs);
    let decoded = decoded.as_deref();
    let by_exact = exact.iter().find(|text| Some(**text) == decoded);
    let by_glob = || globs.iter().find(|glob| decoded.is_some_and(|path| matches(glob, path)));
    let found = exempt.find(&path, None).map(|rule| rule.text.as_str());
    assert_eq!(found, by_exact.or_else(by_glob).copied(), "{exact:?} {globs:?}");

    let request = Request { is_navigation: true, ..Request::new(&Method::GET, path) };
    let scope = Scope { paths: ScopePaths::new(globs.iter().copied()).ok(), ..Scope::default() };
    let loosely = |glob: &&str, path: &str| {
        let glob = without_endings(&without_case(glob));
        let path = without_case(path);
        matches(&glob, &path) || matches(&glob, &without_endings(&path))
    };
    let by_scope = decoded.is_none_or(|path| globs.iter().any(|glob| loosely(glob, path)));
    assert_eq!(scope.covers(&request), by_scope);

    let everything = exemptions(&exact, &[globs.as_slice(), &["/**"]].concat());
    assert_eq!(passes(&rules(everything, None), &request), decoded.is_some());
    check_redirects(texts, &request);
}

/// If the site is down for ever and redirects, only the target of the redirect passes, if it is a path of the site.
fn check_redirects(texts: &[&str], request: &Request<'_>) {
    for redirect in texts.iter().filter_map(|text| Redirect::parse(text).ok()) {
        let bare = |path: &str| path.strip_suffix('/').unwrap_or(path).to_owned();
        let own = |path: &str| Some(bare(path)) == request.path.canonical().map(bare);
        let target =
            redirect.location().to_str().expect("ASCII").split(['?', '#']).next().unwrap_or_default();
        let is_target = decode(target).as_deref().is_some_and(own);
        assert_eq!(passes(&rules(Exemptions::default(), Some(redirect)), request), is_target);
    }
}

fn rules(exemptions: Exemptions, redirect: Option<Redirect>) -> Rules {
    let ever = Occurrence { start: Timestamp::MIN, end: None };
    let period = Period {
        name: None,
        line: 1,
        file: None,
        enabled: true,
        unscheduled: false,
        timing: Timing::Once(ever),
        scope: Scope::default(),
    };
    let response =
        DownResponse { message: None, template: Template::built_in(), own_template: None, redirect };
    Rules { exemptions, schedule: Schedule::new(vec![period]), responses: vec![response], ..Rules::default() }
}

fn passes(rules: &Rules, request: &Request<'_>) -> bool {
    let now = Timestamp::UNIX_EPOCH;
    matches!(decide(rules, request, &rules.schedule.at(now), now), Decision::Pass(_))
}

fn exemptions(exact: &[&str], globs: &[&str]) -> Exemptions {
    let rule = |kind| move |text: &&str| Rule { kind, text: (*text).to_owned(), line: 1 };
    let rules = exact.iter().map(rule(RuleKind::Exact)).chain(globs.iter().map(rule(RuleKind::Path)));
    Exemptions::new(rules.collect()).expect("valid rules")
}

fn without_case(text: &str) -> String {
    text.to_uppercase().chars().flat_map(char::to_lowercase).collect()
}

fn without_endings(path: &str) -> String {
    let segments: Vec<_> = path.split('/').map(|segment| segment.trim_end_matches([' ', '.'])).collect();
    let joined = segments.join("/");
    let bare = joined.trim_end_matches('/');
    if bare.is_empty() { "/".to_owned() } else { bare.to_owned() }
}

/// Decodes a path, if its raw form is canonical.
fn decode(raw: &str) -> Option<String> {
    let segments: Vec<_> = raw.strip_prefix('/')?.split('/').collect();
    let (_, directories) = segments.split_last()?;
    if directories.contains(&"") || raw.contains(['\\', ';']) {
        return None;
    }
    let mut parts = raw.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let byte = match part.as_bytes() {
            [high, low, ..] => digit(*high)? * 16 + digit(*low)?,
            _ => return None,
        };
        if b"/\\.%;?#".contains(&byte) {
            return None;
        }
        bytes.push(byte);
        bytes.extend(&part.as_bytes()[2..]);
    }
    let decoded = String::from_utf8(bytes).ok()?;
    let is_dots = |segment: &str| !segment.is_empty() && segment.trim_matches(['.', ' ']).is_empty();
    let is_suspicious = decoded.contains(char::is_control) || decoded.split('/').any(is_dots);
    (!is_suspicious).then_some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A rule must have the form of the decoded paths that it matches, and be only one.
fn is_plain(text: &str) -> bool {
    let parts: Vec<_> = text.split([',', ';', ' ']).filter(|part| !part.is_empty()).collect();
    let is_list = parts.len() > 1 && parts.iter().all(|part| part.starts_with('/'));
    decode(text).as_deref() == Some(text) && !is_list && text.len() <= MAX_PATH
}

fn is_exact(text: &str) -> bool {
    is_plain(text) && !text.contains(['?', '#'])
}

/// Globs that look like regular expressions are refused.
fn is_glob(text: &str) -> bool {
    let whole = |segment: &str| segment == "**" || !segment.contains("**");
    let is_regex = text.contains(".*$")
        || text.ends_with(".+")
        || text.ends_with("(.*)")
        || text.contains('(') && text.contains('|');
    is_plain(text) && !is_regex && !text.contains(['[', ']', '{', '}']) && text.split('/').all(whole)
}

/// `**` matches any number of segments. In a segment, `*` matches any number of bytes, and `?` matches one.
fn matches(glob: &str, path: &str) -> bool {
    let [glob, path]: [Vec<&str>; 2] = [glob, path].map(|text| text.split('/').collect());
    fits(
        &glob,
        &path,
        |part| *part == "**",
        |part, segment| {
            fits(
                part.as_bytes(),
                segment.as_bytes(),
                |part| *part == b'*',
                |part, byte| *part == b'?' || part == byte,
            )
        },
    )
}

/// Matches a pattern with a text. Parts of the pattern for which `any` returns true match any number of items, the others
/// match one each.
fn fits<P, T>(pattern: &[P], text: &[T], any: impl Fn(&P) -> bool, one: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut seen) = (0, 0);
    // The last part that matches any number of items, and the end of what it matches.
    let mut last: Option<(usize, usize)> = None;
    while seen < text.len() {
        if pattern.get(at).is_some_and(&any) {
            last = Some((at, seen));
            at += 1;
        } else if pattern.get(at).is_some_and(|part| one(part, &text[seen])) {
            (at, seen) = (at + 1, seen + 1);
        } else if let Some((any_at, ends)) = last {
            last = Some((any_at, ends + 1));
            (at, seen) = (any_at + 1, ends + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(any)
}
