//! The decision: pass, unavailable or redirect, and why.

pub mod down_response;

use std::fmt;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;

use crate::decision::down_response::{Answer, Redirect};
use crate::matching::exempt::{Exemptions, Rule};
use crate::matching::request::{Query, Request};
use crate::schedule::outage;
use crate::schedule::period::Occurrence;
use crate::schedule::state::{Schedule, ScheduleState};

/// All that decides over requests.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The public status, where it is not turned off.
    pub status_path: Option<String>,
    /// What passes.
    pub exemptions: Exemptions,
    /// Whether ACME challenges pass, so that certificates renew.
    pub acme: bool,
    /// When the site is down.
    pub schedule: Schedule,
    /// The answer of each period, in the schedule's order.
    pub answers: Vec<Answer>,
    /// Said in `Retry-After` while the end is not known.
    pub retry_after: Duration,
}

/// The default of `[server] status_path`.
pub const STATUS_PATH: &str = "/.downtime/status";
/// The default of earlier versions. Where the present default is in use, it answers too.
const EARLIER_STATUS_PATH: &str = "/.well-known/downtime";

impl Rules {
    /// Whether a path, as it came, is that of the status.
    fn is_status(&self, raw: &str) -> bool {
        self.status_path
            .as_deref()
            .is_some_and(|path| raw == path || path == STATUS_PATH && raw == EARLIER_STATUS_PATH)
    }

    /// What `Retry-After` says at `now` to a request that passes at `until`, in seconds.
    pub fn retry_after(&self, until: Option<Timestamp>, now: Timestamp) -> u64 {
        until
            .filter(|until| until.duration_since(now) <= outage::LONGEST)
            .map_or_else(|| whole_seconds(self.retry_after), |until| seconds_between(now, until))
    }

    /// Whether the scope of a period, by its index, covers a request.
    pub fn covers(&self, period: usize, request: &Request<'_>) -> bool {
        self.schedule.periods().get(period).is_some_and(|period| period.scope.covers(request))
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Decision<'r> {
    /// It goes to the site.
    Pass(Pass<'r>),
    /// It gets the page.
    Unavailable(Down<'r>),
    /// It is sent elsewhere.
    Redirect(Down<'r>, &'r Redirect),
}

/// Why a request passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass<'r> {
    /// It asks for the status of the site.
    Status,
    /// A rule exempts it.
    Exempt(&'r Rule),
    /// It is for an ACME challenge.
    Acme,
    /// No active period covers it.
    Up,
    /// The period at this index redirects to the very path that it asks for.
    RedirectTarget(usize),
}

/// The downtime that covers a request.
#[derive(Clone, Debug)]
pub struct Down<'r> {
    /// The deciding period: its index in the schedule.
    pub period: usize,
    /// The occurrence of it that runs.
    pub occurrence: Occurrence,
    /// What it answers.
    pub answer: &'r Answer,
    /// When the request would pass, where that is known.
    pub until: Option<Timestamp>,
    /// Seconds until then, at least 1; the configured value where it is not known, or more than 366 days away.
    pub retry_after: u64,
}

/// Decides a request at `now`, in the order of the contract: status path, exemptions, periods, redirect target.
pub fn decide<'r>(
    rules: &'r Rules,
    request: &Request<'_>,
    moment: &ScheduleState,
    now: Timestamp,
) -> Decision<'r> {
    if rules.is_status(request.path.raw()) {
        return Decision::Pass(Pass::Status);
    }
    if let Some(rule) = rules.exemptions.find(&request.path, request.client) {
        return Decision::Pass(Pass::Exempt(rule));
    }
    if rules.acme && is_acme_challenge(request) {
        return Decision::Pass(Pass::Acme);
    }
    let Some(down) = covering(rules, request, moment, now) else {
        return Decision::Pass(Pass::Up);
    };
    match &down.answer.redirect {
        Some(redirect) if redirect.is_target(&request.path) => {
            Decision::Pass(Pass::RedirectTarget(down.period))
        }
        Some(redirect)
            if request.is_navigation
                && !redirect.loops(&request.hosts, &request.path)
                && !is_endless(rules, redirect, request, moment, now) =>
        {
            Decision::Redirect(down, redirect)
        }
        _ => Decision::Unavailable(down),
    }
}

