//! Counts of requests. Each thread has its own, so that counting takes no lock and no cache line of another thread; a reader
//! sums them up.

mod outcome;
mod upstream_failure;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use self::outcome::{DecisionKind, Outcome};
pub use self::upstream_failure::UpstreamFailure;

/// A count that one thread adds to and every thread may read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to the count. Only one thread may do so: the processor need not make it one step, which would take longer.
    pub fn add(&self, number: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
    }

    /// Returns the count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The classes of statuses.
pub const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The upper bounds of the buckets of [`DurationCounts`]: in seconds, and in microseconds.
pub const BUCKETS: [(f64, u64); 13] = [
    (0.001, 1_000),
    (0.0025, 2_500),
    (0.005, 5_000),
    (0.01, 10_000),
    (0.025, 25_000),
    (0.05, 50_000),
    (0.1, 100_000),
    (0.25, 250_000),
    (0.5, 500_000),
    (1.0, 1_000_000),
    (2.5, 2_500_000),
    (10.0, 10_000_000),
    (60.0, 60_000_000),
];

/// How many requests took how long.
#[derive(Debug, Default)]
pub struct DurationCounts {
    /// The requests of each bucket alone. The last is for those that took longer than all bounds.
    pub buckets: [Count; BUCKETS.len() + 1],
    /// The sum in microseconds.
    pub sum: Count,
}

impl DurationCounts {
    fn record(&self, duration: Duration) {
        if duration.is_zero() {
            let [first, ..] = &self.buckets;
            return first.add(1);
        }
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.iter().position(|(_, bound)| micros <= *bound).unwrap_or(BUCKETS.len());
        if let Some(count) = self.buckets.get(bucket) {
            count.add(1);
        }
        self.sum.add(micros);
    }
}

/// The counts of one thread. No other thread's are in the same cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ThreadCounts {
    /// The requests that have begun.
    pub begun: Count,
    /// The requests that have ended, by [`Outcome`] and class of the status.
    requests: [[Count; STATUS_CLASSES.len()]; Outcome::ALL.len()],
    /// The durations of the requests that have ended, by decision; without tunnels, which may last for days.
    durations: [DurationCounts; DecisionKind::ALL.len()],
    /// The bytes received from clients.
    pub received: Count,
    /// The bytes sent to clients.
    pub sent: Count,
    /// The tunnels that have begun.
    pub tunnels_begun: Count,
    /// The tunnels that have ended.
    pub tunnels_ended: Count,
    /// The failures of upstreams, by [`UpstreamFailure`].
    failures: [Count; UpstreamFailure::ALL.len()],
    /// The wrong secrets of bypasses.
    pub wrong_secrets: Count,
}

impl ThreadCounts {
    /// Counts a request that has ended with this status, or 499 if it got none. A tunnel has no duration.
    pub fn end_request(&self, outcome: Outcome, status: u16, duration: Option<Duration>) {
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(count) = self.requests.get(outcome as usize).and_then(|classes| classes.get(class)) {
            count.add(1);
        }
        if let (Some(counts), Some(duration)) = (self.durations.get(outcome.decision() as usize), duration) {
            counts.record(duration);
        }
    }

    /// Counts a failure of an upstream.
    pub fn fail_upstream(&self, failure: UpstreamFailure) {
        if let Some(count) = self.failures.get(failure as usize) {
            count.add(1);
        }
    }

    fn ended(&self) -> u64 {
        self.requests.iter().flatten().map(Count::get).sum()
    }
}

/// Requests that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndedRequests {
    /// All of them.
    pub all: u64,
    /// Those of visitors that the site responded to.
    pub passed: u64,
    /// Those of visitors that a down page or the redirect of a period responded to.
    pub down: u64,
}

/// The counts of all threads. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<Vec<Arc<ThreadCounts>>>>);

