//! The state now in four lines: what it is, what visitors get, what changes next, what comes then.

use jiff::Timestamp;

use super::state::{making, since, state_line};
use crate::config::{Config, Site, WhenUnreachable};
use crate::schedule::human_time::{distance, length, local};
use crate::schedule::period::{Occurrence, Period};
use crate::schedule::state::{ScheduleState, State};

/// The four lines. `reachable` is whether the last attempt to reach the upstream succeeded, if there was one.
pub fn status_lines(
    config: &Config,
    moment: &ScheduleState,
    reachable: Option<bool>,
    now: Timestamp,
) -> [String; 4] {
    let since =
        since(&config.rules.schedule, moment).map(|at| format!("; since {}", local(at, &config.timezone)));
    [
        format!("state     {}{}", state_line(config, moment, now), since.unwrap_or_default()),
        format!("visitors  {}", visitors(config, moment, reachable)),
        format!("change    {}", change(config, moment, now)),
        format!("next      {}", next(config, moment, now)),
    ]
}

fn visitors(config: &Config, moment: &ScheduleState, reachable: Option<bool>) -> String {
    let site = site(config, reachable);
    let deciding = making(&config.rules.schedule, moment).next().map(|active| active.period);
    let Some((title, answer)) = deciding.and_then(|index| {
        Some((config.rules.schedule.periods().get(index)?.title(), config.rules.responses.get(index)?))
    }) else {
        return match (&config.site, reachable) {
            (Site::Upstream(site), None) => format!("get {THE_SITE}, if {} answers", site.upstream),
            _ => format!("get {site}"),
        };
    };
    let given = match (&answer.redirect, &answer.own_template) {
        (Some(redirect), _) => format!("a redirect to {redirect}"),
        (None, Some(template)) => format!("the page {template} with {}", config.response.status.as_u16()),
        (None, None) => format!("the down page with {}", config.response.status.as_u16()),
    };
    match moment.state() {
        State::Partial => format!("get {given} from what {title} covers, and {site} from the rest"),
        State::Up | State::Down if site != THE_SITE => {
            format!("get {given}; those who are exempt get {site}")
        }
        State::Up | State::Down => format!("get {given}, unless they are exempt"),
    }
}

const THE_SITE: &str = "the site";

/// What a request gets that passes.
fn site(config: &Config, reachable: Option<bool>) -> String {
    match (&config.site, reachable) {
        (Site::Upstream(site), Some(false)) => {
            let given = match site.when_unreachable {
                WhenUnreachable::Downtime => {
                    format!("the down page with {}", config.response.status.as_u16())
                }
                WhenUnreachable::Error => "502 or 504".into(),
            };
            format!("{given}: the last attempt to reach {} failed", site.upstream)
        }
        _ => THE_SITE.into(),
    }
}

fn change(config: &Config, moment: &ScheduleState, now: Timestamp) -> String {
    let Some(at) = moment.next_change() else { return "none is planned".into() };
    let starts = |period: &&Period| period.next(now).is_some_and(|next| next.start == at);
    let ends = |period: &&Period| period.active(now).is_some_and(|running| running.end == Some(at));
    let titles = |which: &dyn Fn(&&Period) -> bool, verb: &str| {
        let which = config.rules.schedule.periods().iter().filter(which);
        which.map(|period| format!("{} {verb}", period.title())).collect::<Vec<_>>()
    };
    let what = [titles(&ends, "ends"), titles(&starts, "starts")].concat().join(", ");
    format!("{}, {}: {what}", local(at, &config.timezone), distance(at, now))
}

fn next(config: &Config, moment: &ScheduleState, now: Timestamp) -> String {
    let back_at = moment.back_at(now);
    if !moment.active.is_empty() && back_at.is_none() {
        return "not known while there is downtime with no known end".into();
    }
    // A moment looks no further than what visitors are told, which is a year.
    let later = || config.rules.schedule.next_outage(moment, back_at?, |_| true);
    let Some(Occurrence { start, end }) = moment.next.or_else(later) else {
        return "no further downtime is planned".into();
    };
    let lasts =
        end.map_or("with no known end".into(), |end| format!("for {}", length(end.duration_since(start))));
    format!("a downtime {lasts} starts at {}, {}", local(start, &config.timezone), distance(start, now))
}