/// A redirect is followed through so many others at most.
const MAX_REDIRECTS: usize = 8;

/// Whether a redirect leads from one path of this site to another without an end, since other periods redirect these.
fn is_endless(
    rules: &Rules,
    redirect: &Redirect,
    request: &Request<'_>,
    moment: &ScheduleState,
    now: Timestamp,
) -> bool {
    let mut redirect = redirect;
    for _ in 0..MAX_REDIRECTS {
        let Some((path, query)) = redirect.own_target() else { return false };
        let next = Request { path, query: Query::new(query), ..request.clone() };
        if rules.exemptions.find(&next.path, next.client).is_some() {
            return false;
        }
        let other = covering(rules, &next, moment, now).and_then(|down| down.answer.redirect.as_ref());
        match other.filter(|other| !other.is_target(&next.path)) {
            Some(other) => redirect = other,
            None => return false,
        }
    }
    true
}

/// The challenge that a certificate authority asks for over HTTP: a token in base64url (RFC 8555 8.3).
fn is_acme_challenge(request: &Request<'_>) -> bool {
    let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let token = request.path.canonical().and_then(|path| path.strip_prefix("/.well-known/acme-challenge/"));
    matches!(*request.method, Method::GET | Method::HEAD)
        && token.is_some_and(|token| !token.is_empty() && token.bytes().all(is_in_token))
}

/// The downtime that covers a request at `now`, exemptions aside: of the active periods whose scope covers it, the first.
fn covering<'r>(
    rules: &'r Rules,
    request: &Request<'_>,
    moment: &ScheduleState,
    now: Timestamp,
) -> Option<Down<'r>> {
    let scoped = moment.is_crowded().then(|| rules.schedule.scoped(request, moment));
    let covers = |period: usize| match &scoped {
        Some(scoped) => rules.schedule.is_whole(period) || scoped.binary_search(&period).is_ok(),
        None => rules.covers(period, request),
    };
    let active = moment.active.iter().find(|active| covers(active.period))?;
    let answer = rules.answers.get(active.period)?;
    let until = moment.passes_at(|period| period == active.period || covers(period), now);
    let retry_after = rules.retry_after(until, now);
    Some(Down { period: active.period, occurrence: active.occurrence, answer, until, retry_after })
}

/// What holds for a request that nothing exempts, from one change of any period to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The period that decides over it, by its index in the schedule, while it is down.
    pub period: Option<usize>,
    /// When it passes then, where that is known.
    pub until: Option<Timestamp>,
    /// The downtime after that, where the present one is known to end.
    pub next: Option<Occurrence>,
}

impl Outlook {
    /// That of the requests which the periods cover that `covers` names, by index.
    pub fn new(
        schedule: &Schedule,
        moment: &ScheduleState,
        covers: impl Fn(usize) -> bool,
        now: Timestamp,
    ) -> Self {
        let period = moment.active.iter().map(|active| active.period).find(|&period| covers(period));
        let until = period.and_then(|_| moment.passes_at(&covers, now));
        let ends = period.is_none() || until.is_some();
        let next = if ends { schedule.next_stretch(moment, until.unwrap_or(now), covers) } else { None };
        Self { period, until, next }
    }
}

/// When a request that passes goes down, or one that is down passes; `None` where that is not known, or never.
///
/// A request that is down may pass before nothing covers it any more: while a period decides that redirects to its path.
pub fn changes_at(
    rules: &Rules,
    request: &Request<'_>,
    decision: &Decision<'_>,
    moment: &ScheduleState,
    now: Timestamp,
) -> Option<Timestamp> {
    let turns = |moment, at, down| turns_at(rules, request, moment, at, down);
    match decision {
        Decision::Unavailable(down) | Decision::Redirect(down, _) => {
            let is_target = |answer: &Answer| {
                answer.redirect.as_ref().is_some_and(|redirect| redirect.is_target(&request.path))
            };
            let may_pass = rules.answers.iter().any(is_target);
            let passes = if may_pass { turns(moment.clone(), now, false) } else { None };
            passes.or(down.until)
        }
        Decision::Pass(Pass::Status | Pass::Exempt(_) | Pass::Acme) => None,
        Decision::Pass(Pass::Up) => {
            let covers = |period: usize| rules.covers(period, request);
            let start = rules.schedule.next_stretch(moment, now, covers)?.start;
            turns(rules.schedule.at(start), start, true)
        }
        Decision::Pass(Pass::RedirectTarget(_)) => turns(moment.clone(), now, true),
    }
}

