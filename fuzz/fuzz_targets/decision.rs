//! Generates a schedule, exemptions, requests and times that jump back and forth. A decision must not panic, must have a
//! reason, and must agree with a check of each single period. Its predictions must come true.

#![no_main]

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use downtime::decision::down_response::{DownResponse, Redirect};
use downtime::decision::{
    Decision, DecisionReason, Down, HttpsOnly, Pass, Rules, changes_at, decide, whole_seconds,
};
use downtime::http1::scheme::Scheme;
use downtime::matching::bypass::{Bypasses, Secrets};
use downtime::matching::exempt::{Exemptions, Rule, RuleKind};
use downtime::matching::path::RequestPath;
use downtime::matching::probe_paths::{ProbePath, ProbePaths};
use downtime::matching::request::{Hosts, Query, Request};
use downtime::matching::scope::{Host, Scope, ScopePaths};
use downtime::page::template::Template;
use downtime::schedule::occurrence::Occurrence;
use downtime::schedule::period::{Period, Timing};
use downtime::schedule::series::{Cron, ExcludedStarts, Series};
use downtime::schedule::state::{Schedule, ScheduleState, State};
use http::Method;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;

/// All times are near one of these: clock changes, a skipped day, 1970, and the end of the calendar.
const AROUND: [&str; 6] = [
    "2026-03-28T18:00:00Z",
    "2026-10-24T18:00:00Z",
    "2011-12-29T12:00:00Z",
    "1969-12-31T18:00:00Z",
    "4999-12-30T00:00:00Z",
    "9999-12-28T00:00:00Z",
];
const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia"];
const CRONS: [&str; 12] = [
    "*/30 * * * *",
    "0 */3 * * *",
    "30 */6 * * *",
    "0 0 * * *",
    "30 2 * * *",
    "59 23 * * *",
    "0 12 * * SAT",
    "15 1,2,3 * * *",
    "0 0 1 * *",
    "30 2 L * *",
    "0 0 * * SUN#L",
    "0 3 29 2 *",
];
const PATHS: [&str; 10] =
    ["/", "/a", "/a/b", "/%61", "/a//b", "/a/../b", "/A./", "/.well-known/acme-challenge/a", "/sorry", "*"];
const GLOBS: [&str; 4] = ["/**", "/a/**", "/*", "/sorry"];
const HOSTS: [&str; 3] = ["a.example", "*.example", "b.test"];
const AUTHORITIES: [&str; 5] = ["a.example", "A.EXAMPLE.:80", "b.test:443", "c.test", ""];
const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::HEAD];
const REDIRECTS: [&str; 5] = ["/sorry", "/a", "https://a.example/a", "https://status.test/", "/a/"];
const QUERIES: [&str; 2] = ["a=b", "_method=POST"];
const NETWORKS: [&str; 2] = ["192.0.2.0/24", "::/0"];
const CLIENTS: [&str; 3] = ["192.0.2.7", "::ffff:192.0.2.8", "2001:db8::1"];
const STATUS: &str = "/.downtime/status";
const PROBE: &str = "/a/b";
const RETRY_AFTER: Duration = Duration::from_secs(300);

const HALF_HOUR: SignedDuration = SignedDuration::from_mins(30);
const MAX_OUTAGE: SignedDuration = SignedDuration::from_hours(366 * 24);
/// An outage of more occurrences has no known end.
const MAX_OCCURRENCES: usize = 10_000;
/// How many occurrences of an outage are followed here.
const MAX_FOLLOWED: usize = 200;
/// How many changes are followed here.
const MAX_CHANGES: usize = 40;

fuzz_target!(|input: Input| check(&input));

#[derive(Debug)]
struct Input {
    rules: Rules,
    requests: Vec<OwnedRequest>,
    times: Vec<Timestamp>,
}

#[derive(Debug)]
struct OwnedRequest {
    scheme: Scheme,
    method: Method,
    authority: Option<&'static str>,
    forwarded: Option<&'static str>,
    path: String,
    query: Option<&'static str>,
    has_override_field: bool,
    is_navigation: bool,
    client: Option<IpAddr>,
}

impl OwnedRequest {
    fn borrow(&self) -> Request<'_> {
        Request {
            scheme: self.scheme,
            method: &self.method,
            hosts: Hosts { own: self.authority, forwarded: self.forwarded.into_iter().collect() },
            path: RequestPath::new(&self.path),
            query: Query::new(self.query),
            has_override_field: self.has_override_field,
            is_navigation: self.is_navigation,
            client: self.client,
            secrets: Secrets::default(),
        }
    }
}

