//! The reachability of the upstream, as requests have found it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

use jiff::Timestamp;

const UNKNOWN: u8 = 0;
const REACHED: u8 = 1;
const FAILED: u8 = 2;

/// The shortest time between two attempts that no visitor's request made, in milliseconds.
const MIN_INTERVAL: i64 = 1000;

/// The result of the last attempt to reach the upstream. Shared by all threads.
#[derive(Debug, Default)]
pub struct Reachability {
    last: AtomicU8,
    /// When an attempt was last claimed, in milliseconds since the epoch.
    claimed_at: AtomicI64,
    /// The attempts of visitors that have failed.
    failures: AtomicU64,
    /// True if the log has said that it is unreachable, and not yet that it is reachable again.
    is_reported: AtomicBool,
}

impl Reachability {
    /// Records the result of an attempt.
    pub fn record(&self, reached: bool) {
        let state = if reached { REACHED } else { FAILED };
        // Called for each request: storing an unchanged value would take the cache line from the other threads.
        if self.last.load(Ordering::Relaxed) != state {
            self.last.store(state, Ordering::Relaxed);
        }
    }

    /// Records a failed attempt of a visitor. Returns true if the log has to say so: it has not since the last success.
    pub fn record_failure(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.record(false);
        !self.is_reported.swap(true, Ordering::Relaxed)
    }

    /// Returns the number of failed attempts of visitors.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Returns true if the log has said that it is unreachable, and not yet that it is reachable again.
    pub fn is_reported(&self) -> bool {
        self.is_reported.load(Ordering::Relaxed)
    }

    /// Records that the log says that it is reachable again.
    pub fn report_success(&self) {
        self.is_reported.store(false, Ordering::Relaxed);
    }

    /// Returns true if the last attempt succeeded, and `None` if there was none.
    pub fn get(&self) -> Option<bool> {
        match self.last.load(Ordering::Relaxed) {
            UNKNOWN => None,
            state => Some(state == REACHED),
        }
    }

    /// Returns true if the caller should attempt to reach the upstream: the last attempt failed, and nobody else was told so
    /// within a second.
    pub fn claim_attempt(&self, now: Timestamp) -> bool {
        let now = now.as_millisecond();
        // If the clock was set back, the other time is of no use.
        let is_due = |claimed_at: i64| (now < claimed_at || now - claimed_at >= MIN_INTERVAL).then_some(now);
        self.get() == Some(false)
            && self.claimed_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_ok()
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

    #[test]
    fn only_the_first_failure_is_news_until_the_log_has_reported_a_success() {
        let reachability = Reachability::default();
        assert_eq!([reachability.record_failure(), reachability.record_failure()], [true, false]);
        reachability.record(true);
        assert!(!reachability.record_failure());
        reachability.report_success();
        assert!(reachability.record_failure());
        assert_eq!((reachability.failures(), reachability.get()), (4, Some(false)));
    }

    #[test]
    fn only_one_attempt_is_claimed_within_a_second_and_only_after_a_failure() {
        let reachability = Reachability::default();
        let claim =
            |millisecond| reachability.claim_attempt(Timestamp::from_millisecond(millisecond).unwrap());
        assert!(!claim(5000));
        reachability.record(false);
        let claims = [5000, 5999, 6000, 6001, 7000, 3000].map(claim);
        assert_eq!(claims, [true, false, true, false, true, true]);
        reachability.record(true);
        assert!(!claim(9000));
    }
}
