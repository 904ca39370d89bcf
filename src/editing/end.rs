//! Ends periods that are active, and calls off those that have not started.

use jiff::{SignedDuration, Timestamp};

use super::draft::EditPlan;
use super::source::EditSource;
use super::times::{date_time_literal, floor_to_millisecond};
use crate::config::Config;
use crate::config::edit::{Change, Literal};
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period, Timing};
use crate::schedule::series::Series;

/// The report of an edit that ends periods.
#[derive(Debug)]
pub struct Ended {
    /// What became of each period.
    pub lines: Vec<String>,
    /// The earliest time at which the edit shows in the state.
    pub at: Timestamp,
}

/// Ends these periods, each given with its index: a one-off one that is active ends now, one to come is disabled, and of a
/// recurring one only the running occurrence ends.
pub fn end_periods<'p>(
    config: &Config,
    chosen: impl IntoIterator<Item = (usize, &'p Period)>,
    now: Timestamp,
) -> EditPlan<Ended> {
    let mut plan = EditPlan { changes: Vec::new(), outcome: Ended { lines: Vec::new(), at: now } };
    for (index, period) in chosen {
        end(&mut plan, index, period, config, now);
    }
    plan
}

/// Ends the period of this name if it is still the one that started at `start`.
pub fn end_started(source: &EditSource<'_>, name: &str, start: Timestamp) -> EditPlan<Ended> {
    let now = source.now;
    let mut plan = EditPlan { changes: Vec::new(), outcome: Ended { lines: Vec::new(), at: now } };
    let mut periods = source.config.rules.schedule.periods().iter().enumerate();
    match periods.find(|(_, period)| period.name.as_deref() == Some(name)) {
        None => plan.outcome.lines.push(format!("nothing to end: \"{name}\" is no longer in the file")),
        Some((_, period)) if period.once().is_none_or(|occurrence| occurrence.start != start) => {
            let line =
                format!("nothing to end: \"{name}\" has another start now, so it is not the same downtime");
            plan.outcome.lines.push(line);
        }
        Some((index, period)) => plan = end_periods(source.config, [(index, period)], now),
    }
    plan
}

/// Returns true if `end` without a name ends the period: `start` began it, or it has no end.
pub fn ends_without_a_name(period: &Period) -> bool {
    period.unscheduled || period.once().is_some_and(|once| once.end.is_none())
}

fn end(plan: &mut EditPlan<Ended>, index: usize, period: &Period, config: &Config, now: Timestamp) {
    let line = match &period.timing {
        _ if !period.enabled => format!("nothing to end: {} is disabled", period.title()),
        Timing::Once(occurrence) => end_once(plan, index, period, occurrence, config, now),
        Timing::Series(series) => end_running(plan, index, period, series, config, now),
    };
    plan.outcome.lines.push(line);
}

fn end_once(
    plan: &mut EditPlan<Ended>,
    index: usize,
    period: &Period,
    occurrence: &Occurrence,
    config: &Config,
    now: Timestamp,
) -> String {
    let zone = &config.timezone;
    let title = period.title();
    if let Some(end) = occurrence.end.filter(|end| *end <= now) {
        return format!("nothing to end: {title} already ended at {}", local(end, zone));
    }
    if occurrence.start > now {
        let set = vec![("enabled", Literal::Bool(false))];
        plan.changes.push(Change::Alter { period: index, set, remove: Vec::new() });
        return format!(
            "{title} had not started; it is now disabled: to plan it again, remove `enabled = false`"
        );
    }
    let earliest = occurrence.start.checked_add(SignedDuration::from_millis(1)).unwrap_or(now);
    let at = floor_to_millisecond(now).max(earliest);
    plan.outcome.at = plan.outcome.at.max(at);
    let set = vec![("end", date_time_literal(at, zone))];
    plan.changes.push(Change::Alter { period: index, set, remove: vec!["for"] });
    format!("ended {title}")
}

/// Ends the running occurrence of a series. Later ones stay planned.
fn end_running(
    plan: &mut EditPlan<Ended>,
    index: usize,
    period: &Period,
    series: &Series,
    config: &Config,
    now: Timestamp,
) -> String {
    let title = period.title();
    let next_start = series.next_start(now);
    let next = next_start
        .map_or(String::new(), |next| format!("; the next one starts at {}", local(next, &config.timezone)));
    let running: Vec<_> = series.running(now).collect();
    if running.is_empty() {
        let skip = next_start.map_or(String::new(), |next| {
            let (value, place) = (except_value(series, next), period.place());
            format!("; to leave out only that one, add `{value}` to its `except` ({place})")
        });
        return format!(
            "nothing to end: {title} is not active now{next}{skip}; to disable all, set `enabled = false` in its table"
        );
    }
    for start in running {
        let value = date_time_literal(start, &config.timezone);
        plan.changes.push(Change::Push { period: index, key: "except", value });
    }
    format!("ended this occurrence of {title}{next}")
}

/// Returns what `except` needs to leave out the occurrence that starts at `start`: the date, unless another starts on it too.
fn except_value(series: &Series, start: Timestamp) -> String {
    let civil = |at: Timestamp| at.to_zoned_datetime(series.zone.clone()).datetime();
    let local = civil(start);
    match series.next_start(start).map(civil) {
        Some(next) if next.date() == local.date() => local.to_string(),
        _ => local.date().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn an_end_is_at_least_a_millisecond_after_its_start() {
        for (start, now, end) in [
            ("2026-12-01T22:00:00Z", "2026-12-01T22:00:00Z", "2026-12-01T22:00:00.001Z"),
            ("2026-12-01T22:00:00.5Z", "2026-12-01T22:00:00.500900Z", "2026-12-01T22:00:00.501Z"),
            ("2026-12-01T22:00:00.5009Z", "2026-12-01T22:00:00.500900Z", "2026-12-01T22:00:00.501900Z"),
            ("2026-12-01T22:00:00Z", "2026-12-01T22:00:00.0019Z", "2026-12-01T22:00:00.001Z"),
            ("2026-12-01T22:00:00Z", "2026-12-01T22:00:00.002Z", "2026-12-01T22:00:00.002Z"),
        ] {
            let text = format!("[[period]]\nstart = {start}\n");
            let config = crate::config::load::preview(Path::new("downtime.toml"), &text).config.unwrap();
            let periods = config.rules.schedule.periods().iter().enumerate();
            let plan = end_periods(&config, periods, now.parse().unwrap());
            let [Change::Alter { set, .. }] = plan.changes.as_slice() else { panic!("{:?}", plan.changes) };
            let [(_, Literal::DateTime(literal))] = set.as_slice() else { panic!("{set:?}") };
            let [actual, end]: [Timestamp; 2] = [literal.as_str(), end].map(|text| text.parse().unwrap());
            assert_eq!(actual, end, "{now}");
            assert!(plan.outcome.at >= actual);
        }
    }
}
