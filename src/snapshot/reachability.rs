//! The reachability of the upstream, as requests have found it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

use jiff::Timestamp;

const UNKNOWN: u8 = 0;
const REACHED: u8 = 1;
/// There was no connection.
const UNCONNECTED: u8 = 2;
/// There was a connection, but no response that can be forwarded. Another connection proves nothing.
const UNANSWERED: u8 = 3;

/// The shortest time between two attempts to connect that no visitor's request made, in milliseconds.
const MIN_INTERVAL: i64 = 1000;
/// The shortest time between two requests that pages are told to try, in milliseconds.
const MIN_TRIAL_INTERVAL: i64 = 30_000;

/// The result of the last attempt to reach the upstream. Shared by all threads.
#[derive(Debug, Default)]
pub struct Reachability {
    last: AtomicU8,
    /// When an attempt or a trial was last claimed, in milliseconds since the epoch.
    claimed_at: AtomicI64,
    /// The attempts of visitors that have failed.
    failures: AtomicU64,
    /// True if the log has said that it is unreachable, and not yet that it is reachable again.
    is_reported: AtomicBool,
}

impl Reachability {
    /// Records a response.
    pub fn record_response(&self) {
        self.record(REACHED);
    }

    /// Records a connection without a request. It says nothing about an upstream that accepts connections, but does not respond.
    pub fn record_connection(&self) {
        let _ = self.last.compare_exchange(UNCONNECTED, REACHED, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn record(&self, state: u8) {
        // Called for each request: storing an unchanged value would take the cache line from the other threads.
        if self.last.load(Ordering::Relaxed) != state {
            self.last.store(state, Ordering::Relaxed);
        }
    }

    /// Records a failed attempt of a visitor, with or without a connection. Returns true if the log has to say so: it has not
    /// since the last success.
    pub fn record_failure(&self, is_connected: bool) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.record(if is_connected { UNANSWERED } else { UNCONNECTED });
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

    /// Returns true if the caller should attempt to connect to the upstream: the last attempt got no connection, and nobody else
    /// was told so within a second.
    pub fn claim_attempt(&self, now: Timestamp) -> bool {
        self.last.load(Ordering::Relaxed) == UNCONNECTED && self.claim(MIN_INTERVAL, now)
    }

    /// Returns true if a page should try a request: the last one got a connection but no response, so that only a request can
    /// show if there is one again, and no other page was told so within 30 seconds.
    pub fn claim_trial(&self, now: Timestamp) -> bool {
        self.last.load(Ordering::Relaxed) == UNANSWERED && self.claim(MIN_TRIAL_INTERVAL, now)
    }

    fn claim(&self, interval: i64, now: Timestamp) -> bool {
        let now = now.as_millisecond();
        // If the clock was set back, the other time is of no use.
        let is_due = |claimed_at: i64| (now < claimed_at || now - claimed_at >= interval).then_some(now);
        self.claimed_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_counts() {
        let reachability = Reachability::default();
        assert_eq!(reachability.get(), None);
        for is_connected in [true, false] {
            reachability.record_response();
            assert_eq!(reachability.get(), Some(true));
            reachability.record_failure(is_connected);
            assert_eq!(reachability.get(), Some(false));
        }
    }

    #[test]
    fn a_connection_is_enough_only_where_there_was_none() {
        for (is_connected, expected) in [(false, true), (true, false)] {
            let reachability = Reachability::default();
            reachability.record_failure(is_connected);
            reachability.record_connection();
            assert_eq!(reachability.get(), Some(expected));
        }
    }

    #[test]
    fn only_the_first_failure_is_news_until_the_log_has_reported_a_success() {
        let reachability = Reachability::default();
        assert_eq!([reachability.record_failure(false), reachability.record_failure(true)], [true, false]);
        reachability.record_response();
        assert!(!reachability.record_failure(true));
        reachability.report_success();
        assert!(reachability.record_failure(true));
        assert_eq!((reachability.failures(), reachability.get()), (4, Some(false)));
    }

    #[test]
    fn only_one_attempt_is_claimed_within_a_second_and_only_without_a_connection() {
        let reachability = Reachability::default();
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        let claim = |millisecond| reachability.claim_attempt(at(millisecond));
        assert!(!claim(5000));
        reachability.record_failure(false);
        let claims = [5000, 5999, 6000, 6001, 7000, 3000].map(claim);
        assert_eq!(claims, [true, false, true, false, true, true]);
        assert!(!reachability.claim_trial(at(99_000)));
        reachability.record_response();
        assert!(!claim(99_000));
    }

    #[test]
    fn only_one_trial_is_claimed_within_thirty_seconds_and_only_without_a_response() {
        let reachability = Reachability::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let claim = |second| reachability.claim_trial(at(second));
        reachability.record_failure(true);
        let claims = [50, 79, 80, 81, 110, 30].map(claim);
        assert_eq!(claims, [true, false, true, false, true, true]);
        assert!(!reachability.claim_attempt(at(999)));
        reachability.record_response();
        assert!(!claim(999));
    }
}
