//! `downtime extend`: moves the end of an active period later.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::applied::wait_until_applied;
use super::config_file::ConfigFile;
use super::edit::{EditPlan, EditRefusal, EditSource, Wait, date_time_literal, edit};
use super::end::named;
use super::start::{Covered, resolve_end};
use super::time_arg::TimeArg;
use crate::clock;
use crate::config::edit::{Change, Literal};
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};

/// The arguments of `extend`.
#[derive(Debug, Args)]
pub(super) struct ExtendArgs {
    /// The period to extend; required if several are active
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// How much later it ends, such as 30m
    #[arg(long, value_name = "DURATION", value_parser = super::duration, allow_hyphen_values = true)]
    #[arg(required_unless_present = "until", conflicts_with = "until")]
    by: Option<Duration>,

    /// When it ends: RFC 3339, a local time in the file's time zone, or the next 23:30
    #[arg(long, value_name = "TIME", value_parser = end_time, allow_hyphen_values = true)]
    until: Option<TimeArg>,

    /// Wait up to 10 s until the running gateway has applied the edit; needs [management]
    #[arg(long)]
    wait: bool,
}

fn end_time(text: &str) -> Result<TimeArg, String> {
    TimeArg::parse_or_suggest(text, "--by")
}

/// The keys that the continuation of a recurring period has in common with it.
const COMMON_KEYS: [&str; 6] = ["message", "hosts", "paths", "methods", "template", "redirect"];

/// Returns 0 if the file has the new end and, with `--wait`, the gateway has applied it.
pub(super) fn run(file: &ConfigFile, arguments: &ExtendArgs) -> Result<ExitCode, ExitCode> {
    let now = clock::now();
    let edited = edit(&file.path, Wait::from(arguments.wait), |source| plan(source, arguments, file, now))?;
    edited.print(&edited.outcome, clock::now(), &[])?;
    let applied = edited.awaited.map_or(Ok(true), |awaited| wait_until_applied(&file.path, &awaited))?;
    Ok(if applied { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plan(
    source: &EditSource<'_>,
    arguments: &ExtendArgs,
    file: &ConfigFile,
    now: Timestamp,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let zone = &source.config.timezone;
    let (mut index, period, mut running) = active(source, arguments, file, now)?;
    let mut is_series = period.series().is_some();
    // A recurring period may have been extended before.
    if is_series && let Some((continued, occurrence)) = continuation(source, period, running) {
        (index, running, is_series) = (continued, occurrence, false);
    }
    let end = new_end(period, running.end, arguments, zone, now)?;
    let Some(old_end) = running.end.filter(|_| is_series) else {
        return Ok(move_end(index, period, running.end, end, zone));
    };
    let mut keys = vec![("start", date_time_literal(old_end, zone)), ("end", date_time_literal(end, zone))];
    keys.push(("unscheduled", Literal::Bool(true)));
    let table = source.period_table(index)?;
    let common =
        COMMON_KEYS.into_iter().filter_map(|key| Some((key, Literal::Value(table.get(key)?.clone()))));
    keys.extend(common);
    let line = format!(
        "{} continues until {} instead of {}: an unscheduled downtime continues where this occurrence ends",
        period.title(),
        local(end, zone),
        local(old_end, zone)
    );
    Ok(EditPlan { changes: vec![Change::Append(keys)], outcome: vec![line] })
}

/// Returns the period to extend, with its index and its active occurrence.
fn active<'s>(
    source: &EditSource<'s>,
    arguments: &ExtendArgs,
    file: &ConfigFile,
    now: Timestamp,
) -> Result<(usize, &'s Period, Occurrence), EditRefusal> {
    let periods = source.config.rules.schedule.periods();
    if let Some(name) = &arguments.name {
        let (index, period) = named(periods, name, "extend", file)?;
        let running = period.active(now).ok_or_else(|| {
            let help = "`extend` moves the end of an active period; edit the file to change another one";
            cannot(format!("{} is not active now", period.title()), help)
        })?;
        return Ok((index, period, running));
    }
    let with_running = |(index, period): (usize, &'s Period)| Some((index, period, period.active(now)?));
    let mut active = periods.iter().enumerate().filter_map(with_running);
    match (active.next(), active.next()) {
        (None, _) => {
            let help = format!("to take the site down, run `{}`", file.command("start"));
            Err(cannot("nothing to extend: no period is active".into(), &help))
        }
        (Some(only), None) => Ok(only),
        (Some((_, first, _)), Some((_, second, _))) => {
            let others = active.map(|(_, period, _)| period);
            let titles: Vec<_> = [first, second].into_iter().chain(others).map(Period::title).collect();
            let message = format!("several periods are active: {}", titles.join(", "));
            Err(cannot(message, &format!("name one of them, as in `{}`", file.command("extend NAME"))))
        }
    }
}

/// Returns the period that continues an occurrence of a series, with its index and its occurrence.
fn continuation(
    source: &EditSource<'_>,
    series: &Period,
    running: Occurrence,
) -> Option<(usize, Occurrence)> {
    let covered = Covered::from_scope(&series.scope);
    let continues = |period: &Period| {
        let occurrence = period.once().filter(|once| Some(once.start) == running.end)?;
        let is_same = period.enabled && period.unscheduled && Covered::from_scope(&period.scope) == covered;
        is_same.then_some(occurrence)
    };
    let mut periods = source.config.rules.schedule.periods().iter().enumerate();
    periods.find_map(|(index, period)| Some((index, continues(period)?)))
}

/// Returns the end that the options request, which is not before the current one.
fn new_end(
    period: &Period,
    end: Option<Timestamp>,
    arguments: &ExtendArgs,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Timestamp, EditRefusal> {
    let title = period.title();
    let new_end = match (arguments.until, arguments.by, end) {
        (Some(until), ..) => resolve_end(until, zone, now)?,
        (None, Some(by), Some(end)) => end.checked_add(by).map_err(|_| {
            cannot("--by: the period would end after the year 9999".into(), "write a shorter duration")
        })?,
        (None, ..) => {
            let message = format!("{title} is open-ended: --by has no end to add to");
            return Err(cannot(message, "use --until TIME to give it an end"));
        }
    };
    if let Some(end) = end.filter(|end| new_end < *end) {
        let [new_end, end] = [new_end, end].map(|at| local(at, zone));
        let message = format!("{new_end} is earlier than {end}, when {title} ends");
        return Err(cannot(message, "`extend` only moves an end later; to end it now, run `downtime end`"));
    }
    if new_end <= now {
        let message = format!("--until is in the past: {}", local(new_end, zone));
        return Err(cannot(message, "write a later time"));
    }
    Ok(new_end)
}

/// Moves the end of a one-off period.
fn move_end(
    index: usize,
    period: &Period,
    old_end: Option<Timestamp>,
    end: Timestamp,
    zone: &TimeZone,
) -> EditPlan<Vec<String>> {
    let title = period.title();
    let shown = local(end, zone);
    if old_end == Some(end) {
        return EditPlan { changes: Vec::new(), outcome: vec![format!("{title} still ends at {shown}")] };
    }
    let before =
        old_end.map_or("; it was open-ended".into(), |end| format!(" instead of {}", local(end, zone)));
    let set = vec![("end", date_time_literal(end, zone))];
    EditPlan {
        changes: vec![Change::Alter { period: index, set, remove: vec!["for"] }],
        outcome: vec![format!("{title} now ends at {shown}{before}")],
    }
}

fn cannot(message: String, help: &str) -> EditRefusal {
    EditRefusal::Cannot(message, help.into())
}
