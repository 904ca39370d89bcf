//! Warns of series that never start or overlap themselves, and of exceptions without effect.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;
use toml::value::Datetime;

use super::LintInput;
use crate::config::document::PeriodTable;
use crate::config::time::{self, TimeLiteral};
use crate::schedule::human_time::{length, local};
use crate::schedule::period::{Period, Timing};
use crate::schedule::series::{ExcludedStarts, Series, StepBeyondRange, before, find_step_beyond_range};
use crate::schedule::zone::{self, Fold};

/// The number of starts of a series that are checked for two that are too close.
const MAX_STARTS: usize = 8;
/// The number of days in which a time without an occurrence is searched for.
const HORIZON: i64 = 366;
/// The number of exceptions of one file that are checked.
const MAX_EXCEPTIONS: usize = 2_000;

pub(super) fn lint(input: &LintInput<'_>) {
    let mut exceptions = MAX_EXCEPTIONS;
    for (table, period) in input.periods() {
        if let Timing::Series(series) = &period.timing
            && lint_starts(table, period, series, input)
        {
            lint_steps(table, series, input);
            if !lint_gaps(table, period, series, input) {
                lint_length(table, series, input);
            }
            lint_exceptions(table, series, &mut exceptions, input);
        }
    }
}

/// Checks up to `left` exceptions of a series, and counts them off.
fn lint_exceptions(table: &PeriodTable, series: &Series, left: &mut usize, input: &LintInput<'_>) {
    let Some(list) = table.except.as_ref().filter(|list| !list.get_ref().is_empty()) else { return };
    let mut rest = list.get_ref().iter();
    let free = without_exceptions(series);
    for value in rest.by_ref().take(*left) {
        lint_except(value, &free, input);
    }
    let unchecked = rest.len();
    if unchecked > 0 && *left > 0 {
        let message = format!("only the first {MAX_EXCEPTIONS} exceptions of the file were checked");
        input.note(list.span(), message, "remove exceptions that are in the past");
    }
    *left = left.saturating_sub(list.get_ref().len());
}

/// Returns the series without its exceptions, which are not copied because there may be many.
fn without_exceptions(series: &Series) -> Series {
    let Series { cron, length, from, until, .. } = *series;
    let (expression, zone) = (series.expression.clone(), series.zone.clone());
    Series { cron, expression, length, zone, from, until, except: ExcludedStarts::default() }
}

/// Returns true if the series ever starts; warns if it does not, or not again.
fn lint_starts(table: &PeriodTable, period: &Period, series: &Series, input: &LintInput<'_>) -> bool {
    let now = input.now();
    let ended = series.until.filter(|&until| until <= now);
    if let (Some(until), Some(value)) = (ended, &table.end)
        && series.last_start(until).is_some()
    {
        let message = "this series is over: its `end` has passed";
        input.warn(value.span(), message, "write a later `end`, or remove the period");
        return true;
    }
    if starts(series, now) {
        if let Some(value) = table.end.as_ref().filter(|_| period.is_over(now)) {
            let message = "this series is over: it does not start again before its `end`";
            let endless = Series { until: None, except: series.except.clone(), ..without_exceptions(series) };
            let help = endless.next_start(now).map_or_else(
                || "remove the period".to_owned(),
                |next| {
                    let next = local(next, &series.zone);
                    format!(
                        "the next occurrence would be at {next}: write a later `end`, or remove the period"
                    )
                },
            );
            input.warn(value.span(), message, help);
        }
        return true;
    }
    let bounded = without_exceptions(series);
    let free = Series { from: None, until: None, ..bounded.clone() };
    let (span, message, help) = match (&table.except, &table.cron) {
        (_, Some(cron)) if !starts(&free, now) => {
            let help = "write a day that exists; `L` is the last day of every month".to_owned();
            (cron.span(), "this series never starts: no year has such a day", help)
        }
        (Some(except), _) if starts(&bounded, now) => {
            let help = "keep only the occurrences to skip in `except`, or remove the period".to_owned();
            (except.span(), "this series never starts: `except` skips every occurrence", help)
        }
        _ => {
            let value = table.end.as_ref().or(table.start.as_ref());
            let span = value.map_or(table.span.clone(), Spanned::span);
            let message = "this series never starts: it has no occurrence between `start` and `end`";
            (span, message, bounds_help(series, &free))
        }
    };
    input.warn(span, message, help);
    false
}

fn starts(series: &Series, now: Timestamp) -> bool {
    series.next_start(now).is_some() || series.last_start(now).is_some()
}

fn bounds_help(series: &Series, free: &Series) -> String {
    let first = series.from.and_then(|from| free.next_start(before(from)));
    match first {
        Some(first) => {
            format!(
                "the first occurrence after `start` would be at {}: write a later `end`",
                local(first, &series.zone)
            )
        }
        None => "change `start` or `end`, or remove the period".into(),
    }
}

