//! The time that edits take until they are applied.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::watching::Watching;
use super::{await_message, config_with_message};
use crate::support::process::GatewayProcess;

/// The times from each of several edits until a response shows it, in ascending order.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Makes edits with these numbers, each with the message `edit NUMBER`, and awaits each.
    pub(crate) fn measure(
        gateway: &GatewayProcess,
        numbers: RangeInclusive<usize>,
        edit: impl Fn(&GatewayProcess, &str),
    ) -> Self {
        let measure = |number| {
            let message = format!("edit {number}");
            edit(gateway, &config_with_message(&message));
            await_message(gateway, &message)
        };
        Self::from(numbers.map(measure).collect::<Vec<_>>())
    }

    /// Asserts that 99 % of the edits were applied in time.
    pub(crate) fn assert_in_time(&self, watching: Watching) {
        assert!(self.percentile(99) < watching.in_time(), "{self}");
    }

    /// Returns a percentile by the lower rank, so that one of 50 edits may be slower than the 99th.
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
        let [p50, p99, max] = [50, 99, 100].map(|percent| self.percentile(percent));
        write!(f, "{} edits, p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}", self.0.len())
    }
}
