//! The requests of the last minute.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::counters::{Counters, EndedRequests};

/// The time that the rate is for.
const WINDOW: Duration = Duration::from_secs(60);

/// Counts at points in time, from a minute ago until now.
#[derive(Debug)]
pub struct Activity(Mutex<VecDeque<(Instant, EndedRequests)>>);

/// The requests of the last minute, or of the time since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestRate {
    /// Requests in a second, on average.
    pub per_second: f64,
    /// The share of visitors' requests that the site responded to, from 0 to 1; `None` if visitors made none.
    pub passed: Option<f64>,
}

impl Activity {
    /// Begins at `now`, before the first request.
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new([(now, EndedRequests::default())].into()))
    }

    /// Takes a sample of the counts. To be called each second.
    pub fn sample(&self, counters: &Counters, now: Instant) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((now, counters.ended()));
        // The first one is as old as the window, or older.
        while samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            samples.pop_front();
        }
    }

    /// Returns the requests of the last minute.
    pub fn rate(&self) -> RequestRate {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((from, before)), Some((to, after))) = (samples.front(), samples.back()) else {
            return RequestRate::default();
        };
        let seconds = to.duration_since(*from).as_secs_f64();
        let (passed, down) = (after.passed - before.passed, after.down - before.down);
        RequestRate {
            per_second: if seconds > 0.0 { ratio(after.all - before.all, seconds) } else { 0.0 },
            passed: (passed + down > 0).then(|| ratio(passed, as_float(passed + down))),
        }
    }
}

fn ratio(number: u64, divisor: f64) -> f64 {
    // Three digits after the point are enough, for people and programs.
    (as_float(number) / divisor * 1000.0).round() / 1000.0
}

/// Converts a number of requests, of which a minute has fewer than 2^52.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Outcome;

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let (start, counters) = (Instant::now(), Counters::default());
        let (activity, counts) = (Activity::new(start), counters.for_thread());
        assert_eq!(activity.rate(), RequestRate::default());
        for second in 0..200 {
            activity.sample(&counters, start + Duration::from_secs(second));
            let outcome = if second < 100 { Outcome::Up } else { Outcome::Planned };
            counts.end_request(outcome, 200, None);
            counts.end_request(Outcome::Status, 200, None);
            match second {
                1 => assert_eq!(activity.rate(), RequestRate { per_second: 2.0, passed: Some(1.0) }),
                130 => assert_eq!(activity.rate(), RequestRate { per_second: 2.0, passed: Some(0.5) }),
                _ => {}
            }
        }
        assert_eq!(activity.rate(), RequestRate { per_second: 2.0, passed: Some(0.0) });
        assert_eq!(activity.0.lock().unwrap().len(), 61);
    }
}
