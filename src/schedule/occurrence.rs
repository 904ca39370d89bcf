//! One run of a period.

use jiff::Timestamp;

/// One run of a period: the half-open span `start <= t < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The first moment of the downtime.
    pub start: Timestamp,
    /// The first moment after it; `None`: open-ended. Always after `start`.
    pub end: Option<Timestamp>,
}

impl Occurrence {
    /// Whether `start <= at < end`.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && !self.is_over(at)
    }

    /// Whether it has ended by `at`.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= at)
    }
}