impl Arbitrary<'_> for Input {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        let around = u.choose(&AROUND)?.parse().expect("a time");
        let status_path = u.arbitrary::<bool>()?.then(|| STATUS.to_owned());
        let probe = || ProbePath { text: PROBE.to_owned(), line: 2 };
        let probe_paths = ProbePaths::new(u.arbitrary::<bool>()?.then(probe).into_iter().collect());
        let exemptions = exemptions(u)?;
        let requests = some(u, 1..=3, owned_request)?;
        let times = some(u, 1..=5, |u| time(u, around))?;
        let periods = some(u, 0..=5, |u| period(u, around))?;
        let responses = periods.iter().map(|_| response(u)).collect::<Result<_>>()?;
        let schedule = Schedule::new(periods);
        let acme = u.arbitrary()?;
        let https_only = u.arbitrary::<bool>()?.then(|| HttpsOnly::new(Some(8443), 1));
        let rules = Rules {
            https_only,
            status_path,
            probe_paths,
            exemptions,
            acme,
            bypasses: Bypasses::default(),
            schedule,
            responses,
            retry_after: RETRY_AFTER,
        };
        Ok(Self { rules, requests, times })
    }
}

fn some<'a, T>(
    u: &mut Unstructured<'a>,
    count: std::ops::RangeInclusive<usize>,
    one: impl Fn(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(count)?).map(|_| one(u)).collect()
}

