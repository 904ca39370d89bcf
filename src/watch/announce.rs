//! Logs which periods begin and end by the clock.

use std::path::Path;

use jiff::Timestamp;
use tracing::info;

use crate::schedule::period::Period;
use crate::snapshot::Snapshot;
use crate::summary::StateFields;

/// The active periods that were last announced.
pub(super) struct AnnouncedPeriods {
    generation: u64,
    at: Timestamp,
    active: Vec<String>,
}

impl AnnouncedPeriods {
    /// Starts with the periods of `snapshot` that are active at `now`.
    pub(super) fn new(snapshot: &Snapshot, now: Timestamp) -> Self {
        let phase = snapshot.phase(now);
        let periods = snapshot.config.rules.schedule.periods();
        let active = phase.state.active.iter().filter_map(|active| periods.get(active.period));
        Self { generation: snapshot.generation, at: now, active: active.map(Period::title).collect() }
    }

    /// Logs which periods of `file` began or ended by the clock, in one line. Changes made by an edit were logged with the edit.
    /// Returns true if the state has changed, by the clock or by an edit.
    pub(super) fn update(&mut self, snapshot: &Snapshot, file: &Path, now: Timestamp) -> bool {
        let new = Self::new(snapshot, now);
        if new.generation == self.generation && new.active != self.active {
            let StateFields { state, until, period } = snapshot.state_fields(now);
            let (changes, file) = (self.changes(&new), file.display());
            info!(state, until, period, %file, "{changes}: {}", snapshot.describe(now));
        }
        let has_changed = (new.generation, &new.active) != (self.generation, &self.active);
        *self = new;
        has_changed
    }

    /// Says which periods have started and ended. If the clock was set back, they are planned or active again.
    fn changes(&self, after: &Self) -> String {
        let (started, ended, reason) = if after.at < self.at {
            ("is active again", "is planned again", ", as the clock was set back")
        } else {
            ("has started", "has ended", "")
        };
        let new = after.active.iter().filter(|title| !self.active.contains(title));
        let gone = self.active.iter().filter(|title| !after.active.contains(title));
        let changes = new.map(|title| format!("{title} {started}"));
        changes.chain(gone.map(|title| format!("{title} {ended}"))).collect::<Vec<_>>().join(", ") + reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(second: i64, active: &[&str]) -> AnnouncedPeriods {
        let active = active.iter().map(ToString::to_string).collect();
        AnnouncedPeriods { generation: 1, at: Timestamp::from_second(second).unwrap(), active }
    }

    #[test]
    fn a_clock_that_is_set_back_ends_no_period() {
        for (second, expected) in [
            (11, "b has started, a has ended"),
            (10, "b has started, a has ended"),
            (9, "b is active again, a is planned again, as the clock was set back"),
        ] {
            assert_eq!(announced(10, &["a", "c"]).changes(&announced(second, &["c", "b"])), expected);
        }
    }
}