/// A period that redirects to the request's own path takes nothing away from it: the search goes on behind its start,
/// through so many changes at most.
const MAX_CHANGES: usize = 1000;

/// When the request is down, or is not, for the first time from `at` on.
fn turns_at(
    rules: &Rules,
    request: &Request<'_>,
    moment: ScheduleState,
    at: Timestamp,
    down: bool,
) -> Option<Timestamp> {
    let mut moments = std::iter::successors(Some((moment, at)), |(moment, _)| {
        let at = moment.next_change()?;
        Some((rules.schedule.after(moment, at), at))
    });
    let turned = |(moment, at): &(ScheduleState, Timestamp)| {
        decide(rules, request, moment, *at).down().is_some() == down
    };
    moments.by_ref().take(MAX_CHANGES).find(turned).map(|(_, at)| at)
}

fn seconds_between(now: Timestamp, until: Timestamp) -> u64 {
    whole_seconds(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// Whole seconds, rounded up, at least 1 (RFC 9110 10.2.3 knows no fractions).
pub fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0)).max(1)
}

/// A decision's reason, in words for operators, once the schedule is there to name periods.
pub struct DecisionReason<'a>(pub &'a Decision<'a>, pub &'a Schedule);

impl fmt::Display for DecisionReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = |&period: &usize| {
            self.1.periods().get(period).map_or(String::new(), crate::schedule::period::Period::title)
        };
        match self.0 {
            Decision::Pass(Pass::Status) => f.write_str("the status path answers itself"),
            Decision::Pass(Pass::Exempt(rule)) => write!(f, "exempt: {rule}"),
            Decision::Pass(Pass::Acme) => f.write_str("exempt: an ACME challenge, by [exempt] acme"),
            Decision::Pass(Pass::Up) => f.write_str("no active period covers it"),
            Decision::Pass(Pass::RedirectTarget(period)) => {
                write!(f, "{} redirects to this path", title(period))
            }
            Decision::Unavailable(down) | Decision::Redirect(down, _) => {
                write!(f, "{} is active", title(&down.period))
            }
        }
    }
}

impl DecisionReason<'_> {
    /// The line of the rule or period that decided.
    pub fn line(&self) -> Option<usize> {
        let period = |&period: &usize| self.1.periods().get(period).map(|period| period.line);
        match self.0 {
            Decision::Pass(Pass::Status | Pass::Acme | Pass::Up) => None,
            Decision::Pass(Pass::Exempt(rule)) => Some(rule.line),
            Decision::Pass(Pass::RedirectTarget(index)) => period(index),
            Decision::Unavailable(down) | Decision::Redirect(down, _) => period(&down.period),
        }
    }
}