fn maybe<'a, T>(
    u: &mut Unstructured<'a>,
    one: impl Fn(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Option<T>> {
    Ok(if u.arbitrary()? { Some(one(u)?) } else { None })
}

fn choose_some<T: Copy>(u: &mut Unstructured<'_>, from: &[T]) -> Result<Vec<T>> {
    let which: u8 = u.arbitrary()?;
    let chosen: Vec<_> =
        from.iter().enumerate().filter(|(at, _)| which >> at & 1 == 1).map(|(_, &one)| one).collect();
    Ok(if chosen.is_empty() { from[..1].to_vec() } else { chosen })
}

/// Generates a time on or next to a half hour, so that starts and ends often coincide.
fn time(u: &mut Unstructured<'_>, around: Timestamp) -> Result<Timestamp> {
    let beside = [0, 0, 0, 1, -1, 1_500_000_000][u.choose_index(6)?];
    let past = HALF_HOUR * i32::from(u.arbitrary::<u8>()?) + SignedDuration::from_nanos(beside);
    Ok(around.checked_add(past).unwrap_or(Timestamp::MAX))
}

fn length(u: &mut Unstructured<'_>) -> Result<SignedDuration> {
    let odd = [
        SignedDuration::from_nanos(1),
        SignedDuration::from_millis(1500),
        SignedDuration::from_hours(40 * 24),
        MAX_OUTAGE,
        MAX_OUTAGE + SignedDuration::from_secs(1),
    ];
    Ok(match odd.get(u.choose_index(10)?) {
        Some(odd) => *odd,
        None => HALF_HOUR * i32::from(u.int_in_range(1_u8..=60)?),
    })
}

fn period(u: &mut Unstructured<'_>, around: Timestamp) -> Result<Period> {
    let timing = if u.ratio(1_u8, 3_u8)? {
        Timing::Series(Box::new(series(u, around)?))
    } else {
        let start = time(u, around)?;
        let length = maybe(u, length)?;
        Timing::Once(Occurrence { start, end: length.map(|length| later(start, length)) })
    };
    let enabled = u.ratio(7_u8, 8_u8)?;
    Ok(Period { name: None, line: 1, file: None, enabled, unscheduled: false, timing, scope: scope(u)? })
}

fn later(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}

fn series(u: &mut Unstructured<'_>, around: Timestamp) -> Result<Series> {
    let expression = (*u.choose(&CRONS)?).to_owned();
    let zone = TimeZone::get(u.choose(&ZONES)?).expect("a zone");
    let from = maybe(u, |u| time(u, around))?;
    let until = maybe(u, |u| Ok(later(from.map_or_else(|| time(u, around), Ok)?, length(u)?)))?;
    let dates = some(u, 0..=2, |u| Ok(zone.to_datetime(time(u, around)?).date()))?;
    let starts = some(u, 0..=2, |u| time(u, around))?;
    Ok(Series {
        cron: Cron::parse(&expression).expect("a cron expression"),
        expression,
        length: length(u)?,
        zone,
        from,
        until,
        except: ExcludedStarts { dates: BTreeSet::from_iter(dates), starts: BTreeSet::from_iter(starts) },
    })
}

fn scope(u: &mut Unstructured<'_>) -> Result<Scope> {
    let host = |text: &str| Host::parse(text).expect("a host");
    Ok(Scope {
        hosts: maybe(u, |u| Ok(choose_some(u, &HOSTS)?.into_iter().map(host).collect()))?,
        paths: maybe(u, |u| Ok(ScopePaths::new(choose_some(u, &GLOBS)?).expect("globs")))?,
        methods: maybe(u, |u| {
            Ok(choose_some(u, &[0, 1, 2])?.into_iter().map(|at: usize| METHODS[at].clone()).collect())
        })?,
    })
}

fn response(u: &mut Unstructured<'_>) -> Result<DownResponse> {
    let redirect = maybe(u, |u| Ok(Redirect::parse(u.choose(&REDIRECTS)?).expect("a redirect")))?;
    Ok(DownResponse { message: None, template: Template::built_in(), own_template: None, redirect })
}

fn exemptions(u: &mut Unstructured<'_>) -> Result<Exemptions> {
    let lists =
        [(RuleKind::Exact, &PATHS[..3]), (RuleKind::Path, &GLOBS[1..]), (RuleKind::Network, &NETWORKS[..])];
    let mut rules = Vec::new();
    for (kind, texts) in lists {
        let texts = if u.ratio(1_u8, 4_u8)? { choose_some(u, texts)? } else { vec![] };
        rules.extend(texts.into_iter().map(|text| Rule { kind, text: text.to_owned(), line: 1 }));
    }
    Ok(Exemptions::new(rules).expect("rules"))
}

fn owned_request(u: &mut Unstructured<'_>) -> Result<OwnedRequest> {
    let path = match u.choose_index(PATHS.len() + 2)? {
        0 => STATUS.to_owned(),
        1 => u.arbitrary()?,
        at => PATHS[at - 2].to_owned(),
    };
    Ok(OwnedRequest {
        scheme: if u.arbitrary()? { Scheme::Https } else { Scheme::Http },
        method: u.choose(&METHODS)?.clone(),
        authority: maybe(u, |u| Ok(*u.choose(&AUTHORITIES)?))?,
        forwarded: maybe(u, |u| Ok(*u.choose(&AUTHORITIES)?))?,
        path,
        query: maybe(u, |u| Ok(*u.choose(&QUERIES)?))?,
        has_override_field: u.ratio(1_u8, 4_u8)?,
        is_navigation: u.ratio(3_u8, 4_u8)?,
        client: maybe(u, |u| Ok(u.choose(&CLIENTS)?.parse().expect("an address")))?,
    })
}

fn check(Input { rules, requests, times }: &Input) {
    let schedule = &rules.schedule;
    let mut state = schedule.at(times[0]);
    for &now in times {
        state = schedule.after(&state, now);
        check_state(schedule, &state, now);
        check_series(schedule, now);
        for request in requests {
            check_decision(rules, &request.borrow(), &state, now);
        }
    }
}

/// Returns the active periods, the deciding one first.
fn active(schedule: &Schedule, now: Timestamp) -> Vec<(usize, Occurrence)> {
    let periods = schedule.periods().iter().enumerate();
    let mut active: Vec<_> = periods.filter_map(|(at, period)| Some((at, period.active(now)?))).collect();
    active.sort_by_key(|(at, occurrence)| (Reverse((occurrence.end.is_none(), occurrence.end)), *at));
    active
}

/// A state that was updated through jumps must agree with each period, and with a new state.
fn check_state(schedule: &Schedule, state: &ScheduleState, now: Timestamp) {
    let active = active(schedule, now);
    let found: Vec<_> = state.active.iter().map(|active| (active.period, active.occurrence)).collect();
    assert_eq!(found, active);
    for (period, occurrence) in &active {
        assert!(schedule.periods()[*period].enabled && occurrence.contains(now));
    }
    let whole = active.iter().any(|(period, _)| schedule.periods()[*period].scope.is_all());
    let expected = if active.is_empty() {
        State::Up
    } else if whole {
        State::Down
    } else {
        State::Partial
    };
    assert_eq!(state.state(), expected);
    let starts = schedule.periods().iter().filter_map(|period| Some(period.next(now)?.start));
    let change = starts.chain(active.iter().filter_map(|(_, occurrence)| occurrence.end)).min();
    assert_eq!(state.next_change(), change);
    assert!(state.holds_at(now) && change.is_none_or(|change| change > now && !state.holds_at(change)));

    let new = schedule.at(now);
    assert_eq!((&new.active, new.next, new.next_change()), (&state.active, state.next, change));
    let periods = schedule.periods();
    for covered in 0..1 << periods.len() {
        let covers = |period: usize| periods[period].scope.is_all() || covered >> period & 1 == 1;
        let passes = state.passes_at(covers, now);
        assert_eq!(passes, new.passes_at(covers, now));
        check_end(schedule, covers, now, passes);
    }
}

/// A request must pass when the last occurrence that covers it has ended, if that is known.
fn check_end(schedule: &Schedule, covers: impl Fn(usize) -> bool, now: Timestamp, found: Option<Timestamp>) {
    let last = |at: Timestamp| active(schedule, at).into_iter().find(|(period, _)| covers(*period));
    let (mut at, mut followed) = (now, 0);
    while let Some((_, occurrence)) = last(at) {
        let Some(end) = occurrence.end else {
            assert_eq!(found, None, "an open-ended period is active");
            return;
        };
        (at, followed) = (end, followed + 1);
        if followed > 1 && at.duration_since(now) > MAX_OUTAGE || followed > MAX_FOLLOWED {
            return;
        }
    }
    let expected = Some(at).filter(|_| followed > 0);
    assert!(found == expected || found.is_none() && is_long(schedule, now, at), "{found:?} for {expected:?}");
}

/// Returns true if too many occurrences start between two times for the end to be known.
fn is_long(schedule: &Schedule, from: Timestamp, to: Timestamp) -> bool {
    let started = |period: &Period| period.upcoming(from).take_while(|next| next.start <= to).count();
    schedule.periods().iter().map(started).sum::<usize>() + schedule.periods().len() >= MAX_OCCURRENCES
}

/// The last and the next start of a series must have no start between them, and each must be found from both sides.
fn check_series(schedule: &Schedule, now: Timestamp) {
    let nanosecond = SignedDuration::from_nanos(1);
    for series in schedule.periods().iter().filter_map(Period::series) {
        let (last, next) = (series.last_start(now), series.next_start(now));
        if let Some(last) = last {
            assert!(last <= now);
            assert_eq!(series.next_start(last), next);
            assert_eq!(
                last.checked_sub(nanosecond).ok().and_then(|before| series.next_start(before)),
                Some(last)
            );
        }
        if let Some(next) = next {
            assert!(next > now);
            assert_eq!(series.last_start(next), Some(next));
            assert_eq!(next.checked_sub(nanosecond).ok().and_then(|before| series.last_start(before)), last);
        }
        for start in [last, next].into_iter().flatten() {
            assert!(series.from.is_none_or(|from| from <= start));
            assert!(series.until.is_none_or(|until| start < until));
            let date = series.zone.to_datetime(start).date();
            assert!(!series.except.starts.contains(&start) && !series.except.dates.contains(&date));
        }
    }
}

fn check_decision(rules: &Rules, request: &Request<'_>, state: &ScheduleState, now: Timestamp) {
    let decision = decide(rules, request, state, now);
    let is_fixed = matches!(
        decision,
        Decision::Https(..)
            | Decision::Pass(Pass::Status | Pass::Probe { .. } | Pass::Exempt(_) | Pass::Acme)
    );
    if !is_fixed {
        assert_eq!(decision.down().is_some(), is_down(rules, request, now));
        check_change(rules, request, &decision, state, now);
    }
    let reason = DecisionReason(&decision, &rules.schedule);
    assert!(!reason.to_string().is_empty());
    let deciding =
        active(&rules.schedule, now).into_iter().find(|(period, _)| rules.covers(*period, request));
    let exempt = rules.exemptions.find(&request.path, request.client);
    let canonical = request.path.canonical();
    match &decision {
        Decision::Https(_, location) => {
            assert!(request.scheme == Scheme::Http && rules.https_only.is_some());
            assert!(location.as_ref().is_none_or(|url| url.as_bytes().starts_with(b"https://")));
        }
        Decision::Pass(Pass::Status) => assert_eq!(rules.status_path.as_deref(), canonical),
        Decision::Pass(Pass::Probe { path, is_down }) => {
            assert_eq!(Some(path.text.as_str()), canonical);
            assert_eq!(*is_down, state.state() == State::Down);
        }
        Decision::Pass(Pass::Exempt(rule)) => {
            assert_eq!(exempt, Some(*rule));
            assert!(canonical.is_some() || rule.kind == RuleKind::Network);
        }
        Decision::Pass(Pass::Acme) => {
            assert!(
                rules.acme
                    && exempt.is_none()
                    && canonical.is_some_and(|path| path.contains("/acme-challenge/"))
            );
        }
        Decision::Pass(Pass::Enter | Pass::Bypass(_)) => panic!("there are no bypasses"),
        Decision::Pass(Pass::Up) => assert_eq!((deciding, exempt), (None, None)),
        Decision::Pass(Pass::RedirectTarget(period)) => {
            assert_eq!(Some(*period), deciding.map(|(period, _)| period));
            let redirect = rules.responses[*period].redirect.as_ref().expect("a redirect");
            assert!(canonical.is_some() && redirect.is_target(&request.path));
        }
        Decision::Unavailable(down) | Decision::Redirect(down, _) => {
            assert_eq!(deciding, Some((down.period, down.occurrence)));
            assert_eq!(exempt, None);
            assert!(reason.line().is_some());
            check_down(rules, request, down, now);
        }
    }
    if let Decision::Redirect(_, redirect) = &decision {
        assert!(request.is_navigation);
        assert!(!redirect.is_target(&request.path) && !redirect.loops(&request.hosts, &request.path));
    }
}

/// The request must pass at the time that `Retry-After` announces, and not a nanosecond earlier. Until then a period must
/// cover it, even if that period redirects to its path, so that it passes.
fn check_down(rules: &Rules, request: &Request<'_>, down: &Down<'_>, now: Timestamp) {
    let known = down.until.filter(|until| until.duration_since(now) <= MAX_OUTAGE);
    let Some(until) = known else {
        assert_eq!(down.retry_after, whole_seconds(RETRY_AFTER));
        return;
    };
    let seconds = i64::try_from(down.retry_after).expect("some seconds");
    assert!((1..=MAX_OUTAGE.as_secs()).contains(&seconds));
    let [enough, less] = [seconds, seconds - 1].map(|seconds| later(now, SignedDuration::from_secs(seconds)));
    assert!(enough >= until && less < until, "{seconds} s from {now} to {until}");

    let covered =
        |at: Timestamp| active(&rules.schedule, at).iter().any(|(period, _)| rules.covers(*period, request));
    assert!(covered(until.checked_sub(SignedDuration::from_nanos(1)).expect("a time")) && !covered(until));
    let then = rules.schedule.at(until);
    assert!(matches!(decide(rules, request, &then, until), Decision::Pass(Pass::Up)));
    assert!(changes(rules, now).take_while(|at| *at < until).take(MAX_CHANGES).all(covered));
}

/// The predicted change must be the first time at which the decision differs.
fn check_change(
    rules: &Rules,
    request: &Request<'_>,
    decision: &Decision<'_>,
    state: &ScheduleState,
    now: Timestamp,
) {
    let change = changes_at(rules, request, decision, state, now);
    let was_down = decision.down().is_some();
    if let Some(change) = change {
        assert!(change > now);
        let then = decide(rules, request, &rules.schedule.at(change), change);
        assert_ne!(then.down().is_some(), was_down);
    }
    let before = changes(rules, now).take_while(|at| change.is_none_or(|change| *at < change));
    let earlier = before.take(MAX_CHANGES).find(|at| is_down(rules, request, *at) != was_down);
    assert_eq!(earlier, None, "{change:?} is predicted too late");
}

/// Returns true if a request that is not exempt is down, by a check of each single period.
fn is_down(rules: &Rules, request: &Request<'_>, at: Timestamp) -> bool {
    let deciding = active(&rules.schedule, at).into_iter().find(|(period, _)| rules.covers(*period, request));
    let redirect = deciding.map(|(period, _)| rules.responses[period].redirect.as_ref());
    redirect.is_some_and(|redirect| redirect.is_none_or(|redirect| !redirect.is_target(&request.path)))
}

/// Returns each time after `now` at which a period starts or ends.
fn changes(rules: &Rules, now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let next = |at: Timestamp| {
        let periods = rules.schedule.periods().iter();
        periods
            .flat_map(move |period| {
                [period.next(at).map(|next| next.start), period.active(at).and_then(|runs| runs.end)]
            })
            .flatten()
            .min()
    };
    std::iter::successors(next(now), move |at| next(*at))
}
