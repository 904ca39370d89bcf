//! The current and the next downtime, for the status path.

use jiff::Timestamp;

use crate::schedule::period::Occurrence;
use crate::schedule::state::{Schedule, ScheduleState};

/// The downtime of requests that nothing exempts. It holds until the next change of any period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The index of the deciding period, while the requests are down.
    pub period: Option<usize>,
    /// The time from which the requests pass, if known.
    pub until: Option<Timestamp>,
    /// The next downtime, if the current one has a known end.
    pub next: Option<Occurrence>,
}

impl Outlook {
    /// Creates the outlook at `now` for requests that are covered by the periods, given by index, for which `covers`
    /// returns true.
    pub fn new(
        schedule: &Schedule,
        state: &ScheduleState,
        covers: impl Fn(usize) -> bool,
        now: Timestamp,
    ) -> Self {
        let period = state.active.iter().map(|active| active.period).find(|&period| covers(period));
        let until = period.and_then(|_| state.passes_at(&covers, now));
        let ends = period.is_none() || until.is_some();
        let next = if ends { schedule.next_outage(state, until.unwrap_or(now), covers) } else { None };
        Self { period, until, next }
    }
}