impl Decision<'_> {
    /// The word for it in messages and JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Unavailable(_) => "unavailable",
            Self::Redirect(..) => "redirect",
        }
    }

    /// The downtime that covers the request, unless it passes.
    pub fn down(&self) -> Option<&Down<'_>> {
        match self {
            Self::Pass(_) => None,
            Self::Unavailable(down) | Self::Redirect(down, _) => Some(down),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::exempt::RuleKind;
    use crate::matching::path::RequestPath;
    use crate::matching::request::Hosts;
    use crate::matching::scope::Scope;
    use crate::page::template::Template;
    use crate::schedule::period::{Period, Timing};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn answer(message: &str, redirect: Option<&str>) -> Answer {
        let redirect = redirect.map(|text| Redirect::parse(text).unwrap());
        Answer { message: Some(message.into()), template: Template::built_in(), own_template: None, redirect }
    }

    fn rules(periods: &[(i64, i64, Option<&str>)]) -> Rules {
        let rule = |kind, text: &str| Rule { kind, text: text.into(), line: 3 };
        let exempt = vec![rule(RuleKind::Exact, "/open"), rule(RuleKind::Network, "192.0.2.0/24")];
        let period = |(line, &(start, end, _)): (usize, &(i64, i64, _))| Period {
            name: None,
            line,
            enabled: true,
            unscheduled: false,
            timing: Timing::Once(Occurrence { start: at(start), end: (end != 0).then(|| at(end)) }),
            scope: Scope::default(),
        };
        Rules {
            status_path: Some(STATUS_PATH.into()),
            exemptions: Exemptions::new(exempt).unwrap(),
            acme: true,
            schedule: Schedule::new(periods.iter().enumerate().map(period).collect()),
            answers: periods.iter().map(|&(_, _, redirect)| answer("m", redirect)).collect(),
            retry_after: Duration::from_secs(300),
        }
    }

    fn navigation(path: &str) -> Request<'_> {
        let hosts = Hosts::new(Some("example.com"));
        Request { hosts, is_navigation: true, ..Request::new(&Method::GET, RequestPath::new(path)) }
    }

    /// The verdict in a few words: `pass WHY`, `down PERIOD RETRY-AFTER` or `to LOCATION`.
    fn verdict(rules: &Rules, path: &str, client: Option<&str>, now: Timestamp) -> String {
        let client = client.map(|text| text.parse().unwrap());
        let request = Request { client, ..navigation(path) };
        let decision = decide(rules, &request, &rules.schedule.at(now), now);
        assert!(!DecisionReason(&decision, &rules.schedule).to_string().is_empty());
        match decision {
            Decision::Pass(pass) => match pass {
                Pass::Status => "pass status".into(),
                Pass::Exempt(rule) => format!("pass {}", rule.text),
                Pass::Acme => "pass acme".into(),
                Pass::Up => "pass up".into(),
                Pass::RedirectTarget(period) => format!("pass target {period}"),
            },
            Decision::Unavailable(down) => format!("down {} {}", down.period, down.retry_after),
            Decision::Redirect(_, redirect) => format!("to {}", redirect.location().to_str().unwrap()),
        }
    }

    #[test]
    fn a_request_is_decided_in_the_order_of_the_contract() {
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
            ("/open", None, 15, "pass /open"),
            ("/x", Some("192.0.2.1"), 15, "pass 192.0.2.0/24"),
            ("/x", Some("192.0.3.1"), 15, "down 0 5"),
            ("/x", None, 9, "pass up"),
            ("/x", None, 10, "down 0 10"),
            ("/x", None, 19, "down 0 1"),
            ("/x", None, 20, "pass up"),
            ("/open/../x", None, 15, "down 0 5"),
        ] {
            assert_eq!(verdict(&page, path, client, at(now)), expected, "{path} {client:?} {now}");
        }
    }

    #[test]
    fn a_redirect_never_sends_a_request_to_itself() {
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
                verdict(&rules(&[(10, 20, Some(redirect))]), path, None, at(15)),
                expected,
                "{redirect} {path}"
            );
        }
    }

    #[test]
    fn periods_do_not_redirect_in_a_circle() {
        let scoped = |to: &str, redirect: &str| {
            let mut rules = rules(&[(10, 30, Some("/a")), (10, 40, Some(redirect))]);
            let paths = Some(crate::matching::scope::ScopePaths::new([to]).unwrap());
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
            let verdict = verdict(&scoped(scope, redirect), path, None, at(10));
            assert_eq!(verdict, expected, "{scope} {redirect} {path}");
        }
    }

    #[test]
    fn among_many_periods_those_decide_that_cover_the_request() {
        let plain: Vec<_> = (0..40).map(|period| (10, 20 + period, None)).collect();
        let mut rules = rules(&plain);
        let mut periods = rules.schedule.periods().to_vec();
        for (index, period) in periods.iter_mut().enumerate().filter(|(index, _)| *index != 5) {
            period.scope.paths =
                Some(crate::matching::scope::ScopePaths::new([format!("/{index}").as_str()]).unwrap());
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
            assert_eq!(verdict(&rules, path, None, at(now)), expected, "{path} at {now}");
        }
    }

    #[test]
    fn only_a_person_who_goes_to_a_page_is_redirected() {
        let rules = rules(&[(10, 20, Some("/sorry"))]);
        let moment = rules.schedule.at(at(15));
        let decision = |request: &Request<'_>| decide(&rules, request, &moment, at(15)).as_str();
        assert_eq!(decision(&navigation("/x")), "redirect");
        assert_eq!(decision(&Request { is_navigation: false, ..navigation("/x") }), "unavailable");
        assert_eq!(decision(&Request { is_navigation: false, ..navigation("/sorry") }), "pass");
    }

    #[test]
    fn acme_challenges_pass_by_get_and_head_unless_that_is_turned_off() {
        let on = rules(&[(10, 20, None)]);
        let off = Rules { acme: false, ..on.clone() };
        let moment = on.schedule.at(at(15));
        let path = || RequestPath::new("/.well-known/acme-challenge/token");
        for (method, expected) in
            [(Method::GET, "pass"), (Method::HEAD, "pass"), (Method::POST, "unavailable")]
        {
            let request = Request::new(&method, path());
            assert_eq!(decide(&on, &request, &moment, at(15)).as_str(), expected, "{method}");
            assert_eq!(decide(&off, &request, &moment, at(15)).as_str(), "unavailable", "{method}");
        }
    }

    #[test]
    fn only_the_default_status_path_has_an_earlier_one() {
        let other = Rules { status_path: Some("/status".into()), ..rules(&[]) };
        let none = Rules { status_path: None, ..rules(&[]) };
        for (rules, path, expected) in [
            (&other, "/status", "pass status"),
            (&other, "/.downtime/status", "pass up"),
            (&other, "/.well-known/downtime", "pass up"),
            (&none, "/.downtime/status", "pass up"),
            (&none, "/.well-known/downtime", "pass up"),
        ] {
            assert_eq!(verdict(rules, path, None, at(0)), expected, "{:?} {path}", rules.status_path);
        }
    }

    #[test]
    fn the_period_with_the_latest_end_answers() {
        let both = rules(&[(10, 20, Some("/a")), (10, 30, Some("/b")), (10, 30, Some("/c"))]);
        assert_eq!(verdict(&both, "/x", None, at(15)), "to /b");
        assert_eq!(verdict(&rules(&[(10, 20, None), (12, 0, None)]), "/x", None, at(15)), "down 1 300");
    }

    #[test]
    fn retry_after_is_the_time_until_the_request_passes() {
        let chain = rules(&[(10, 20, None), (20, 35, None)]);
        assert_eq!(verdict(&chain, "/x", None, at(15)), "down 0 20");
        let nearly = at(34) + Duration::from_millis(999);
        assert_eq!(verdict(&chain, "/x", None, nearly), "down 1 1");
        assert_eq!(verdict(&chain, "/x", None, at(30) + Duration::from_nanos(1)), "down 1 5");
        assert_eq!(verdict(&rules(&[(0, 366 * 86_400 + 1, None)]), "/x", None, at(0)), "down 0 300");
    }

    #[test]
    fn a_request_changes_when_it_goes_down_or_passes() {
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
    fn one_that_is_down_passes_while_a_period_redirects_to_it() {
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
        let moment = rules.schedule.at(at(now));
        let decision = decide(rules, &request, &moment, at(now));
        changes_at(rules, &request, &decision, &moment, at(now)).map(Timestamp::as_second)
    }

    #[test]
    fn seconds_are_whole_rounded_up_and_at_least_one() {
        for (nanos, seconds) in [(0, 1), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2), (90_000_000_000, 90)]
        {
            assert_eq!(whole_seconds(Duration::from_nanos(nanos)), seconds, "{nanos}");
        }
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
