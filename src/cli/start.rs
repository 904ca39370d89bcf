//! `downtime start`: writes one `[[period]]`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::edit::{Edited, Plan, Refusal, edit, print_state, second, written};
use super::print_result;
use super::wait::until_served;
use crate::clock;
use crate::config::Config;
use crate::config::edit::{Change, Literal};
use crate::config::time::{TimeFault, Written};
use crate::period::{Period, Timing};
use crate::readable::local;
use crate::zone::Fold;

/// What the downtime is to be.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Its name; one that is over gets the new values
    #[arg(long, value_name = "N", value_parser = name)]
    name: Option<String>,

    /// For visitors, on the page
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,

    /// How long it lasts, such as 90s or "1h 30m"; else open-ended
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration, conflicts_with = "until")]
    duration: Option<Duration>,

    /// When it ends (RFC 3339; a local time is in the file's time zone)
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    until: Option<Written>,

    /// When it starts; else now
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    at: Option<Written>,

    /// Only for this host, or "*.example.org" for all below it; may be repeated
    #[arg(long = "host", value_name = "H")]
    hosts: Vec<String>,

    /// Only for paths that this glob matches, such as "/shop/**"; may be repeated
    #[arg(long = "path", value_name = "GLOB")]
    paths: Vec<String>,

    /// Return when the running server serves it, within 10 s; it is asked at [management]
    #[arg(long)]
    wait: bool,
}

/// 0 when the file holds the period and, where that is to be waited for, the gateway serves it.
pub(super) fn run(path: &Path, arguments: &Arguments) -> ExitCode {
    let now = clock::now();
    match edit(path, arguments.wait, |config| plan(config, arguments, now)) {
        Ok(Edited { config, outcome: title, awaited }) => {
            print_result(&format!("{title}\n"));
            print_state(&config, clock::now());
            let served = awaited.is_none_or(|awaited| until_served(path, &awaited));
            if served { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(code) => code,
    }
}

/// What the file takes for a name, so that a mistake shows where it was made.
fn name(text: &str) -> Result<String, &'static str> {
    let is_name = !text.trim().is_empty() && !text.chars().any(char::is_control);
    is_name
        .then(|| text.to_owned())
        .ok_or("a name is one line that is not empty: write one such as db-upgrade")
}

fn plan(config: &Config, arguments: &Arguments, now: Timestamp) -> Result<Plan<String>, Refusal> {
    let zone = &config.timezone;
    let start = resolve(arguments.at, zone, Fold::First, "--at")?.unwrap_or_else(|| second(now));
    let until = resolve(arguments.until, zone, Fold::Second, "--until")?;
    if until.is_some_and(|until| until <= start) {
        return Err(Refusal::Cannot("--until is not after the start".into(), "write a later time".into()));
    }
    let mut keys = vec![("start", written(start, zone))];
    if let Some(until) = until {
        keys.push(("end", written(until, zone)));
    }
    if let Some(duration) = arguments.duration {
        keys.push(("for", Literal::String(humantime::format_duration(duration).to_string())));
    }
    if let Some(message) = &arguments.message {
        keys.push(("message", Literal::String(message.clone())));
    }
    for (key, texts) in [("hosts", &arguments.hosts), ("paths", &arguments.paths)] {
        if !texts.is_empty() {
            keys.push((key, Literal::Strings(texts.clone())));
        }
    }
    let when =
        if start > now { format!("starts at {}", local(start, zone)) } else { "has started".to_owned() };
    let title = |name: &str| format!("{name} {when}");
    let Some(name) = &arguments.name else {
        return Ok(Plan { changes: vec![Change::Append(keys)], outcome: title("an unscheduled downtime") });
    };
    let outcome = title(&format!("\"{name}\""));
    let periods = config.rules.schedule.periods();
    let change = match periods.iter().enumerate().find(|(_, period)| period.name.as_ref() == Some(name)) {
        None => {
            keys.insert(0, ("name", Literal::String(name.clone())));
            Change::Append(keys)
        }
        Some((index, period)) => again(index, period, keys, now)?,
    };
    Ok(Plan { changes: vec![change], outcome })
}

/// The keys that `start` has options for: of a table that is used again, those without a new value go.
const OPTIONS: [&str; 5] = ["message", "end", "for", "hosts", "paths"];

/// Gives the table of a period that is over its new values.
fn again(
    index: usize,
    period: &Period,
    mut keys: Vec<(&'static str, Literal)>,
    now: Timestamp,
) -> Result<Change, Refusal> {
    let refused = match period.timing {
        Timing::Series(_) => Some("is recurring"),
        Timing::Once(_) if period.is_over(now) => None,
        Timing::Once(_) if !period.enabled => Some("stands there and is not enabled"),
        Timing::Once(_) if period.active(now).is_some() => Some("is active already"),
        Timing::Once(_) => Some("is yet to come"),
    };
    if let Some(state) = refused {
        let message = format!("{} (line {}) {state}", period.title(), period.line);
        return Err(Refusal::Cannot(message, "take another name, or edit that period in the file".into()));
    }
    if !period.enabled {
        keys.push(("enabled", Literal::Bool(true)));
    }
    let given = |key: &str| keys.iter().any(|(name, _)| *name == key);
    let remove = OPTIONS.into_iter().filter(|key| !given(key)).collect();
    Ok(Change::Alter { period: index, set: keys, remove })
}

fn resolve(
    written: Option<Written>,
    zone: &TimeZone,
    fold: Fold,
    option: &str,
) -> Result<Option<Timestamp>, Refusal> {
    let resolve = |written: Written| written.resolve(zone, fold);
    let out_of_range =
        |fault: TimeFault| Refusal::Cannot(format!("{option}: {fault}"), TimeFault::HELP.into());
    written.map(resolve).transpose().map_err(out_of_range)
}
