//! What a preview is for: a period that is in the file or that would begin now, or the upstream.

use jiff::Timestamp;

use super::{PreviewCause, PreviewFault, PreviewOptions};
use crate::config::Config;
use crate::decision::down_response::DownResponse;
use crate::matching::scope::Scope;
use crate::schedule::period::{Occurrence, Period, Timing};
use crate::schedule::state::Schedule;

/// What the page is shown for.
#[derive(Debug)]
pub(super) enum Subject {
    /// An occurrence of a period, with the period's index.
    Period(usize, Occurrence),
    /// A downtime that would begin now, because the file has no period to show.
    Start(usize, Occurrence),
    Unreachable,
}

impl Subject {
    /// Returns what the options name, and the time at which it is shown. Adds to `config` what is not there yet: a period that
    /// is to be shown is enabled, and a downtime that would begin now is a period.
    pub(super) fn new(
        config: &mut Config,
        options: &PreviewOptions,
        now: Timestamp,
    ) -> Result<(Self, Timestamp), PreviewFault> {
        match options.cause {
            PreviewCause::Unreachable => Ok((Self::Unreachable, options.at.unwrap_or(now))),
            PreviewCause::Period(index) => period(config, index, options.at, now),
            PreviewCause::ActiveOrNext => active_or_next(config, options.at, now),
        }
    }

    /// Returns the occurrence, with the index of its period.
    pub(super) fn period(&self) -> Option<(usize, Occurrence)> {
        match self {
            Self::Period(index, occurrence) | Self::Start(index, occurrence) => Some((*index, *occurrence)),
            Self::Unreachable => None,
        }
    }
}

/// Returns the occurrence of the period of this index that is active at `at`: by default, the running, the next or the last one.
fn period(
    config: &mut Config,
    index: usize,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(Subject, Timestamp), PreviewFault> {
    let mut periods = config.rules.schedule.periods().to_vec();
    if let Some(period) = periods.get_mut(index) {
        // The page of a period that is switched off can be seen before it is switched on.
        period.enabled = true;
    }
    let schedule = Schedule::new(periods);
    let found = schedule.periods().get(index).and_then(|period| occurrence(period, at, now));
    config.rules.schedule = schedule;
    found.map(|(occurrence, at)| (Subject::Period(index, occurrence), at)).ok_or(PreviewFault::NotActive(at))
}

/// Returns the occurrence of a period at `at`, or the running, the next or the last one, and the time at which it is shown.
fn occurrence(period: &Period, at: Option<Timestamp>, now: Timestamp) -> Option<(Occurrence, Timestamp)> {
    if let Some(at) = at {
        return period.active(at).map(|occurrence| (occurrence, at));
    }
    let last = || match &period.timing {
        Timing::Once(occurrence) => Some(*occurrence),
        Timing::Series(series) => series.last_start(now).map(|start| series.occurrence(start)),
    };
    let running = period.active(now).map(|occurrence| (occurrence, now));
    running.or_else(|| period.next(now).or_else(last).map(|occurrence| (occurrence, occurrence.start)))
}

/// Returns the period that decides at `at`, or else the next one; without any, a downtime that `start` would begin.
fn active_or_next(
    config: &mut Config,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(Subject, Timestamp), PreviewFault> {
    let time = at.unwrap_or(now);
    let schedule = &config.rules.schedule;
    if let Some(active) = schedule.at(time).active.first() {
        return Ok((Subject::Period(active.period, active.occurrence), time));
    }
    let next =
        schedule.periods().iter().enumerate().filter_map(|(index, period)| Some((index, period.next(time)?)));
    match next.min_by_key(|(_, occurrence)| occurrence.start) {
        Some((_, occurrence)) if at.is_some() => Err(PreviewFault::NoneActive(time, occurrence.start)),
        Some((index, occurrence)) => Ok((Subject::Period(index, occurrence), occurrence.start)),
        None => Ok((start(config, time), time)),
    }
}

/// Adds a period such as `downtime start` would.
fn start(config: &mut Config, at: Timestamp) -> Subject {
    let occurrence = Occurrence { start: at, end: None };
    let mut periods = config.rules.schedule.periods().to_vec();
    let index = periods.len();
    let (timing, scope) = (Timing::Once(occurrence), Scope::default());
    periods.push(Period { name: None, line: 0, file: None, enabled: true, unscheduled: true, timing, scope });
    config.rules.schedule = Schedule::new(periods);
    config.rules.responses.push(DownResponse {
        message: config.response.message.clone(),
        template: config.response.template.clone(),
        own_template: None,
        redirect: config.response.redirect.clone(),
    });
    Subject::Start(index, occurrence)
}
