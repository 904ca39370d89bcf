//! A downtime as the options of `start` request it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::covered::Covered;
use super::{EditPlan, EditRefusal, StartArgs, cannot};
use crate::cli::edit::{date_time_literal, floor_to_second};
use crate::config::Config;
use crate::config::edit::{Change, Literal};
use crate::config::time::{TimeError, TimeLiteral};
use crate::schedule::human_time::local;
use crate::schedule::period::Period;
use crate::schedule::zone::Fold;

/// A requested downtime, with its times resolved.
pub(super) struct RequestedDowntime<'a> {
    pub(super) arguments: &'a StartArgs,
    /// The time zone of the file.
    pub(super) zone: &'a TimeZone,
    now: Timestamp,
    start: Timestamp,
    pub(super) end: Option<Timestamp>,
}

impl<'a> RequestedDowntime<'a> {
    /// Resolves the options at `now`.
    pub(super) fn new(
        arguments: &'a StartArgs,
        zone: &'a TimeZone,
        now: Timestamp,
    ) -> Result<Self, EditRefusal> {
        let at = resolve(arguments.at, zone, Fold::First, "--at")?;
        let start = at.unwrap_or_else(|| floor_to_second(now));
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
        if at.is_some_and(|at| at < floor_to_second(now)) && end.is_none_or(|end| end <= now) {
            let help = "omit --at to start now, or give an end in the future";
            return Err(cannot(&format!("--at is in the past: {}", local(start, zone)), help));
        }
        Ok(Self { arguments, zone, now, start, end })
    }

    /// Returns the index of the existing period of the name; without a name, of the active unscheduled one that has no
    /// name and the same scope.
    pub(super) fn period_to_change(&self, config: &Config) -> Option<usize> {
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

    /// Returns the keys and values of a new table.
    pub(super) fn keys(&self) -> Vec<(&'static str, Literal)> {
        let StartArgs { name, message, duration, hosts, paths, at, .. } = self.arguments;
        let mut keys = Vec::new();
        keys.extend(name.clone().map(|name| ("name", Literal::String(name))));
        keys.push(("start", date_time_literal(self.start, self.zone)));
        match duration {
            Some(duration) => {
                keys.push(("for", Literal::String(humantime::format_duration(*duration).to_string())));
            }
            None => keys.extend(self.end.map(|end| ("end", date_time_literal(end, self.zone)))),
        }
        keys.extend(at.is_none().then_some(("unscheduled", Literal::Bool(true))));
        keys.extend(message.clone().map(|message| ("message", Literal::String(message))));
        keys.extend(scope_keys(hosts, paths));
        keys
    }

    /// Returns the lines that report a new downtime.
    pub(super) fn announcement(&self) -> Vec<String> {
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
            lines.push("it has no name: to cancel it, set `enabled = false` in its table".into());
        }
        lines
    }

    /// Returns a note if a local time was read as UTC because that is the file's time zone, and the machine's is
    /// another.
    fn zone_note(&self) -> Option<String> {
        let is_local = |literal: Option<TimeLiteral>| matches!(literal, Some(TimeLiteral::Local(_)));
        let (option, at) = if is_local(self.arguments.at) {
            ("--at", self.start)
        } else {
            ("--until", self.end.filter(|_| is_local(self.arguments.until))?)
        };
        let machine = TimeZone::system();
        let differs = self.zone.iana_name() == Some("UTC") && !machine.to_offset(at).is_zero();
        let note = || {
            format!(
                "{option} was read as UTC, the file's time zone: that is {} in this machine's time zone",
                local(at, &machine)
            )
        };
        differs.then(note)
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
const OPTIONAL_KEYS: [&str; 6] = ["message", "end", "for", "unscheduled", "hosts", "paths"];

/// Returns the keys of the scope that are given.
pub(super) fn scope_keys(hosts: &[String], paths: &[String]) -> Vec<(&'static str, Literal)> {
    let lists = [("hosts", hosts), ("paths", paths)].into_iter().filter(|(_, texts)| !texts.is_empty());
    lists.map(|(key, texts)| (key, Literal::Strings(texts.to_vec()))).collect()
}

fn resolve(
    literal: Option<TimeLiteral>,
    zone: &TimeZone,
    fold: Fold,
    option: &str,
) -> Result<Option<Timestamp>, EditRefusal> {
    let resolve = |literal: TimeLiteral| literal.resolve(zone, fold);
    let out_of_range = |fault: TimeError| cannot(&format!("{option}: {fault}"), TimeError::HELP);
    literal.map(resolve).transpose().map_err(out_of_range)
}
