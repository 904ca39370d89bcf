//! The current state in four lines: the state, what visitors get, the next change and the next downtime.

use jiff::Timestamp;

use super::state::{causes, state_line_since};
use crate::config::{Config, Site, WhenUnreachable};
use crate::schedule::human_time::{distance, length, local};
use crate::schedule::period::{Occurrence, Period};
use crate::schedule::state::{ScheduleState, State};

/// Returns the four lines. `reachable` is true if the last attempt to reach the upstream succeeded, `None` if there was
/// none.
pub fn status_lines(
    config: &Config,
    state: &ScheduleState,
    reachable: Option<bool>,
    now: Timestamp,
) -> [String; 4] {
    [
        format!("state     {}", state_line_since(config, state, now)),
        format!("visitors  {}", visitors(config, state, reachable)),
        format!("change    {}", change(config, state, now)),
        format!("next      {}", next(config, state, now)),
    ]
}

fn visitors(config: &Config, state: &ScheduleState, reachable: Option<bool>) -> String {
    let site = site(config, reachable);
    let deciding = causes(&config.rules.schedule, state).next().map(|active| active.period);
    let Some((title, down_response)) = deciding.and_then(|index| {
        Some((config.rules.schedule.periods().get(index)?.title(), config.rules.responses.get(index)?))
    }) else {
        return match (&config.site, reachable) {
            (Site::Upstream(site), None) => format!("get {THE_SITE}, if {} answers", site.upstream),
            _ => format!("get {site}"),
        };
    };
    let response = match (&down_response.redirect, &down_response.own_template) {
        (Some(redirect), _) => format!("a redirect to {redirect}"),
        (None, Some(template)) => format!("the page {template} with {}", config.response.status.as_u16()),
        (None, None) => format!("the down page with {}", config.response.status.as_u16()),
    };
    match state.state() {
        State::Partial => {
            format!("get {response} for requests that {title} covers, and {site} for all others")
        }
        State::Up | State::Down if site != THE_SITE => {
            format!("get {response}; exempt requests get {site}")
        }
        State::Up | State::Down => format!("get {response}, unless they are exempt"),
    }
}

const THE_SITE: &str = "the site";

/// Describes the response to a request that passes.
fn site(config: &Config, reachable: Option<bool>) -> String {
    match (&config.site, reachable) {
        (Site::Upstream(site), Some(false)) => {
            let response = match site.when_unreachable {
                WhenUnreachable::Downtime => {
                    format!("the down page with {}", config.response.status.as_u16())
                }
                WhenUnreachable::Error => "502 or 504".into(),
            };
            format!("{response}: the last attempt to reach {} failed", site.upstream)
        }
        _ => THE_SITE.into(),
    }
}

fn change(config: &Config, state: &ScheduleState, now: Timestamp) -> String {
    let Some(at) = state.next_change() else { return "none planned".into() };
    let starts = |period: &&Period| period.next(now).is_some_and(|next| next.start == at);
    let ends = |period: &&Period| period.active(now).is_some_and(|running| running.end == Some(at));
    let titles = |which: &dyn Fn(&&Period) -> bool, verb: &str| {
        let which = config.rules.schedule.periods().iter().filter(which);
        which.map(|period| format!("{} {verb}", period.title())).collect::<Vec<_>>()
    };
    let what = [titles(&ends, "ends"), titles(&starts, "starts")].concat().join(", ");
    format!("{}, {}: {what}", local(at, &config.timezone), distance(at, now))
}

fn next(config: &Config, state: &ScheduleState, now: Timestamp) -> String {
    let back_at = state.back_at(now);
    if !state.active.is_empty() && back_at.is_none() {
        return "unknown, because it is not known when the whole site is up again".into();
    }
    // The state of the schedule only looks one year ahead.
    let later = || config.rules.schedule.next_outage(state, back_at?, |_| true);
    let Some(Occurrence { start, end }) = state.next.or_else(later) else {
        return "no further downtime is planned".into();
    };
    let lasts =
        end.map_or("with no known end".into(), |end| format!("for {}", length(end.duration_since(start))));
    format!("a downtime {lasts} starts at {}, {}", local(start, &config.timezone), distance(start, now))
}
