//! The only place that reads the clock. Everything else gets `now` as an argument.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Returns the current time.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Formats a time for HTTP fields such as `Date` (RFC 9110, section 5.6.7). Times before 1970 become its first second.
pub fn http_date(time: Timestamp) -> String {
    let since_epoch = Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since_epoch)
}

/// Returns a number that changes with each tick of the system's coarse clock, every 1 to 10 ms (clock_gettime(2)). It takes no
/// system call.
pub fn coarse_tick() -> u64 {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    time.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.cast_unsigned())
}
