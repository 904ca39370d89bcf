//! Series that never start, that run into themselves, or whose exceptions are none.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;
use toml::value::Datetime;

use super::LintInput;
use crate::config::document::PeriodTable;
use crate::config::time::{self, TimeLiteral};
use crate::schedule::human_time::{length, local};
use crate::schedule::period::{Period, Timing};
use crate::schedule::series::{ExcludedStarts, Series, StepBeyondRange, find_overstep};
use crate::schedule::zone::{self, Fold};

/// As many starts of a series are looked at for two that are too close.
const STARTS: usize = 8;
/// So many days ahead a time is looked for that a series leaves free.
const HORIZON: i64 = 366;
/// As many exceptions of one file are looked at.
const MAX_EXCEPTIONS: usize = 2_000;

pub(super) fn lint(subject: &LintInput<'_>) {
    let mut exceptions = MAX_EXCEPTIONS;
    for (table, period) in subject.periods() {
        if let Timing::Series(series) = &period.timing
            && lint_starts(table, series, subject)
        {
            lint_steps(table, series, subject);
            if !lint_gaps(table, period, series, subject) {
                lint_length(table, series, subject);
            }
            lint_exceptions(table, series, &mut exceptions, subject);
        }
    }
}

/// Looks at as many exceptions of a series as are left to be looked at.
fn lint_exceptions(table: &PeriodTable, series: &Series, left: &mut usize, subject: &LintInput<'_>) {
    let Some(list) = table.except.as_ref().filter(|list| !list.get_ref().is_empty()) else { return };
    let mut rest = list.get_ref().iter();
    let free = without_exceptions(series);
    for written in rest.by_ref().take(*left) {
        lint_except(written, &free, subject);
    }
    let unseen = rest.len();
    if unseen > 0 && *left > 0 {
        let message = format!("not every exception was checked: no more than {MAX_EXCEPTIONS} of a file are");
        subject.note(list.span(), message, "remove those that are over");
    }
    *left = left.saturating_sub(list.get_ref().len());
}

/// The series as it would be without its exceptions, which may be many and are not copied.
fn without_exceptions(series: &Series) -> Series {
    let Series { cron, length, from, until, .. } = *series;
    let (written, zone) = (series.written.clone(), series.zone.clone());
    Series { cron, written, length, zone, from, until, except: ExcludedStarts::default() }
}

/// Whether it ever starts; warns where it does not, or will not again.
fn lint_starts(table: &PeriodTable, series: &Series, subject: &LintInput<'_>) -> bool {
    let now = subject.now();
    let ended = series.until.filter(|&until| until <= now);
    if let (Some(until), Some(written)) = (ended, &table.end)
        && series.last_start(until).is_some()
    {
        let message = "this series is over: no occurrence starts after its `end`";
        subject.warn(written.span(), message, "write a later `end`, or remove the period");
        return true;
    }
    if starts(series, now) {
        return true;
    }
    let bounded = without_exceptions(series);
    let free = Series { from: None, until: None, ..bounded.clone() };
    let (span, message, help) = match (&table.except, &table.cron) {
        (_, Some(cron)) if !starts(&free, now) => {
            let help = "write a day that some month has: `L` is the last day of each".to_owned();
            (cron.span(), "this series never starts: no year has such a day", help)
        }
        (Some(except), _) if starts(&bounded, now) => {
            let help = "leave in `except` what shall not start, or remove the period".to_owned();
            (except.span(), "this series never starts: `except` leaves out each occurrence", help)
        }
        _ => {
            let written = table.end.as_ref().or(table.start.as_ref());
            let span = written.map_or(table.span.clone(), Spanned::span);
            let message = "this series never starts: no occurrence lies between `start` and `end`";
            (span, message, bounds_help(series, &free))
        }
    };
    subject.warn(span, message, help);
    false
}

fn starts(series: &Series, now: Timestamp) -> bool {
    series.next_start(now).is_some() || series.last_start(now).is_some()
}

