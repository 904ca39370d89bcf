//! `start` for a period that is already active: changes the given values and keeps the others.

use jiff::Timestamp;

use super::covered::Covered;
use super::requested::{PlannedStart, RequestedDowntime, scope_keys};
use super::{EditPlan, EditRefusal, cannot};
use crate::cli::edit::date_time_literal;
use crate::config::Config;
use crate::config::edit::{Change, Literal};
use crate::matching::scope::Scope;
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};

/// The changes of the table, and the lines that report them.
#[derive(Default)]
struct PeriodChanges {
    set: Vec<(&'static str, Literal)>,
    remove: Vec<&'static str>,
    lines: Vec<String>,
}

/// Applies the given values to the active period. Its end is never moved earlier.
pub(super) fn change(
    requested: &RequestedDowntime<'_>,
    config: &Config,
    index: usize,
    running: Occurrence,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let schedule = &config.rules.schedule;
    let title = schedule.periods().get(index).map_or_else(String::new, Period::title);
    let since = local(running.start, requested.zone);
    if let Some(PlannedStart { option, .. }) = requested.planned {
        let message = format!("{title} is already active, since {since}: {option} cannot move its start");
        let help = format!("omit {option} to change the rest, or use another name");
        return Err(cannot(&message, &help));
    }
    let mut changes = PeriodChanges {
        lines: std::iter::once(format!("{title} was already active, since {since}"))
            .chain(requested.notes.iter().cloned())
            .collect(),
        ..PeriodChanges::default()
    };
    changes.move_end(requested, running.end);
    if let Some(message) = &requested.arguments.message {
        changes.set.push(("message", Literal::String(message.clone())));
        changes.lines.push("its message was replaced".into());
    }
    if let Some(period) = schedule.periods().get(index) {
        changes.replace_scope(requested, &period.scope);
    }
    let PeriodChanges { set, remove, lines } = changes;
    Ok(EditPlan { changes: vec![Change::Alter { period: index, set, remove }], outcome: lines })
}

impl PeriodChanges {
    fn move_end(&mut self, requested: &RequestedDowntime<'_>, end: Option<Timestamp>) {
        let at = |time: Timestamp| local(time, requested.zone);
        let line = match (end, requested.end) {
            (None, None) => "it stays open-ended".into(),
            (None, Some(end)) => {
                format!("it stays open-ended: `start` only moves an end later, and {} is earlier", at(end))
            }
            (Some(end), None) => {
                self.remove.extend(["end", "for"]);
                format!("it is now open-ended, and no longer ends at {}", at(end))
            }
            (Some(end), Some(new_end)) if new_end > end => {
                self.set.push(("end", date_time_literal(new_end, requested.zone)));
                self.remove.push("for");
                format!("it now ends at {} instead of {}", at(new_end), at(end))
            }
            (Some(end), Some(new_end)) if new_end < end => {
                let [end, new_end] = [end, new_end].map(at);
                format!("it still ends at {end}: `start` only moves an end later, and {new_end} is earlier")
            }
            (Some(end), Some(_)) => format!("it still ends at {}", at(end)),
        };
        self.lines.push(line);
    }

    fn replace_scope(&mut self, requested: &RequestedDowntime<'_>, scope: &Scope) {
        let before = Covered::from_scope(scope);
        let after = before.with(Covered::from_options(requested.arguments));
        if before != after {
            self.set.extend(scope_keys(requested.arguments));
            self.lines.push(format!("it now covers {after} instead of {before}"));
        }
    }
}
