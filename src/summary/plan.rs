//! The plan: each period with its scope, its response and its next occurrences.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::text::{aligned, wrapped_list};
use crate::config::Config;
use crate::decision::down_response::DownResponse;
use crate::schedule::human_time::{distance, length, local, span, utc_span};
use crate::schedule::period::{Occurrence, Period, PeriodPhase};
use crate::schedule::series::Series;

/// The number of occurrences of each period that are shown.
const MAX_OCCURRENCES: usize = 3;

/// Lists each period with its next occurrences, the running one first. Periods that are over share one list.
pub fn plan(config: &Config, now: Timestamp) -> Vec<String> {
    let periods = config.rules.schedule.periods().iter().zip(&config.rules.responses);
    let (over, rest): (Vec<_>, Vec<_>) =
        periods.partition(|(period, _)| period.phase(now) == PeriodPhase::Over);
    let mut lines = list(&rest, config, now);
    if !over.is_empty() {
        lines.extend(wrapped_list("over      ", over.iter().map(|(period, _)| period.full_title())));
    }
    lines
}

fn list(periods: &[(&Period, &DownResponse)], config: &Config, now: Timestamp) -> Vec<String> {
    let rows =
        |(period, _): &(&Period, &DownResponse)| occurrences(period, period.zone(&config.timezone), now);
    let rows: Vec<Vec<Vec<String>>> = periods.iter().map(rows).collect();
    let mut table = aligned(&rows.concat()).into_iter();
    let mut lines = Vec::new();
    for ((period, down_response), rows) in periods.iter().zip(&rows) {
        let unscheduled = if period.unscheduled { ", unscheduled" } else { "" };
        lines.push(format!("period    {}: {}{unscheduled}", period.full_title(), period.phase(now).as_str()));
        lines.extend(details(period, down_response, config));
        lines.extend(table.by_ref().take(rows.len()).map(|row| format!("    {row}")));
    }
    lines
}

/// Describes the period of this index, as in the plan.
pub fn describe_period(config: &Config, index: usize, now: Timestamp) -> Vec<String> {
    let schedule = &config.rules.schedule;
    let found = schedule.periods().get(index).zip(config.rules.responses.get(index));
    found.map_or_else(Vec::new, |period| list(&[period], config, now))
}

fn occurrences(period: &Period, zone: &TimeZone, now: Timestamp) -> Vec<Vec<String>> {
    // A disabled period shows when it would be active.
    let enabled = Period { enabled: true, ..period.clone() };
    let running = enabled.active(now);
    let occurrences = running.into_iter().chain(enabled.upcoming(now)).take(MAX_OCCURRENCES);
    occurrences.map(|occurrence| row(occurrence, period.enabled, zone, now)).collect()
}

fn row(occurrence: Occurrence, enabled: bool, zone: &TimeZone, now: Timestamp) -> Vec<String> {
    let Occurrence { start, end } = occurrence;
    let [from, to] = span(occurrence, zone);
    let lasts = end.map_or(String::new(), |end| length(end.duration_since(start)));
    let when = match end {
        _ if start > now => distance(start, now),
        _ if !enabled => "would run now".into(),
        Some(end) => format!("now, {} left", length(end.duration_since(now))),
        None if now.duration_since(start) < SignedDuration::from_secs(1) => "now, just started".into(),
        None => format!("now, since {}", length(now.duration_since(start))),
    };
    let utc = if zone.iana_name() == Some("UTC") { None } else { Some(utc_span(occurrence)) };
    [from, to].into_iter().chain(utc).chain([lasts, when]).collect()
}

fn details(period: &Period, down_response: &DownResponse, config: &Config) -> Vec<String> {
    let mut lines = period.series().map_or_else(Vec::new, recurrence);
    let lists = period.scope.texts().into_iter().filter_map(|(key, list)| Some((key, list?)));
    lines.extend(lists.flat_map(|(key, list)| wrapped_list(&format!("    {key:<10}"), list)));
    lines.extend(response(down_response, config).map(|text| format!("    response  {text}")));
    lines
}

fn recurrence(series: &Series) -> Vec<String> {
    let zone = series.zone.iana_name().unwrap_or("its zone");
    let mut lines =
        vec![format!("    cron      {} for {} in {zone}", series.expression, length(series.length))];
    let bound =
        |word: &str, at: Option<Timestamp>| at.map(|at| format!("{word} {}", local(at, &series.zone)));
    let bounds: Vec<_> = bound("from", series.from).into_iter().chain(bound("to", series.until)).collect();
    if !bounds.is_empty() {
        lines.push(format!("    bounds    {}", bounds.join(" ")));
    }
    let starts = series.except.starts.iter().map(|at| local(*at, &series.zone));
    let except: Vec<_> = series.except.dates.iter().map(ToString::to_string).chain(starts).collect();
    if !except.is_empty() {
        lines.extend(wrapped_list("    except    ", except));
    }
    lines
}

/// Describes the response of a period if it differs from `[response]`.
fn response(down_response: &DownResponse, config: &Config) -> Option<String> {
    match (&down_response.redirect, &down_response.own_template) {
        (Some(redirect), _) if config.response.redirect.as_ref() != Some(redirect) => {
            Some(format!("302 to {redirect}"))
        }
        (None, Some(template)) => Some(format!("the page {template}")),
        (None, None) if config.response.redirect.is_some() => Some("the page, no redirect".into()),
        _ => None,
    }
}