fn bounds_help(series: &Series, free: &Series) -> String {
    let first = series.from.and_then(|from| free.next_start(before(from)));
    match first {
        Some(first) => {
            format!("the first after `start` would be at {}: write a later `end`", local(first, &series.zone))
        }
        None => "write other bounds, or remove the period".into(),
    }
}

/// Warns of a step that begins again before it has taken a second number.
fn lint_steps(table: &PeriodTable, series: &Series, subject: &LintInput<'_>) {
    let (Some(cron), Some(StepBeyondRange { item, field, number, cycle })) =
        (&table.cron, find_overstep(&series.written))
    else {
        return;
    };
    let message =
        format!("`{item}` is {field} {number} of each {cycle}: steps begin again with each {cycle}");
    let help = format!("write `{number}` if that is meant, or list each {field}");
    subject.warn(cron.span(), message, help);
}

/// Warns of a series whose occurrences leave no time between them for a year; returns true if so. A change of the
/// clocks, which may put an hour between two, is not taken for such a time.
fn lint_gaps(table: &PeriodTable, period: &Period, series: &Series, subject: &LintInput<'_>) -> bool {
    let now = subject.now();
    let Some(written) = &table.duration else { return false };
    let today = series.zone.to_offset(now).to_datetime(now).date();
    let ends = series.until.is_some() || series.except != ExcludedStarts::default();
    if ends || !period.enabled || series.cron.leaves(series.length, today, HORIZON) {
        return false;
    }
    let what = if period.scope.is_all() { "the site" } else { "what this covers" };
    let message = format!("{what} is never up: each occurrence lasts until the next one starts");
    let help = "write a shorter duration; or `start` without `cron` for what is down until further notice";
    subject.warn(written.span(), message, help);
    true
}

/// Where an occurrence runs into the next, by the clock on the wall too: a shift of it is nobody's mistake.
fn lint_length(table: &PeriodTable, series: &Series, subject: &LintInput<'_>) {
    let Some(written) = &table.duration else { return };
    let starts = std::iter::successors(series.next_start(subject.now()), |start| series.next_start(*start));
    let starts: Vec<_> = starts.take(STARTS).collect();
    let shown = |at: Timestamp| series.zone.to_offset(at).to_datetime(at);
    let between = |pair: &[Timestamp]| match pair {
        &[one, two] => Some((one, two, two.duration_since(one).max(shown(two).duration_since(shown(one))))),
        _ => None,
    };
    let found = starts.windows(2).filter_map(between).find(|(_, _, between)| series.length > *between);
    if let Some((one, two, between)) = found {
        let [one, two] = [one, two].map(|at| local(at, &series.zone));
        let message = format!("an occurrence runs into the next: those of {one} and {two} are one window");
        let help = format!("write a duration of at most {}", length(between));
        subject.warn(written.span(), message, help);
    }
}

fn lint_except(written: &Spanned<Datetime>, series: &Series, subject: &LintInput<'_>) {
    let (from, until) = match (time::date(written.get_ref()), moment(written, series)) {
        (Some(date), _) => {
            let midnight = |date: jiff::civil::Date| {
                zone::resolve(&series.zone, date.to_datetime(Time::midnight()), Fold::First)
            };
            (midnight(date), date.tomorrow().ok().and_then(midnight))
        }
        (None, moment) => (moment, moment.and_then(|at| at.checked_add(SignedDuration::from_nanos(1)).ok())),
    };
    let (Some(from), Some(until)) = (from, until) else { return };
    let next = series.next_start(before(from));
    if next.is_some_and(|start| start < until) {
        return;
    }
    let last = series.last_start(before(from)).map(|start| (from.duration_since(start), start));
    let next = next.map(|start| (start.duration_since(from), start));
    let help = match last.into_iter().chain(next).min() {
        Some((_, near)) => format!("the nearest one starts at {}", local(near, &series.zone)),
        None => "remove it".into(),
    };
    subject.warn(written.span(), "this leaves out nothing: no occurrence starts then", help);
}

fn moment(written: &Spanned<Datetime>, series: &Series) -> Option<Timestamp> {
    TimeLiteral::new(written.get_ref()).ok()?.resolve(&series.zone, Fold::First).ok()
}

fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at)
}
