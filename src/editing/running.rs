//! A downtime that is asked for while its period is already active: changes the given values and keeps the others.

use jiff::Timestamp;

use super::covered::Covered;
use super::downtime::RequestedDowntime;
use super::draft::EditPlan;
use super::times::date_time_literal;
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
pub fn change_running(
    requested: &RequestedDowntime,
    (index, period, running): (usize, &Period, Occurrence),
) -> EditPlan<Vec<String>> {
    let title = period.title();
    let since = local(running.start, &requested.zone);
    let mut changes = PeriodChanges {
        lines: std::iter::once(format!("{title} was already active, since {since}"))
            .chain(requested.notes.iter().cloned())
            .collect(),
        ..PeriodChanges::default()
    };
    changes.move_end(requested, running.end);
    if let Some(message) = &requested.message {
        changes.set.push(("message", message.clone()));
        changes.lines.push("its message was replaced".into());
    }
    changes.replace_scope(requested, &period.scope);
    let PeriodChanges { set, remove, lines } = changes;
    EditPlan { changes: vec![Change::Alter { period: index, set, remove }], outcome: lines }
}

impl PeriodChanges {
    fn move_end(&mut self, requested: &RequestedDowntime, end: Option<Timestamp>) {
        let at = |time: Timestamp| local(time, &requested.zone);
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
                self.set.push(("end", date_time_literal(new_end, &requested.zone)));
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

    fn replace_scope(&mut self, requested: &RequestedDowntime, scope: &Scope) {
        let before = Covered::from_scope(scope);
        let after = before.with(requested.covered());
        if before != after {
            self.set.extend(requested.scope_keys());
            self.lines.push(format!("it now covers {after} instead of {before}"));
        }
    }
}
