//! Whether the upstream can be reached, as far as requests have found out.

use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const REACHED: u8 = 1;
const FAILED: u8 = 2;

/// Whether the last attempt to reach the upstream succeeded. Shared by all threads.
#[derive(Debug, Default)]
pub struct Reachability(AtomicU8);

impl Reachability {
    /// Notes how an attempt ended.
    pub fn note(&self, reached: bool) {
        let state = if reached { REACHED } else { FAILED };
        // Each request comes by here: a store would take the cache line from the other threads.
        if self.0.load(Ordering::Relaxed) != state {
            self.0.store(state, Ordering::Relaxed);
        }
    }

    /// Whether the last attempt succeeded; `None` where there was none.
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
            reachability.note(reached);
            assert_eq!(reachability.get(), Some(reached));
        }
    }
}
