//! The reachability of the upstream, as requests have found it.

use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const REACHED: u8 = 1;
const FAILED: u8 = 2;

/// The result of the last attempt to reach the upstream. Shared by all threads.
#[derive(Debug, Default)]
pub struct Reachability(AtomicU8);

impl Reachability {
    /// Records the result of an attempt.
    pub fn record(&self, reached: bool) {
        let state = if reached { REACHED } else { FAILED };
        // Called for each request: storing an unchanged value would take the cache line from the other threads.
        if self.0.load(Ordering::Relaxed) != state {
            self.0.store(state, Ordering::Relaxed);
        }
    }

    /// Returns true if the last attempt succeeded, and `None` if there was none.
    pub fn get(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            UNKNOWN => None,
            state => Some(state == REACHED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_counts() {
        let reachability = Reachability::default();
        assert_eq!(reachability.get(), None);
        for reached in [true, true, false, true] {
            reachability.record(reached);
            assert_eq!(reachability.get(), Some(reached));
        }
    }
}
