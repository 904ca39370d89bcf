//! The decision on a request: pass, unavailable or redirect, and why.
//!
//! [`decide`] is pure. It takes the [`Rules`] of a snapshot, a request, the state of the schedule and the time, and returns
//! a [`Decision`]. Everything that serves, explains or predicts a response asks it:
//!
//! - [`DecisionReason`] explains a decision to operators;
//! - [`changes_at`] predicts when a decision will differ;
//! - [`Outlook`] describes the current and the next downtime for the status path.

mod change;
pub mod down_response;
mod https_only;
mod outlook;
mod reason;
mod rules;

use http::{HeaderValue, Method};
use jiff::Timestamp;

pub use self::change::changes_at;
use self::down_response::{DownResponse, Redirect};
pub use self::https_only::HttpsOnly;
pub use self::outlook::Outlook;
pub use self::reason::DecisionReason;
pub use self::rules::{ENTER_PATH, Rules, STATUS_PATH, whole_seconds};
use crate::matching::bypass::Bypass;
use crate::matching::exempt::Rule;
use crate::matching::probe_paths::ProbePath;
use crate::matching::request::{Query, Request};
use crate::schedule::period::Occurrence;
use crate::schedule::state::{ScheduleState, State};

/// The decision on a request.
#[derive(Clone, Debug)]
pub enum Decision<'r> {
    /// It came over http, and is redirected to this URL with https; `None` if it names no host.
    Https(&'r HttpsOnly, Option<HeaderValue>),
    /// It goes to the site.
    Pass(Pass<'r>),
    /// It gets the down page.
    Unavailable(Down<'r>),
    /// It is redirected.
    Redirect(Down<'r>, &'r Redirect),
}

/// The reason why a request passes.
#[derive(Clone, Copy, Debug)]
pub enum Pass<'r> {
    /// It asks for the status path.
    Status,
    /// It is for the page at which testers enter.
    Enter,
    /// A load balancer probes the gateway with it.
    Probe {
        /// The probe path.
        path: &'r ProbePath,
        /// True if a period without a scope is active: the gateway itself responds, because the site cannot.
        is_down: bool,
    },
    /// A rule exempts it.
    Exempt(&'r Rule),
    /// It is an ACME challenge.
    Acme,
    /// It carries the secret of this bypass, and a period covers it.
    Bypass(&'r Bypass),
    /// No active period covers it.
    Up,
    /// The deciding period, given by its index, redirects to the requested path itself.
    RedirectTarget(usize),
}

/// The downtime that covers a request.
#[derive(Clone, Debug)]
pub struct Down<'r> {
    /// The deciding period: its index in the schedule.
    pub period: usize,
    /// The active occurrence of that period.
    pub occurrence: Occurrence,
    /// The response of that period.
    pub response: &'r DownResponse,
    /// The time from which the request passes, if known.
    pub until: Option<Timestamp>,
    /// Seconds until then, at least 1. If the end is unknown or more than 366 days away, the configured value.
    pub retry_after: u64,
}

impl Decision<'_> {
    /// Returns the word for it in messages and JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Unavailable(_) => "unavailable",
            Self::Https(..) | Self::Redirect(..) => "redirect",
        }
    }

    /// Returns the downtime that covers the request, unless it passes or has to come over https.
    pub fn down(&self) -> Option<&Down<'_>> {
        match self {
            Self::Https(..) | Self::Pass(_) => None,
            Self::Unavailable(down) | Self::Redirect(down, _) => Some(down),
        }
    }
}

/// Decides a request at `now`: https, status path, probe paths, exemptions, bypasses, periods, redirect target, in this
/// order.
pub fn decide<'r>(
    rules: &'r Rules,
    request: &Request<'_>,
    state: &ScheduleState,
    now: Timestamp,
) -> Decision<'r> {
    if let Some(https_only) = rules.https_only_for(request) {
        return Decision::Https(https_only, https_only.location(request));
    }
    if rules.is_status(request.path.raw()) {
        return Decision::Pass(Pass::Status);
    }
    if rules.is_enter(request, now) {
        return Decision::Pass(Pass::Enter);
    }
    if let Some(path) = rules.probe_paths.find(request) {
        return Decision::Pass(Pass::Probe { path, is_down: state.state() == State::Down });
    }
    if let Some(rule) = rules.exemptions.find(&request.path, request.client) {
        return Decision::Pass(Pass::Exempt(rule));
    }
    if rules.acme && is_acme_challenge(request) {
        return Decision::Pass(Pass::Acme);
    }
    let Some(down) = find_down(rules, request, state, now) else {
        return Decision::Pass(Pass::Up);
    };
    if let Some(bypass) = rules.bypasses.find(request, now) {
        return Decision::Pass(Pass::Bypass(bypass));
    }
    match &down.response.redirect {
        Some(redirect) if redirect.is_target(&request.path) => {
            Decision::Pass(Pass::RedirectTarget(down.period))
        }
        Some(redirect)
            if request.is_navigation
                && !redirect.loops(&request.hosts, &request.path)
                && !is_endless(rules, redirect, request, state, now) =>
        {
            Decision::Redirect(down, redirect)
        }
        _ => Decision::Unavailable(down),
    }
}

