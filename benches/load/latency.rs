//! Load at a fixed rate, for the latency of responses.
//!
//! The start of each request is planned, whatever the server does, and its latency counts from there. So a request that
//! waits for a free connection is as late as a visitor would find it: there is no coordinated omission.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::thread::set_current_timer_slack;

use super::traffic::Traffic;

/// Latencies are kept with three digits, up to one minute.
const MAX_LATENCY: Duration = Duration::from_secs(60);
const DIGITS: u8 = 3;

/// Percentiles of latencies, in µs.
#[derive(Clone, Copy)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// The plan of a load: a request each time that an interval has passed.
struct Plan {
    started_at: Instant,
    interval: Duration,
    /// The number of requests that have been sent.
    sent: u32,
    /// The number of all requests.
    total: u32,
}

impl Plan {
    fn new(duration: Duration, rate: f64) -> Self {
        let interval = Duration::from_secs_f64(1.0 / rate);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        let total = (duration.as_secs_f64() * rate).ceil() as u32;
        Self { started_at: Instant::now(), interval, sent: 0, total }
    }

    /// The start of the next request. Returns `None` after the last.
    fn next(&self) -> Option<Instant> {
        (self.sent < self.total).then(|| self.started_at + self.interval * self.sent)
    }
}

/// Sends requests for this long, at this rate per second, and waits for the last response.
pub fn measure(traffic: &mut Traffic, duration: Duration, rate: f64) -> io::Result<Latency> {
    // A sleep must end in time: by default, Linux adds up to 50 µs.
    set_current_timer_slack(NonZeroU64::new(1))?;
    let most = u64::try_from(MAX_LATENCY.as_nanos()).map_err(io::Error::other)?;
    let mut histogram = Histogram::<u64>::new_with_bounds(1000, most, DIGITS).map_err(io::Error::other)?;
    let mut idle: VecDeque<usize> = (0..traffic.len()).collect();
    let mut planned = vec![Instant::now(); traffic.len()];
    let mut plan = Plan::new(duration, rate);
    while plan.next().is_some() || idle.len() < traffic.len() {
        while let Some(start) = plan.next().filter(|start| *start <= Instant::now()) {
            let Some(number) = idle.pop_front() else { break };
            planned[number] = start;
            plan.sent += 1;
            traffic.send(number)?;
        }
        traffic.wait(plan.next().filter(|_| !idle.is_empty()))?;
        while let Some(number) = traffic.next_complete()? {
            let latency = u64::try_from(planned[number].elapsed().as_nanos()).unwrap_or(most);
            histogram.saturating_record(latency);
            idle.push_back(number);
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "a minute fits")]
    let microseconds = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(Latency { p50: microseconds(0.5), p99: microseconds(0.99), p999: microseconds(0.999) })
}
