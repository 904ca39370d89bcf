//! The one place that reads the clock; everything else is handed `now`.

use jiff::Timestamp;

/// The time now.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
