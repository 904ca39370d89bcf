//! `start` of a downtime that is active already: it gets the values that are given, and keeps the others.

use jiff::Timestamp;

use super::covered::Covered;
use super::{EditPlan, EditRefusal, RequestedDowntime, cannot, lists};
use crate::cli::edit::written;
use crate::config::Config;
use crate::config::edit::{Change, Literal};
use crate::matching::scope::Scope;
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};

/// What becomes of the table.
#[derive(Default)]
struct PeriodChanges {
    set: Vec<(&'static str, Literal)>,
    remove: Vec<&'static str>,
    lines: Vec<String>,
}

/// Applies what is given to the period, which runs. Its end is only ever moved later.
pub(super) fn change(
    wanted: &RequestedDowntime<'_>,
    config: &Config,
    index: usize,
    running: Occurrence,
) -> Result<EditPlan<Vec<String>>, EditRefusal> {
    let schedule = &config.rules.schedule;
    let title = schedule.periods().get(index).map_or_else(String::new, Period::title);
    let since = local(running.start, wanted.zone);
    if wanted.arguments.at.is_some() {
        let message = format!("{title} is already active, since {since}, so that --at cannot move its start");
        return Err(cannot(&message, "leave --at out to change the rest, or give another name"));
    }
    let mut changes = PeriodChanges {
        lines: vec![format!("{title} was already active, since {since}")],
        ..PeriodChanges::default()
    };
    changes.move_end(wanted, running.end);
    if let Some(message) = &wanted.arguments.message {
        changes.set.push(("message", Literal::String(message.clone())));
        changes.lines.push("its message is now the given one".into());
    }
    if let Some(period) = schedule.periods().get(index) {
        changes.replace_scope(wanted, &period.scope);
    }
    let PeriodChanges { set, remove, lines } = changes;
    Ok(EditPlan { changes: vec![Change::Alter { period: index, set, remove }], outcome: lines })
}

impl PeriodChanges {
    fn move_end(&mut self, wanted: &RequestedDowntime<'_>, end: Option<Timestamp>) {
        let at = |time: Timestamp| local(time, wanted.zone);
        let line = match (end, wanted.end) {
            (None, None) => "it stays open-ended".into(),
            (None, Some(asked)) => {
                format!("it stays open-ended: `start` only moves an end later, so not to {}", at(asked))
            }
            (Some(end), None) => {
                self.remove.extend(["end", "for"]);
                format!("it is open-ended now, and does not end at {} any more", at(end))
            }
            (Some(end), Some(asked)) if asked > end => {
                self.set.push(("end", written(asked, wanted.zone)));
                self.remove.push("for");
                format!("it ends at {} now, instead of {}", at(asked), at(end))
            }
            (Some(end), Some(asked)) if asked < end => {
                let [end, asked] = [end, asked].map(at);
                format!("it still ends at {end}: `start` only moves an end later, so not to {asked}")
            }
            (Some(end), Some(_)) => format!("it still ends at {}", at(end)),
        };
        self.lines.push(line);
    }

    fn replace_scope(&mut self, wanted: &RequestedDowntime<'_>, scope: &Scope) {
        let before = Covered::from_scope(scope);
        let after = before.with(Covered::from_options(wanted.arguments));
        if before != after {
            self.set.extend(lists(&wanted.arguments.hosts, &wanted.arguments.paths));
            self.lines.push(format!("it covers {after} now, instead of {before}"));
        }
    }
}