impl Counters {
    /// Returns the counts for a new thread.
    pub fn for_thread(&self) -> Arc<ThreadCounts> {
        let counts = Arc::<ThreadCounts>::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counts));
        counts
    }

    /// Returns the sum of a count over all threads.
    pub fn sum(&self, count: impl Fn(&ThreadCounts) -> u64) -> u64 {
        let threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().map(|counts| count(counts)).sum()
    }

    /// Returns the requests that ended with an outcome and a status of a class, given by its index.
    pub fn requests(&self, outcome: Outcome, class: usize) -> u64 {
        let count = |thread: &ThreadCounts| Some(thread.requests.get(outcome as usize)?.get(class)?.get());
        self.sum(|thread| count(thread).unwrap_or_default())
    }

    /// Returns the requests that have ended.
    pub fn ended(&self) -> EndedRequests {
        let count = |is: fn(Outcome) -> bool| {
            let outcomes = Outcome::ALL.into_iter().filter(|outcome| is(*outcome));
            let classes = |outcome| (0..STATUS_CLASSES.len()).map(move |class| self.requests(outcome, class));
            outcomes.flat_map(classes).sum()
        };
        EndedRequests {
            all: count(|_| true),
            passed: count(Outcome::is_visit_of_the_site),
            down: count(Outcome::is_visit_while_down),
        }
    }

    /// Returns the requests in progress, with open tunnels.
    pub fn in_progress(&self) -> u64 {
        // In this order: a request that ends meanwhile counts, instead of making the difference negative.
        let ended = self.sum(ThreadCounts::ended);
        self.sum(|thread| thread.begun.get()).saturating_sub(ended)
    }

    /// Returns the open tunnels.
    pub fn tunnels(&self) -> u64 {
        let ended = self.sum(|thread| thread.tunnels_ended.get());
        self.sum(|thread| thread.tunnels_begun.get()).saturating_sub(ended)
    }

    /// Returns the durations of requests with a decision, given by its index: the sum in seconds, and for each bucket the
    /// requests in it alone.
    pub fn durations(&self, decision: usize) -> (f64, [u64; BUCKETS.len() + 1]) {
        let mut buckets = [0; BUCKETS.len() + 1];
        let mut micros = 0;
        for thread in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Some(durations) = thread.durations.get(decision) else { continue };
            micros += durations.sum.get();
            for (sum, count) in buckets.iter_mut().zip(&durations.buckets) {
                *sum += count.get();
            }
        }
        (Duration::from_micros(micros).as_secs_f64(), buckets)
    }

    /// Returns the failures of upstreams of this kind.
    pub fn failures(&self, failure: UpstreamFailure) -> u64 {
        self.sum(|thread| thread.failures.get(failure as usize).map_or(0, Count::get))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_all_threads_are_summed_up() {
        let counters = Counters::default();
        let threads = [counters.for_thread(), counters.for_thread()];
        for counts in &threads {
            counts.begun.add(2);
            counts.end_request(Outcome::Planned, 503, Some(Duration::from_millis(2)));
            counts.fail_upstream(UpstreamFailure::Cut);
        }
        threads[1].end_request(Outcome::Up, 200, Some(Duration::from_secs(100)));
        threads[1].tunnels_begun.add(1);
        assert_eq!((counters.requests(Outcome::Planned, 4), counters.requests(Outcome::Planned, 1)), (2, 0));
        assert_eq!(counters.ended(), EndedRequests { all: 3, passed: 1, down: 2 });
        assert_eq!((counters.in_progress(), counters.tunnels()), (1, 1));
        assert_eq!(counters.failures(UpstreamFailure::Cut), 2);
        let (seconds, buckets) = counters.durations(DecisionKind::Unavailable as usize);
        assert!((seconds - 0.004).abs() < 1e-9 && buckets[1] == 2 && buckets.iter().sum::<u64>() == 2);
        let (seconds, buckets) = counters.durations(DecisionKind::Pass as usize);
        assert!((seconds - 100.0).abs() < 1e-9 && buckets[BUCKETS.len()] == 1);
    }

    #[test]
    fn a_duration_is_in_the_first_bucket_that_it_fits() {
        for (micros, bucket) in [(0, 0), (1000, 0), (1001, 1), (60_000_000, 12), (60_000_001, 13)] {
            let counts = DurationCounts::default();
            counts.record(Duration::from_micros(micros));
            assert_eq!(counts.buckets.iter().position(|count| count.get() == 1), Some(bucket), "{micros}");
        }
    }

    #[test]
    fn the_words_are_in_the_order_of_their_counts() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
        for (index, failure) in UpstreamFailure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, index);
        }
        for (index, decision) in DecisionKind::ALL.into_iter().enumerate() {
            assert_eq!(decision as usize, index);
        }
    }
}
