//! Moves the end of an active period later.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::covered::Covered;
use super::draft::EditPlan;
use super::source::EditSource;
use super::times::date_time_literal;
use crate::config::edit::{Change, EditError, Literal};
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};

/// The keys that the continuation of a recurring period has in common with it.
const COMMON_KEYS: [&str; 6] = ["message", "hosts", "paths", "methods", "template", "redirect"];

/// The end that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewEnd {
    /// This much later than before.
    Later(Duration),
    /// At this time.
    At(Timestamp),
}

/// The reason why a period is not extended.
#[derive(Debug)]
pub enum ExtendFault {
    /// It is not active.
    NotActive,
    /// It would end after the year 9999.
    TooLate,
    /// It has no end that could be later.
    OpenEnded,
    /// The new end is before the current one.
    Earlier {
        /// The current end.
        end: Timestamp,
        /// The one asked for.
        new_end: Timestamp,
    },
    /// The new end is in the past.
    Past(Timestamp),
    /// The text does not allow it.
    Edit(EditError),
}

impl From<EditError> for ExtendFault {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

/// Moves the end of the active period of this index later. Of a recurring period, an unscheduled one-off period continues
/// where the running occurrence ends.
pub fn extend(
    source: &EditSource<'_>,
    index: usize,
    new_end: NewEnd,
) -> Result<EditPlan<Vec<String>>, ExtendFault> {
    let now = source.now;
    let zone = &source.config.timezone;
    let period = source.config.rules.schedule.periods().get(index).ok_or(EditError::Misread)?;
    let (mut changed, mut running) = (index, period.active(now).ok_or(ExtendFault::NotActive)?);
    let mut is_series = period.series().is_some();
    // A recurring period may have been extended before.
    if is_series && let Some((continued, occurrence)) = continuation(source, period, running) {
        (changed, running, is_series) = (continued, occurrence, false);
    }
    let end = resolve(running.end, new_end, now)?;
    match running.end.filter(|_| is_series) {
        Some(old_end) => Ok(continue_series(source, index, period, [old_end, end])?),
        None => Ok(move_end(changed, period, running.end, end, zone)),
    }
}

/// Appends a period that continues the running occurrence of a series from its end on.
fn continue_series(
    source: &EditSource<'_>,
    index: usize,
    period: &Period,
    [old_end, end]: [Timestamp; 2],
) -> Result<EditPlan<Vec<String>>, EditError> {
    let zone = &source.config.timezone;
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

/// Returns the end that is asked for, which is in the future and not before the current one.
fn resolve(end: Option<Timestamp>, new_end: NewEnd, now: Timestamp) -> Result<Timestamp, ExtendFault> {
    let new_end = match (new_end, end) {
        (NewEnd::At(at), _) => at,
        (NewEnd::Later(by), Some(end)) => end.checked_add(by).map_err(|_| ExtendFault::TooLate)?,
        (NewEnd::Later(_), None) => return Err(ExtendFault::OpenEnded),
    };
    if let Some(end) = end.filter(|end| new_end < *end) {
        return Err(ExtendFault::Earlier { end, new_end });
    }
    if new_end <= now { Err(ExtendFault::Past(new_end)) } else { Ok(new_end) }
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
