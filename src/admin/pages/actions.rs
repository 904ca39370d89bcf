//! What can be done to a period by one button: end, extend, enable, disable and delete. The pages that ask first.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::confirm::confirm;
use super::identity::{find_moved, find_period, period_ids};
use super::listed::moment;
use super::problem::{Problem, ProblemItem, sentence};
use super::save::{self, Plan, conflict};
use super::visit::Visit;
use crate::config::Config;
use crate::config::edit::{Change, EditError, Literal};
use crate::config::time::TimeLiteral;
use crate::editing::{
    EditPlan, EditRefusal, EditSource, Ended, ExtendFault, NewEnd, end_periods, extend, parse_duration,
};
use crate::schedule::period::Period;
use crate::schedule::zone::Fold;

/// What can be done to a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeriodAction {
    End,
    Extend,
    Enable,
    Disable,
    Delete,
}

impl PeriodAction {
    /// Returns the action that the last segment of a path names.
    pub(super) fn from_segment(segment: &str) -> Option<Self> {
        Some(match segment {
            "end" => Self::End,
            "extend" => Self::Extend,
            "enable" => Self::Enable,
            "disable" => Self::Disable,
            "delete" => Self::Delete,
            _ => return None,
        })
    }

    pub(super) fn segment(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Extend => "extend",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }

    /// Returns the words of the button.
    pub(super) fn button(self) -> &'static str {
        match self {
            Self::End => "End it now",
            Self::Extend => "Extend it",
            Self::Enable => "Enable it",
            Self::Disable => "Disable it",
            Self::Delete => "Delete it",
        }
    }
}

/// Responds with the page that asks before an action.
pub(super) fn ask(visit: &Visit<'_>, id: &str, action: PeriodAction) -> Result<Response<Bytes>, Problem> {
    let config = visit.valid()?;
    let index =
        find_period(config.rules.schedule.periods(), &visit.ids, id).ok_or_else(Problem::not_found)?;
    Ok(confirm(visit, config, index, action, None))
}

/// Carries out an action.
pub(super) fn carry_out(
    visit: &Visit<'_>,
    id: &str,
    action: PeriodAction,
) -> Result<Response<Bytes>, Problem> {
    let config = visit.valid()?;
    let found =
        find_period(config.rules.schedule.periods(), &visit.ids, id).or_else(|| find_moved(&visit.ids, id));
    let Some(index) = found else { return Err(conflict(visit).unwrap_or_else(Problem::not_found)) };
    let outcome = conflict(visit).map_or_else(|| act(visit, config, index, action), Err);
    match outcome {
        Err(problem) if !visit.request.wants_json => Ok(confirm(visit, config, index, action, Some(problem))),
        outcome => outcome,
    }
}

fn act(
    visit: &Visit<'_>,
    config: &Config,
    index: usize,
    action: PeriodAction,
) -> Result<Response<Bytes>, Problem> {
    let new_end = if action == PeriodAction::Extend { Some(new_end(visit, config, index)?) } else { None };
    let id = visit.ids.get(index).cloned().unwrap_or_default();
    let plan = |source: &EditSource<'_>| {
        let periods = source.config.rules.schedule.periods();
        let index = find_period(periods, &period_ids(source), &id).ok_or(EditRefusal::Changed)?;
        let period = periods.get(index).ok_or(EditRefusal::Changed)?;
        planned(source, index, period, action, new_end)
    };
    let item = |diagnostic: &_| ProblemItem::from(diagnostic);
    let saved = save::edit(visit, StatusCode::OK, item, plan)?;
    Ok(saved.respond(visit, Value::Null))
}

fn planned(
    source: &EditSource<'_>,
    index: usize,
    period: &Period,
    action: PeriodAction,
    new_end: Option<NewEnd>,
) -> Result<Plan, EditRefusal> {
    let title = period.title();
    match action {
        PeriodAction::End => {
            let EditPlan { changes, outcome: Ended { lines, .. } } =
                end_periods(source.config, [(index, period)], source.now);
            Ok(EditPlan { changes, outcome: lines })
        }
        PeriodAction::Extend => {
            let new_end = new_end.ok_or(EditError::Misread)?;
            extend(source, index, new_end).map_err(|fault| not_extended(fault, source.config))
        }
        PeriodAction::Enable | PeriodAction::Disable => {
            let enabled = action == PeriodAction::Enable;
            let set = vec![("enabled", Literal::Bool(enabled))];
            let word = if enabled { "enabled" } else { "disabled" };
            if period.enabled == enabled {
                return Ok(EditPlan {
                    changes: Vec::new(),
                    outcome: vec![format!("{title} already is {word}")],
                });
            }
            let changes = vec![Change::Alter { period: index, set, remove: Vec::new() }];
            Ok(EditPlan { changes, outcome: vec![format!("{title} is now {word}")] })
        }
        PeriodAction::Delete => {
            let changes = vec![Change::Remove { period: index }];
            Ok(EditPlan { changes, outcome: vec![format!("deleted {title}")] })
        }
    }
}

/// Returns the new end that was typed.
fn new_end(visit: &Visit<'_>, config: &Config, index: usize) -> Result<NewEnd, Problem> {
    let wrong = |field: &str, message: String, help: &str| {
        Problem::of_values(vec![ProblemItem::of_field(field, message, help)])
    };
    match (visit.typed("by"), visit.typed("until")) {
        (Some(by), None) => {
            let by: Result<Duration, _> = parse_duration(by);
            by.map(NewEnd::Later).map_err(|message| wrong("by", sentence(&message), "For example 30m"))
        }
        (None, Some(until)) => {
            let period = config.rules.schedule.periods().get(index);
            let zone = period.map_or(&config.timezone, |period| period.zone(&config.timezone));
            let at = TimeLiteral::parse(until).and_then(|time| time.resolve(zone, Fold::Second));
            at.map(NewEnd::At).map_err(|error| {
                wrong(
                    "until",
                    sentence(&error.to_string()),
                    "Write a date and a time, such as 2026-12-01T22:00",
                )
            })
        }
        (None, None) => {
            Err(wrong("by", "Say how much longer it lasts, or until when".to_owned(), "For example 30m"))
        }
        (Some(_), Some(_)) => {
            Err(wrong("until", "Only one of the two can be used".to_owned(), "Leave the other one empty"))
        }
    }
}

fn not_extended(fault: ExtendFault, config: &Config) -> EditRefusal {
    let zone = &config.timezone;
    let (message, help) = match fault {
        ExtendFault::NotActive => ("it is not active".to_owned(), "edit its end instead"),
        ExtendFault::TooLate => ("it would end after the year 9999".to_owned(), "write a shorter time"),
        ExtendFault::OpenEnded => {
            ("it has no end that could be later".to_owned(), "write until when it lasts")
        }
        ExtendFault::Earlier { end, .. } => (
            format!("it already ends at {}, which is later", moment(end, zone)),
            "write a later time, or end it",
        ),
        ExtendFault::Past(at) => (format!("{} is in the past", moment(at, zone)), "write a later time"),
        ExtendFault::Edit(error) => return error.into(),
    };
    EditRefusal::cannot(message, help)
}