/// The number of redirects between paths of this site that are followed in the search for a loop.
const MAX_REDIRECTS: usize = 8;

/// Returns true if a redirect leads to a path of this site that is redirected too, and so on without an end.
fn is_endless(
    rules: &Rules,
    redirect: &Redirect,
    request: &Request<'_>,
    state: &ScheduleState,
    now: Timestamp,
) -> bool {
    let mut redirect = redirect;
    for _ in 0..MAX_REDIRECTS {
        let Some((path, query)) = redirect.own_target() else { return false };
        let next = Request { path, query: Query::new(query), ..request.clone() };
        if rules.probe_paths.find(&next).is_some() || rules.exemptions.find(&next.path, next.client).is_some()
        {
            return false;
        }
        let other = find_down(rules, &next, state, now).and_then(|down| down.response.redirect.as_ref());
        match other.filter(|other| !other.is_target(&next.path)) {
            Some(other) => redirect = other,
            None => return false,
        }
    }
    true
}

/// Returns true for the request that a certificate authority makes over HTTP: the last segment is a token in base64url
/// (RFC 8555, section 8.3).
fn is_acme_challenge(request: &Request<'_>) -> bool {
    let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let token = request.path.canonical().and_then(|path| path.strip_prefix("/.well-known/acme-challenge/"));
    matches!(*request.method, Method::GET | Method::HEAD)
        && token.is_some_and(|token| !token.is_empty() && token.bytes().all(is_in_token))
}

