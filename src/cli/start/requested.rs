//! A downtime as the options of `start` request it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::covered::Covered;
use super::{DowntimeArgs, EditPlan, EditRefusal, StartArgs, cannot};
use crate::cli::edit::{date_time_literal, floor_to_second};
use crate::cli::time_arg::TimeArg;
use crate::config::Config;
use crate::config::edit::{Change, Literal};
use crate::config::time::TimeError;
use crate::schedule::human_time::local;
use crate::schedule::period::Period;
use crate::schedule::zone::Fold;

/// The start of a downtime that is planned, instead of one that starts now.
pub(crate) struct PlannedStart {
    /// The option that sets it.
    pub(super) option: &'static str,
    at: Timestamp,
    notes: Vec<String>,
}

impl PlannedStart {
    /// Resolves `--at` and `--in` at `now`.
    pub(super) fn new(
        arguments: &StartArgs,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Option<Self>, EditRefusal> {
        if let Some(delay) = arguments.delay {
            let at = now.checked_add(delay).map_err(|_| {
                cannot("--in: the downtime would start after the year 9999", "write a shorter duration")
            })?;
            return Ok(Some(Self { option: "--in", at: floor_to_second(at), notes: Vec::new() }));
        }
        let Some(time) = arguments.at else { return Ok(None) };
        let option = "--at";
        let at = resolve(time, zone, Fold::First, now, option)?;
        Ok(Some(Self { option, at, notes: notes(time, option, at, zone) }))
    }
}

/// A requested downtime, with its times resolved.
pub(crate) struct RequestedDowntime<'a> {
    pub(super) arguments: &'a DowntimeArgs,
    /// The start, unless that is now.
    pub(super) planned: Option<PlannedStart>,
    /// The time zone of the file.
    pub(super) zone: &'a TimeZone,
    /// What the times mean, where that is not obvious.
    pub(super) notes: Vec<String>,
    now: Timestamp,
    pub(crate) start: Timestamp,
    pub(super) end: Option<Timestamp>,
}

impl<'a> RequestedDowntime<'a> {
    /// Resolves the options at `now`.
    pub(crate) fn new(
        arguments: &'a DowntimeArgs,
        mut planned: Option<PlannedStart>,
        zone: &'a TimeZone,
        now: Timestamp,
    ) -> Result<Self, EditRefusal> {
        let mut notes = planned.as_mut().map_or_else(Vec::new, |planned| std::mem::take(&mut planned.notes));
        let at = planned.as_ref().map(|planned| planned.at);
        let start = at.unwrap_or_else(|| floor_to_second(now));
        let until = arguments.until.map(|until| resolve_end(until, zone, start.max(now))).transpose()?;
        if let Some((time, at)) = arguments.until.zip(until) {
            notes.extend(self::notes(time, "--until", at, zone));
        }
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
        if at.is_some_and(|at| at < floor_to_second(now)) && end.is_none_or(|end| end <= now) {
            let help = "omit --at to start now, or give an end in the future";
            return Err(cannot(&format!("--at is in the past: {}", local(start, zone)), help));
        }
        Ok(Self { arguments, planned, zone, notes, now, start, end })
    }

    /// Returns the index of the existing period of the name; without a name, of the active unscheduled one that has no
    /// name and the same scope.
    pub(crate) fn period_to_change(&self, config: &Config) -> Option<usize> {
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
            .filter(|_| self.planned.is_none())
            .find(|&index| schedule.periods().get(index).is_some_and(is_same))
    }

    /// Returns the keys and values of a new table.
    pub(super) fn keys(&self) -> Vec<(&'static str, Literal)> {
        let DowntimeArgs { name, message, duration, .. } = self.arguments;
        let mut keys = Vec::new();
        keys.extend(name.clone().map(|name| ("name", Literal::String(name))));
        keys.push(("start", date_time_literal(self.start, self.zone)));
        match duration {
            Some(duration) => {
                keys.push(("for", Literal::String(humantime::format_duration(*duration).to_string())));
            }
            None => keys.extend(self.end.map(|end| ("end", date_time_literal(end, self.zone)))),
        }
        keys.extend(self.planned.is_none().then_some(("unscheduled", Literal::Bool(true))));
        keys.extend(message.clone().map(|message| ("message", Literal::String(message))));
        keys.extend(scope_keys(self.arguments));
        keys
    }

