//! How long edits take to be seen.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::watching::Watching;
use super::{await_message, saying};
use crate::support::process::Gateway;

/// How long each of some edits took from when it was made until it was seen over HTTP, the shortest first.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Makes the edits of these numbers, each with a message `edit NUMBER`, and awaits each.
    pub(crate) fn of(
        gateway: &Gateway,
        numbers: RangeInclusive<usize>,
        edit: impl Fn(&Gateway, &str),
    ) -> Self {
        let one = |number| {
            let message = format!("edit {number}");
            edit(gateway, &saying(&message));
            await_message(gateway, &message)
        };
        Self::from(numbers.map(one).collect::<Vec<_>>())
    }

    /// Asserts that 99 in a hundred were in time.
    pub(crate) fn assert_in_time(&self, watching: Watching) {
        assert!(self.percentile(99) < watching.in_time(), "{self}");
    }

    /// The share of a hundred that was no slower than this: by the rank below, so that of 50 one may be slower.
    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() - 1) * percent / 100]
    }
}

impl From<Vec<Duration>> for Latencies {
    fn from(mut latencies: Vec<Duration>) -> Self {
        latencies.sort();
        Self(latencies)
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [half, most, all] = [50, 99, 100].map(|percent| self.percentile(percent));
        write!(f, "{} edits, p50 {half:.1?}, p99 {most:.1?}, max {all:.1?}", self.0.len())
    }
}