/// Finds the downtime that covers a request at `now`, regardless of exemptions. The first active period that covers it
/// decides.
fn find_down<'r>(
    rules: &'r Rules,
    request: &Request<'_>,
    state: &ScheduleState,
    now: Timestamp,
) -> Option<Down<'r>> {
    let scoped = state.has_many_occurrences().then(|| rules.schedule.covering_scoped(request, state));
    let covers = |period: usize| match &scoped {
        Some(scoped) => rules.schedule.is_unscoped(period) || scoped.binary_search(&period).is_ok(),
        None => rules.covers(period, request),
    };
    let active = state.active.iter().find(|active| covers(active.period))?;
    let response = rules.responses.get(active.period)?;
    let until = state.passes_at(|period| period == active.period || covers(period), now);
    let retry_after = rules.retry_after(until, now);
    Some(Down { period: active.period, occurrence: active.occurrence, response, until, retry_after })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;

    use super::*;
    use crate::http1::scheme::Scheme;
    use crate::matching::bypass::Bypasses;
    use crate::matching::exempt::{Exemptions, RuleKind};
    use crate::matching::path::RequestPath;
    use crate::matching::probe_paths::ProbePaths;
    use crate::matching::request::{Hosts, Request};
    use crate::matching::scope::{Scope, ScopePaths};
    use crate::page::language::Language;
    use crate::page::message::Message;
    use crate::page::template::Template;
    use crate::schedule::period::{Period, Timing};
    use crate::schedule::state::Schedule;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn response(message: &str, redirect: Option<&str>) -> DownResponse {
        let redirect = redirect.map(|text| Redirect::parse(text).unwrap());
        DownResponse {
            message: Message::new([(Language::ENGLISH, message.into())]),
            template: Template::built_in(),
            own_template: None,
            redirect,
        }
    }

    fn rules(periods: &[(i64, i64, Option<&str>)]) -> Rules {
        let rule = |kind, text: &str| Rule { kind, text: text.into(), line: 3 };
        let exempt = vec![rule(RuleKind::Exact, "/open"), rule(RuleKind::Network, "192.0.2.0/24")];
        let period = |(line, &(start, end, _)): (usize, &(i64, i64, _))| Period {
            name: None,
            line,
            file: None,
            enabled: true,
            unscheduled: false,
            timing: Timing::Once(Occurrence { start: at(start), end: (end != 0).then(|| at(end)) }),
            scope: Scope::default(),
        };
        Rules {
            https_only: None,
            status_path: Some(STATUS_PATH.into()),
            probe_paths: ProbePaths::new(vec![ProbePath { text: "/up".into(), line: 2 }]),
            exemptions: Exemptions::new(exempt).unwrap(),
            acme: true,
            bypasses: Bypasses::default(),
            schedule: Schedule::new(periods.iter().enumerate().map(period).collect()),
            responses: periods.iter().map(|&(_, _, redirect)| response("m", redirect)).collect(),
            retry_after: Duration::from_secs(300),
        }
    }

    fn navigation(path: &str) -> Request<'_> {
        let hosts = Hosts::new(Some("example.com"));
        Request { hosts, is_navigation: true, ..Request::new(&Method::GET, RequestPath::new(path)) }
    }

    /// Returns the decision as `pass REASON`, `down PERIOD RETRY-AFTER` or `to LOCATION`.
    fn outcome(rules: &Rules, path: &str, client: Option<&str>, now: Timestamp) -> String {
        let client = client.map(|text| text.parse().unwrap());
        let request = Request { client, ..navigation(path) };
        let decision = decide(rules, &request, &rules.schedule.at(now), now);
        assert!(!DecisionReason(&decision, &rules.schedule).to_string().is_empty());
        match decision {
            Decision::Https(_, location) => format!("https {}", location.unwrap().to_str().unwrap()),
            Decision::Pass(pass) => match pass {
                Pass::Status => "pass status".into(),
                Pass::Probe { is_down: true, .. } => "pass probe, down".into(),
                Pass::Probe { is_down: false, .. } => "pass probe, up".into(),
                Pass::Exempt(rule) => format!("pass {}", rule.text),
                Pass::Acme => "pass acme".into(),
                Pass::Enter => "pass enter".into(),
                Pass::Bypass(bypass) => format!("pass {}", bypass.title()),
                Pass::Up => "pass up".into(),
                Pass::RedirectTarget(period) => format!("pass target {period}"),
            },
            Decision::Unavailable(down) => format!("down {} {}", down.period, down.retry_after),
            Decision::Redirect(_, redirect) => format!("to {}", redirect.location().to_str().unwrap()),
        }
    }

    #[test]
    fn https_comes_first_but_for_acme_challenges_probes_and_the_status_path() {
        let on = Rules {
            https_only: Some(HttpsOnly::new(Some(8443), 2)),
            acme: false,
            ..rules(&[(10, 20, None)])
        };
        for (path, expected) in [
            ("/", "https https://example.com:8443/"),
            ("/open", "https https://example.com:8443/open"),
            ("/a/../b", "https https://example.com:8443/a/../b"),
            ("/.downtime/status", "pass status"),
            ("/up", "pass probe"),
            ("/.well-known/acme-challenge/a-Z_9", "down 0 5"),
            ("/.well-known/acme-challenge/", "https https://example.com:8443/.well-known/acme-challenge/"),
            ("*", "https https://example.com:8443"),
        ] {
            let found = outcome(&on, path, None, at(15));
            assert!(found.starts_with(expected), "{path}: {found}");
        }
        for request in [
            Request { scheme: Scheme::Https, ..navigation("/") },
            Request { method: &Method::CONNECT, ..navigation("/") },
        ] {
            let decision = decide(&on, &request, &on.schedule.at(at(15)), at(15));
            assert!(matches!(decision, Decision::Unavailable(_)), "{request:?}");
        }
    }

    #[test]
    fn the_order_of_the_checks_is_that_of_the_contract() {
        let page = rules(&[(10, 20, None)]);
        for (path, client, now, expected) in [
            ("/.downtime/status", Some("192.0.2.1"), 15, "pass status"),
            ("/.well-known/downtime", None, 15, "pass status"),
            ("/.downtime/status/", None, 15, "down 0 5"),
            ("/.well-known/acme-challenge/a-Z_9", None, 15, "pass acme"),
            ("/.well-known/acme-challenge/", None, 15, "down 0 5"),
            ("/.well-known/acme-challenge/a/b", None, 15, "down 0 5"),
            ("/.well-known/acme-challenge/a.b", None, 15, "down 0 5"),
            ("/.well-known/acme-challenge/../x", None, 15, "down 0 5"),
            ("/.well-known/acme-challenge%2Fa", None, 15, "down 0 5"),
            ("/x/.well-known/acme-challenge/a", None, 15, "down 0 5"),
            ("/up", Some("192.0.2.1"), 15, "pass probe, down"),
            ("/up", None, 20, "pass probe, up"),
            ("/up/", None, 15, "down 0 5"),
            ("/x/../up", None, 15, "down 0 5"),
            ("/open", None, 15, "pass /open"),
            ("/x", Some("192.0.2.1"), 15, "pass 192.0.2.0/24"),
            ("/x", Some("192.0.3.1"), 15, "down 0 5"),
            ("/x", None, 9, "pass up"),
            ("/x", None, 10, "down 0 10"),
            ("/x", None, 19, "down 0 1"),
            ("/x", None, 20, "pass up"),
            ("/open/../x", None, 15, "down 0 5"),
        ] {
            assert_eq!(outcome(&page, path, client, at(now)), expected, "{path} {client:?} {now}");
        }
    }

    #[test]
    fn a_redirect_never_leads_to_the_page_that_was_requested() {
        for (redirect, path, expected) in [
            ("/sorry", "/x", "to /sorry"),
            ("/sorry", "/sorry", "pass target 0"),
            ("/sorry", "/sorry/", "pass target 0"),
            ("/sorry/", "/sorry", "pass target 0"),
            ("https://example.org/", "/", "to https://example.org/"),
            ("https://example.com/", "/", "down 0 5"),
            ("https://example.com/", "/x", "to https://example.com/"),
        ] {
            assert_eq!(
                outcome(&rules(&[(10, 20, Some(redirect))]), path, None, at(15)),
                expected,
                "{redirect} {path}"
            );
        }
    }

    #[test]
    fn periods_do_not_redirect_to_each_other_for_ever() {
        let scoped = |to: &str, redirect: &str| {
            let mut rules = rules(&[(10, 30, Some("/a")), (10, 40, Some(redirect))]);
            let paths = Some(ScopePaths::new([to]).unwrap());
            let mut periods = rules.schedule.periods().to_vec();
            periods[1].scope.paths = paths;
            rules.schedule = Schedule::new(periods);
            rules
        };
        for (scope, redirect, path, expected) in [
            ("/a", "/b", "/x", "down 0 20"),
            ("/a", "/b", "/a", "down 1 30"),
            ("/a", "/b", "/b", "down 0 20"),
            ("/a", "/a", "/x", "to /a"),
            ("/a", "/a", "/a", "pass target 1"),
            ("/a", "https://example.org/", "/x", "to /a"),
            ("/c", "/b", "/x", "to /a"),
            ("/c", "/b", "/c", "to /b"),
            ("/c", "/open", "/c", "to /open"),
        ] {
            let outcome = outcome(&scoped(scope, redirect), path, None, at(10));
            assert_eq!(outcome, expected, "{scope} {redirect} {path}");
        }
    }

    #[test]
    fn only_covering_periods_decide_among_many() {
        let plain: Vec<_> = (0..40).map(|period| (10, 20 + period, None)).collect();
        let mut rules = rules(&plain);
        let mut periods = rules.schedule.periods().to_vec();
        for (index, period) in periods.iter_mut().enumerate().filter(|(index, _)| *index != 5) {
            period.scope.paths = Some(ScopePaths::new([format!("/{index}").as_str()]).unwrap());
        }
        rules.schedule = Schedule::new(periods);
        for (path, now, expected) in [
            ("/7", 15, "down 7 12"),
            ("/2", 15, "down 5 10"),
            ("/x", 15, "down 5 10"),
            ("/x", 25, "pass up"),
            ("/30", 49, "down 30 1"),
            ("/30", 50, "pass up"),
            ("/30/", 25, "down 30 25"),
            ("//", 15, "down 39 44"),
        ] {
            assert_eq!(outcome(&rules, path, None, at(now)), expected, "{path} at {now}");
        }
    }

    #[test]
    fn only_a_navigation_is_redirected() {
        let rules = rules(&[(10, 20, Some("/sorry"))]);
        let state = rules.schedule.at(at(15));
        let decision = |request: &Request<'_>| decide(&rules, request, &state, at(15)).as_str();
        assert_eq!(decision(&navigation("/x")), "redirect");
        assert_eq!(decision(&Request { is_navigation: false, ..navigation("/x") }), "unavailable");
        assert_eq!(decision(&Request { is_navigation: false, ..navigation("/sorry") }), "pass");
    }

    #[test]
    fn acme_challenges_pass_by_get_and_head_unless_disabled() {
        let on = rules(&[(10, 20, None)]);
        let off = Rules { acme: false, ..on.clone() };
        let state = on.schedule.at(at(15));
        let path = || RequestPath::new("/.well-known/acme-challenge/token");
        for (method, expected) in
            [(Method::GET, "pass"), (Method::HEAD, "pass"), (Method::POST, "unavailable")]
        {
            let request = Request::new(&method, path());
            assert_eq!(decide(&on, &request, &state, at(15)).as_str(), expected, "{method}");
            assert_eq!(decide(&off, &request, &state, at(15)).as_str(), "unavailable", "{method}");
        }
    }

    #[test]
    fn the_earlier_status_path_works_only_beside_the_default() {
        let other = Rules { status_path: Some("/status".into()), ..rules(&[]) };
        let none = Rules { status_path: None, ..rules(&[]) };
        for (rules, path, expected) in [
            (&other, "/status", "pass status"),
            (&other, "/.downtime/status", "pass up"),
            (&other, "/.well-known/downtime", "pass up"),
            (&none, "/.downtime/status", "pass up"),
            (&none, "/.well-known/downtime", "pass up"),
        ] {
            assert_eq!(outcome(rules, path, None, at(0)), expected, "{:?} {path}", rules.status_path);
        }
    }

    #[test]
    fn the_period_with_the_latest_end_decides() {
        let both = rules(&[(10, 20, Some("/a")), (10, 30, Some("/b")), (10, 30, Some("/c"))]);
        assert_eq!(outcome(&both, "/x", None, at(15)), "to /b");
        assert_eq!(outcome(&rules(&[(10, 20, None), (12, 0, None)]), "/x", None, at(15)), "down 1 300");
    }

    #[test]
    fn retry_after_is_the_time_until_the_request_passes() {
        let outage = rules(&[(10, 20, None), (20, 35, None)]);
        assert_eq!(outcome(&outage, "/x", None, at(15)), "down 0 20");
        let nearly = at(34) + Duration::from_millis(999);
        assert_eq!(outcome(&outage, "/x", None, nearly), "down 1 1");
        assert_eq!(outcome(&outage, "/x", None, at(30) + Duration::from_nanos(1)), "down 1 5");
        assert_eq!(outcome(&rules(&[(0, 366 * 86_400 + 1, None)]), "/x", None, at(0)), "down 0 300");
    }

    #[test]
    fn the_next_change_is_when_a_request_goes_down_or_passes() {
        let rules =
            rules(&[(10, 20, Some("/sorry")), (20, 30, Some("/sorry")), (15, 40, None), (50, 0, None)]);
        for (path, now, expected) in [
            ("/x", 5, Some(10)),
            ("/x", 10, Some(40)),
            ("/x", 39, Some(40)),
            ("/x", 40, Some(50)),
            ("/x", 50, None),
            ("/open", 5, None),
            ("/.downtime/status", 15, None),
            ("/sorry", 5, Some(15)),
            ("/sorry", 10, Some(15)),
            ("/sorry", 15, Some(40)),
        ] {
            assert_eq!(change(&rules, path, now), expected, "{path} at {now}");
        }
    }

    #[test]
    fn a_covered_request_passes_while_a_period_redirects_to_it() {
        for (end, path, now, expected) in [
            (30, "/sorry", 10, Some(15)),
            (30, "/sorry", 15, None),
            (30, "/x", 10, Some(30)),
            (19, "/sorry", 10, Some(20)),
            (0, "/sorry", 10, Some(15)),
            (0, "/x", 10, None),
        ] {
            let rules = rules(&[(10, 20, None), (15, end, Some("/sorry"))]);
            assert_eq!(change(&rules, path, now), expected, "until {end}: {path} at {now}");
        }
    }

    fn change(rules: &Rules, path: &str, now: i64) -> Option<i64> {
        let request = navigation(path);
        let state = rules.schedule.at(at(now));
        let decision = decide(rules, &request, &state, at(now));
        changes_at(rules, &request, &decision, &state, at(now)).map(Timestamp::as_second)
    }
}