    /// Returns the lines that report a new downtime.
    pub(super) fn announcement(&self) -> Vec<String> {
        let is_planned = self.planned.is_some();
        let title = match &self.arguments.name {
            Some(name) => format!("\"{name}\""),
            None if is_planned => "a planned downtime".into(),
            None => "an unscheduled downtime".into(),
        };
        let start = local(self.start, self.zone);
        let line = if self.start > self.now {
            format!("{title} starts at {start}")
        } else if is_planned {
            format!("{title} has started, as of {start}")
        } else {
            format!("{title} has started")
        };
        std::iter::once(line).chain(self.notes.iter().cloned()).collect()
    }

    /// Writes the new values to the table of a period that is over, and removes those of options that are not given.
    pub(super) fn reuse(&self, index: usize, period: &Period) -> EditPlan<Vec<String>> {
        let mut set: Vec<_> = self.keys().into_iter().filter(|(key, _)| *key != "name").collect();
        if !period.enabled {
            set.push(("enabled", Literal::Bool(true)));
        }
        let is_set = |key: &&str| set.iter().any(|(name, _)| name == key);
        let remove = OPTIONAL_KEYS.into_iter().filter(|key| !is_set(key)).collect();
        EditPlan { changes: vec![Change::Alter { period: index, set, remove }], outcome: self.announcement() }
    }
}

/// The keys that `start` may write besides the name and the start.
const OPTIONAL_KEYS: [&str; 7] = ["message", "end", "for", "unscheduled", "hosts", "paths", "methods"];

/// Returns the keys of the scope that are given.
pub(super) fn scope_keys(arguments: &DowntimeArgs) -> Vec<(&'static str, Literal)> {
    let DowntimeArgs { hosts, paths, methods, .. } = arguments;
    let lists = [("hosts", hosts), ("paths", paths), ("methods", methods)];
    let given = lists.into_iter().filter(|(_, texts)| !texts.is_empty());
    given.map(|(key, texts)| (key, Literal::Strings(texts.clone()))).collect()
}

/// Resolves `--until`. A time of day is the next one after `after`.
pub(crate) fn resolve_end(
    until: TimeArg,
    zone: &TimeZone,
    after: Timestamp,
) -> Result<Timestamp, EditRefusal> {
    resolve(until, zone, Fold::Second, after, "--until")
}

/// Resolves the time of an option. A time of day is the next one after `after`.
fn resolve(
    time: TimeArg,
    zone: &TimeZone,
    fold: Fold,
    after: Timestamp,
    option: &str,
) -> Result<Timestamp, EditRefusal> {
    time.resolve(zone, fold, after).map_err(|fault| cannot(&format!("{option}: {fault}"), TimeError::HELP))
}

/// Returns what the time of an option means in full, and whether it was read in another time zone than the machine's.
fn notes(time: TimeArg, option: &str, at: Timestamp, zone: &TimeZone) -> Vec<String> {
    let in_full = time.in_full(option, at, zone);
    in_full.into_iter().chain(utc_note(time, option, at, zone)).collect()
}

/// Returns a note if a local time was read as UTC because that is the file's time zone, and the machine's is another.
fn utc_note(time: TimeArg, option: &str, at: Timestamp, zone: &TimeZone) -> Option<String> {
    if !time.is_local() || zone.iana_name() != Some("UTC") {
        return None;
    }
    let machine = TimeZone::system();
    let differs = !machine.to_offset(at).is_zero();
    differs.then(|| {
        format!(
            "{option} was read as UTC, the file's time zone: that is {} in this machine's time zone",
            local(at, &machine)
        )
    })
}
