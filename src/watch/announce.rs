//! Logs which periods begin and end by the clock.

use tracing::info;

use crate::clock;
use crate::schedule::period::Period;
use crate::snapshot::Snapshot;

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

    /// Logs which periods began or ended by the clock. Changes made by an edit were logged with the edit.
    pub(super) fn update(&mut self, snapshot: &Snapshot) {
        let new = Self::new(snapshot);
        if new.generation == self.generation && new.active != self.active {
            let not_in = |list: &[String]| {
                let list = list.to_vec();
                move |title: &&String| !list.contains(title)
            };
            for title in new.active.iter().filter(not_in(&self.active)) {
                info!("{title} has started");
            }
            for title in self.active.iter().filter(not_in(&new.active)) {
                info!("{title} has ended");
            }
            info!("{}", snapshot.describe(clock::now()));
        }
        *self = new;
    }
}
