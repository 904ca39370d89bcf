//! Logs which periods begin and end by the clock.

use std::path::Path;

use tracing::info;

use crate::clock;
use crate::schedule::period::Period;
use crate::snapshot::Snapshot;
use crate::summary::StateFields;

/// The active periods that were last announced.
pub(super) struct AnnouncedPeriods {
    generation: u64,
    active: Vec<String>,
}

impl AnnouncedPeriods {
    /// Starts with the periods of `snapshot` that are active now.
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let phase = snapshot.phase(clock::now());
        let periods = snapshot.config.rules.schedule.periods();
        let active = phase.state.active.iter().filter_map(|active| periods.get(active.period));
        Self { generation: snapshot.generation, active: active.map(Period::title).collect() }
    }

    /// Logs which periods of `file` began or ended by the clock, in one line. Changes made by an edit were logged with the edit.
    /// Returns true if the state has changed, by the clock or by an edit.
    pub(super) fn update(&mut self, snapshot: &Snapshot, file: &Path) -> bool {
        let new = Self::new(snapshot);
        if new.generation == self.generation && new.active != self.active {
            let now = clock::now();
            let StateFields { state, until, period } = snapshot.state_fields(now);
            let (changes, file) = (changes(&self.active, &new.active), file.display());
            info!(state, until, period, %file, "{changes}: {}", snapshot.describe(now));
        }
        let has_changed = (new.generation, &new.active) != (self.generation, &self.active);
        *self = new;
        has_changed
    }
}

/// Says which periods have started and ended.
fn changes(before: &[String], after: &[String]) -> String {
    let started = after.iter().filter(|title| !before.contains(title));
    let ended = before.iter().filter(|title| !after.contains(title));
    let started = started.map(|title| format!("{title} has started"));
    started.chain(ended.map(|title| format!("{title} has ended"))).collect::<Vec<_>>().join(", ")
}
