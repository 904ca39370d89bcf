//! A downtime that is asked for: `start`, `during`, and the button of the admin page.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::covered::Covered;
use super::draft::EditPlan;
use super::failure::EditRefusal;
use super::times::{date_time_literal, floor_to_second};
use crate::config::edit::{Change, EditError, Literal};
use crate::config::{Config, duration};
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};

/// A downtime that is asked for, with its times resolved.
#[derive(Clone, Debug)]
pub struct RequestedDowntime {
    /// The name of the period.
    pub name: Option<String>,
    /// The message to visitors.
    pub message: Option<Literal>,
    /// The hosts that it covers; empty for all.
    pub hosts: Vec<String>,
    /// The globs of the paths that it covers; empty for all.
    pub paths: Vec<String>,
    /// The methods that it covers; empty for all.
    pub methods: Vec<String>,
    /// True if the start was given, and is not now: the downtime is planned.
    pub is_planned: bool,
    /// The start.
    pub start: Timestamp,
    /// The end; without one, it is open-ended.
    pub end: Option<Timestamp>,
    /// The length, if the end was given as such.
    pub duration: Option<Duration>,
    /// The time zone of the file.
    pub zone: TimeZone,
    /// What the times mean, where that is not obvious.
    pub notes: Vec<String>,
    /// The time at which it is asked for.
    pub now: Timestamp,
}

/// The reason why the times of a downtime make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DowntimeFault {
    /// The end is in the past.
    EndPast,
    /// The end is not after the start.
    EndNotAfterStart,
    /// The start is in the past, and the end is not in the future.
    StartPast,
}

impl DowntimeFault {
    /// Returns what is wrong with an end that was given as a time.
    fn of_end(start: Timestamp, end: Timestamp, now: Timestamp) -> Option<Self> {
        let fault = if end <= now { Self::EndPast } else { Self::EndNotAfterStart };
        (end <= start.max(now)).then_some(fault)
    }

    /// Returns what is wrong with the start of a downtime that is planned.
    pub fn of_start(start: Timestamp, end: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        let is_over = start < floor_to_second(now) && end.is_none_or(|end| end <= now);
        is_over.then_some(Self::StartPast)
    }
}

impl RequestedDowntime {
    /// Returns the same downtime, started at another time than planned.
    #[must_use]
    pub fn starting_at(&self, now: Timestamp) -> Self {
        let start = floor_to_second(now);
        let end = self.duration.and_then(|duration| start.checked_add(duration).ok()).or(self.end);
        Self { start, end, now, ..self.clone() }
    }

    /// Returns what is wrong with the times.
    pub fn fault(&self) -> Option<DowntimeFault> {
        let Self { start, end, now, .. } = *self;
        if self.duration.is_none()
            && let Some(fault) = end.and_then(|end| DowntimeFault::of_end(start, end, now))
        {
            return Some(fault);
        }
        DowntimeFault::of_start(start, end, now).filter(|_| self.is_planned)
    }

    /// Returns the requests that it covers.
    pub(super) fn covered(&self) -> Covered {
        Covered::from_texts(&self.hosts, &self.paths, &self.methods)
    }

    /// Returns the index of the existing period of the name; without a name, of the active unscheduled one that has no
    /// name and the same scope.
    fn period_to_change(&self, config: &Config) -> Option<usize> {
        let schedule = &config.rules.schedule;
        let name = &self.name;
        if name.is_some() {
            return schedule.periods().iter().position(|period| period.name == *name);
        }
        let covered = self.covered();
        let is_same = |period: &Period| {
            period.name.is_none()
                && period.unscheduled
                && period.once().is_some()
                && Covered::from_scope(&period.scope) == covered
        };
        let active = schedule.at(self.now).active.into_iter().map(|active| active.period);
        active.filter(|_| !self.is_planned).find(|&index| schedule.periods().get(index).is_some_and(is_same))
    }

    /// Returns the existing period with its index, if it is active.
    pub fn running<'c>(&self, config: &'c Config) -> Option<(usize, &'c Period, Occurrence)> {
        let index = self.period_to_change(config)?;
        let period = config.rules.schedule.periods().get(index)?;
        Some((index, period, period.active(self.now)?))
    }

    /// Returns the keys and values of a new table.
    pub(super) fn keys(&self) -> Vec<(&'static str, Literal)> {
        let Self { name, message, duration, .. } = self;
        let mut keys = Vec::new();
        keys.extend(name.clone().map(|name| ("name", Literal::String(name))));
        keys.push(("start", date_time_literal(self.start, &self.zone)));
        match duration {
            Some(duration) => {
                keys.push(("for", Literal::String(duration::format(*duration))));
            }
            None => keys.extend(self.end.map(|end| ("end", date_time_literal(end, &self.zone)))),
        }
        keys.extend((!self.is_planned).then_some(("unscheduled", Literal::Bool(true))));
        keys.extend(message.clone().map(|message| ("message", message)));
        keys.extend(self.scope_keys());
        keys
    }

    /// Returns the lines that report a new downtime.
    pub(super) fn announcement(&self) -> Vec<String> {
        let is_planned = self.is_planned;
        let title = match &self.name {
            Some(name) => format!("\"{name}\""),
            None if is_planned => "a planned downtime".into(),
            None => "an unscheduled downtime".into(),
        };
        let start = local(self.start, &self.zone);
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

    /// Returns the keys of the scope that are given.
    pub(super) fn scope_keys(&self) -> Vec<(&'static str, Literal)> {
        let lists = [("hosts", &self.hosts), ("paths", &self.paths), ("methods", &self.methods)];
        let given = lists.into_iter().filter(|(_, texts)| !texts.is_empty());
        given.map(|(key, texts)| (key, Literal::Strings(texts.clone()))).collect()
    }
}

/// The keys that `start` may write besides the name and the start.
const OPTIONAL_KEYS: [&str; 7] = ["message", "end", "for", "unscheduled", "hosts", "paths", "methods"];

/// Writes a period that is not active: a new one, or one of this name that is over.
pub fn write_period(
    requested: &RequestedDowntime,
    config: &Config,
    now: Timestamp,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let Some(index) = requested.period_to_change(config) else {
        let changes = vec![Change::Append(requested.keys())];
        return Ok(EditPlan { changes, outcome: requested.announcement() });
    };
    match config.rules.schedule.periods().get(index) {
        Some(period) if period.once().is_some() && period.is_over(now) => Ok(requested.reuse(index, period)),
        Some(period) => Err(refusal(period, config, now)),
        None => Err(EditRefusal::from(EditError::Misread)),
    }
}

/// Explains why an existing period of the name cannot be started.
fn refusal(period: &Period, config: &Config, now: Timestamp) -> EditRefusal {
    let state = match period.once() {
        None => ": it is recurring".into(),
        Some(_) if !period.enabled => ": it is disabled".into(),
        Some(once) if once.start > now => {
            format!(": it is planned to start at {}", local(once.start, &config.timezone))
        }
        Some(_) => String::new(),
    };
    let message = format!("cannot start {}{state}", period.full_title());
    EditRefusal::cannot(message, "use another name, or edit that period in the file")
}
