//! One run of a period.

use jiff::Timestamp;
use serde::Serialize;

/// One run of a period: the half-open span `start <= t < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Occurrence {
    /// The first instant of the downtime.
    pub start: Timestamp,
    /// The first instant after it, always later than `start`; `None` if it is open-ended.
    pub end: Option<Timestamp>,
}

impl Occurrence {
    /// Returns true if `start <= at < end`.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && !self.is_over(at)
    }

    /// Returns true if it has ended at `at`.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= at)
    }
}
