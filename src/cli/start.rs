//! `downtime start`: writes one `[[period]]`, or changes the one that it wrote before.

mod covered;
mod running;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::covered::Covered;
use super::edit::{EditPlan, EditRefusal, edit, second, written};
use super::wait::until_served;
use crate::clock;
use crate::config::Config;
use crate::config::edit::{Change, EditError, Literal};
use crate::config::time::{TimeError, TimeLiteral};
use crate::schedule::human_time::local;
use crate::schedule::period::Period;
use crate::schedule::zone::Fold;

/// What the downtime is to be.
#[derive(Debug, Args)]
pub(super) struct StartArgs {
    /// Its name; a period of that name is used again if it is over, and changed if it is active
    #[arg(long, value_name = "N", value_parser = name)]
    name: Option<String>,

    /// For visitors, on the page
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,

    /// How long it lasts, such as 90s or "1h 30m"; else open-ended
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration, conflicts_with = "until")]
    #[arg(allow_hyphen_values = true)]
    duration: Option<Duration>,

    /// When it ends (RFC 3339; a local time is in the file's time zone)
    #[arg(long, value_name = "TIME", value_parser = super::words::end, allow_hyphen_values = true)]
    until: Option<TimeLiteral>,

    /// When it starts; else now. A time to come plans it
    #[arg(long, value_name = "TIME", value_parser = super::time, allow_hyphen_values = true)]
    at: Option<TimeLiteral>,

    /// Only for this host, or "*.example.org" for all below it; may be repeated
    #[arg(long = "host", value_name = "H")]
    hosts: Vec<String>,

    /// Only for paths that this glob matches, such as "/shop/**"; may be repeated
    #[arg(long = "path", value_name = "GLOB")]
    paths: Vec<String>,

    /// Wait until the running gateway has applied it, at most 10 s; needs [management]
    #[arg(long)]
    wait: bool,
}

