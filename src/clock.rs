//! The only place that reads the clock. Everything else gets `now` as an argument.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

/// Returns the current time. A clock beyond the year 9999 shows its last moment.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}

/// Formats a time for HTTP fields such as `Date` (RFC 9110, section 5.6.7). Times before 1970 become its first second.
pub fn http_date(time: Timestamp) -> String {
    let since_epoch = Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since_epoch)
}

/// Returns the number of the current tick of 4 ms. It never goes back.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub fn tick() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis() / 4).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_beyond_the_last_moment_shows_it() {
        for (seconds, expected) in
            [(253_402_207_199, false), (253_402_207_201, true), (u64::from(u32::MAX) << 7, true)]
        {
            let time = timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(time == Timestamp::MAX, expected, "{seconds}");
        }
    }
}