/// Warns of a step that is longer than its cycle, so that it selects one number only.
fn lint_steps(table: &PeriodTable, series: &Series, input: &LintInput<'_>) {
    let (Some(cron), Some(StepBeyondRange { item, field, number, cycle })) =
        (&table.cron, find_step_beyond_range(&series.expression))
    else {
        return;
    };
    let message = format!(
        "`{item}` matches only {field} {number} of each {cycle}: steps start again with each {cycle}"
    );
    let help = format!("write `{number}` if you mean that, or list each {field}");
    input.warn(cron.span(), message, help);
}

/// Warns of a series that leaves no time between occurrences for a year; returns true if so. The hour that a change of
/// the clocks may put between two does not count.
fn lint_gaps(table: &PeriodTable, period: &Period, series: &Series, input: &LintInput<'_>) -> bool {
    let now = input.now();
    let Some(value) = &table.duration else { return false };
    let today = series.zone.to_offset(now).to_datetime(now).date();
    let ends = series.until.is_some() || series.except != ExcludedStarts::default();
    if ends || !period.enabled || series.cron.has_gap_over(series.length, today, HORIZON) {
        return false;
    }
    let what = if period.scope.is_all() { "the site" } else { "what this covers" };
    let message = format!("{what} is never up: each occurrence lasts until the next one starts");
    let help = "write a shorter duration, or `start` without `cron` for a downtime until further notice";
    input.warn(value.span(), message, help);
    true
}

/// Warns of an occurrence that overlaps the next, in local time as well: a change of the clocks is nobody's mistake.
fn lint_length(table: &PeriodTable, series: &Series, input: &LintInput<'_>) {
    let Some(value) = &table.duration else { return };
    let starts = std::iter::successors(series.next_start(input.now()), |start| series.next_start(*start));
    let starts: Vec<_> = starts.take(MAX_STARTS).collect();
    let wall_clock = |at: Timestamp| series.zone.to_offset(at).to_datetime(at);
    let between = |pair: &[Timestamp]| match pair {
        &[one, two] => {
            Some((one, two, two.duration_since(one).max(wall_clock(two).duration_since(wall_clock(one)))))
        }
        _ => None,
    };
    let found = starts.windows(2).filter_map(between).find(|(_, _, between)| series.length > *between);
    if let Some((one, two, between)) = found {
        let [one, two] = [one, two].map(|at| local(at, &series.zone));
        let message = format!("occurrences overlap: those at {one} and {two} are one outage");
        let help = hour_alone(table).map_or_else(
            || format!("write a duration of at most {}", length(between)),
            |cron| format!("`*` as the minute is every minute: did you mean `cron = \"{cron}\"`?"),
        );
        input.warn(value.span(), message, help);
    }
}

/// Returns an expression for every minute of an hour with the full hour instead.
fn hour_alone(table: &PeriodTable) -> Option<String> {
    let fields: Vec<_> = table.cron.as_ref()?.get_ref().split_whitespace().collect();
    match fields.as_slice() {
        ["*", hour, rest @ ..] if !hour.starts_with('*') => Some(format!("0 {hour} {}", rest.join(" "))),
        _ => None,
    }
}

fn lint_except(value: &Spanned<Datetime>, series: &Series, input: &LintInput<'_>) {
    let (from, until) = match (time::date(value.get_ref()), instant(value, series)) {
        (Some(date), _) => {
            let midnight = |date: jiff::civil::Date| {
                zone::resolve(&series.zone, date.to_datetime(Time::midnight()), Fold::First)
            };
            (midnight(date), date.tomorrow().ok().and_then(midnight))
        }
        (None, instant) => {
            (instant, instant.and_then(|at| at.checked_add(SignedDuration::from_nanos(1)).ok()))
        }
    };
    let (Some(from), Some(until)) = (from, until) else { return };
    let next = series.next_start(before(from));
    if next.is_some_and(|start| start < until) {
        return;
    }
    let last = series.last_start(before(from)).map(|start| (from.duration_since(start), start));
    let next = next.map(|start| (start.duration_since(from), start));
    let help = match last.into_iter().chain(next).min() {
        Some((_, near)) => format!("the nearest occurrence starts at {}", local(near, &series.zone)),
        None => "remove it".into(),
    };
    input.warn(value.span(), "this has no effect: no occurrence starts then", help);
}

fn instant(value: &Spanned<Datetime>, series: &Series) -> Option<Timestamp> {
    TimeLiteral::new(value.get_ref()).ok()?.resolve(&series.zone, Fold::First).ok()
}