/// 0 if the file holds the downtime and, with `--wait`, the gateway serves it.
pub(super) fn run(path: &Path, arguments: &StartArgs) -> Result<ExitCode, ExitCode> {
    let now = clock::now();
    let edited = edit(path, arguments.wait, |config| plan(config, arguments, now))?;
    edited.print(&edited.outcome, clock::now(), &[])?;
    let served = edited.awaited.map_or(Ok(true), |awaited| until_served(path, &awaited))?;
    Ok(if served { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the file takes for a name, so that a mistake shows where it was made.
fn name(text: &str) -> Result<String, &'static str> {
    let is_name = !text.trim().is_empty() && !text.chars().any(char::is_control);
    is_name
        .then(|| text.to_owned())
        .ok_or("a name is one line that is not empty: write one such as db-upgrade")
}

/// A downtime as it was asked for, at a time in a zone.
struct RequestedDowntime<'a> {
    arguments: &'a StartArgs,
    zone: &'a TimeZone,
    now: Timestamp,
    start: Timestamp,
    end: Option<Timestamp>,
}

fn plan(
    config: &Config,
    arguments: &StartArgs,
    now: Timestamp,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let wanted = RequestedDowntime::new(arguments, &config.timezone, now)?;
    let Some(index) = wanted.period_to_change(config) else {
        return Ok(EditPlan { changes: vec![Change::Append(wanted.keys())], outcome: wanted.announcement() });
    };
    let Some(period) = config.rules.schedule.periods().get(index) else {
        return Err(EditRefusal::from(EditError::Misread));
    };
    let is_once = period.once().is_some();
    match period.active(now).filter(|_| is_once) {
        Some(occurrence) => running::change(&wanted, config, index, occurrence),
        None if is_once && period.is_over(now) => Ok(wanted.use_again(index, period)),
        None => Err(refusal(period, config, now)),
    }
}

impl<'a> RequestedDowntime<'a> {
    fn new(arguments: &'a StartArgs, zone: &'a TimeZone, now: Timestamp) -> Result<Self, EditRefusal> {
        let at = resolve(arguments.at, zone, Fold::First, "--at")?;
        let start = at.unwrap_or_else(|| second(now));
        let until = resolve(arguments.until, zone, Fold::Second, "--until")?;
        let length = arguments.duration.map(|duration| {
            start.checked_add(duration).map_err(|_| {
                cannot("--for: the downtime would end after the year 9999", "write a shorter duration")
            })
        });
        let end = length.transpose()?.or(until);
        if let Some(until) = until
            && until <= start.max(now)
        {
            let fault = if until <= now { "is in the past" } else { "is not after the start" };
            return Err(cannot(&format!("--until {fault}: {}", local(until, zone)), "write a later time"));
        }
        if at.is_some_and(|at| at < second(now)) && end.is_none_or(|end| end <= now) {
            let help = "leave --at out to start now; a start in the past needs an end that is still ahead";
            return Err(cannot(&format!("--at is in the past: {}", local(start, zone)), help));
        }
        Ok(Self { arguments, zone, now, start, end })
    }

    /// The period of that name; without a name, the active unscheduled one that has none either, and the same scope.
    fn period_to_change(&self, config: &Config) -> Option<usize> {
        let schedule = &config.rules.schedule;
        let name = &self.arguments.name;
        if name.is_some() {
            return schedule.periods().iter().position(|period| period.name == *name);
        }
        let covered = Covered::from_options(self.arguments);
        let is_same = |period: &Period| {
            period.name.is_none()
                && period.unscheduled
                && period.once().is_some()
                && Covered::from_scope(&period.scope) == covered
        };
        let active = schedule.at(self.now).active.into_iter().map(|active| active.period);
        active
            .filter(|_| self.arguments.at.is_none())
            .find(|&index| schedule.periods().get(index).is_some_and(is_same))
    }

    /// The keys of the period, as a new table has them.
    fn keys(&self) -> Vec<(&'static str, Literal)> {
        let StartArgs { name, message, duration, hosts, paths, at, .. } = self.arguments;
        let mut keys = Vec::new();
        keys.extend(name.clone().map(|name| ("name", Literal::String(name))));
        keys.push(("start", written(self.start, self.zone)));
        match duration {
            Some(duration) => {
                keys.push(("for", Literal::String(humantime::format_duration(*duration).to_string())));
            }
            None => keys.extend(self.end.map(|end| ("end", written(end, self.zone)))),
        }
        keys.extend(at.is_none().then_some(("unscheduled", Literal::Bool(true))));
        keys.extend(message.clone().map(|message| ("message", Literal::String(message))));
        keys.extend(lists(hosts, paths));
        keys
    }

    /// What a new downtime is announced as.
    fn announcement(&self) -> Vec<String> {
        let is_planned = self.arguments.at.is_some();
        let title = match &self.arguments.name {
            Some(name) => format!("\"{name}\""),
            None if is_planned => "a planned downtime".into(),
            None => "an unscheduled downtime".into(),
        };
        let start = local(self.start, self.zone);
        let note = self.zone_note();
        if self.start <= self.now {
            let since = if is_planned { format!(", as of {start}") } else { String::new() };
            return std::iter::once(format!("{title} has started{since}")).chain(note).collect();
        }
        let mut lines = vec![format!("{title} starts at {start}")];
        lines.extend(note);
        if self.arguments.name.is_none() {
            lines.push("it has no name: to call it off, set `enabled = false` in its table".into());
        }
        lines
    }

    /// What a local time was read as, where the file's zone is UTC, as it is by default, and the machine's is another.
    fn zone_note(&self) -> Option<String> {
        let is_local = |written: Option<TimeLiteral>| matches!(written, Some(TimeLiteral::Local(_)));
        let (option, at) = if is_local(self.arguments.at) {
            ("--at", self.start)
        } else {
            ("--until", self.end.filter(|_| is_local(self.arguments.until))?)
        };
        let machine = TimeZone::system();
        let differs = self.zone.iana_name() == Some("UTC") && !machine.to_offset(at).is_zero();
        let note = || {
            format!(
                "{option} was read as UTC, the file's time zone: {} by this machine's clock",
                local(at, &machine)
            )
        };
        differs.then(note)
    }

    /// Gives the table of a period that is over the new values; what `start` has an option for and was not given goes.
    fn use_again(&self, index: usize, period: &Period) -> EditPlan<Vec<String>> {
        let mut set: Vec<_> = self.keys().into_iter().filter(|(key, _)| *key != "name").collect();
        if !period.enabled {
            set.push(("enabled", Literal::Bool(true)));
        }
        let is_set = |key: &&str| set.iter().any(|(name, _)| name == key);
        let remove = OPTIONS.into_iter().filter(|key| !is_set(key)).collect();
        EditPlan { changes: vec![Change::Alter { period: index, set, remove }], outcome: self.announcement() }
    }
}

/// The keys that `start` may write, beside the name and the start.
const OPTIONS: [&str; 6] = ["message", "end", "for", "unscheduled", "hosts", "paths"];

/// The keys of a scope, as far as it was given.
fn lists(hosts: &[String], paths: &[String]) -> Vec<(&'static str, Literal)> {
    let lists = [("hosts", hosts), ("paths", paths)].into_iter().filter(|(_, texts)| !texts.is_empty());
    lists.map(|(key, texts)| (key, Literal::Strings(texts.to_vec()))).collect()
}

/// Why a period of that name is not started.
fn refusal(period: &Period, config: &Config, now: Timestamp) -> EditRefusal {
    let state = match period.once() {
        None => "is recurring".into(),
        Some(_) if !period.enabled => "is not enabled".into(),
        Some(once) if once.start > now => {
            format!("has not started yet: it starts at {}", local(once.start, &config.timezone))
        }
        Some(_) => "cannot be started".into(),
    };
    let message = format!("{} (line {}) {state}", period.title(), period.line);
    cannot(&message, "give another name, or edit that period in the file")
}

fn cannot(message: &str, help: &str) -> EditRefusal {
    EditRefusal::Cannot(message.into(), help.into())
}

fn resolve(
    written: Option<TimeLiteral>,
    zone: &TimeZone,
    fold: Fold,
    option: &str,
) -> Result<Option<Timestamp>, EditRefusal> {
    let resolve = |written: TimeLiteral| written.resolve(zone, fold);
    let out_of_range = |fault: TimeError| cannot(&format!("{option}: {fault}"), TimeError::HELP);
    written.map(resolve).transpose().map_err(out_of_range)
}
