//! The one place that reads the clock; everything else is handed `now`.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// The time now.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A time as `Date` has it (RFC 9110 5.6.7); one before 1970 is the first of it.
pub fn http_date(time: Timestamp) -> String {
    let since_epoch = Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since_epoch)
}
