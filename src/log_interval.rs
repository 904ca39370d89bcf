//! Events that may be frequent, and are logged only once in a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The interval at which an event of one kind is logged.
const INTERVAL: Duration = Duration::from_secs(60);

/// When the process has last logged one kind of event. Use one static for each kind.
#[derive(Debug)]
pub struct LogInterval(Mutex<Option<Instant>>);

impl Default for LogInterval {
    fn default() -> Self {
        Self::new()
    }
}

impl LogInterval {
    /// Nothing was logged yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns true if this event is to be logged: no thread has logged one of its kind within the last minute.
    pub fn is_due(&self) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = logged.is_none_or(|logged| logged.elapsed() >= INTERVAL);
        if is_due {
            *logged = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_event_is_logged_each_minute() {
        let interval = LogInterval::new();
        for (after, is_due) in [(0, true), (0, false), (59, false), (1, true), (1, false), (600, true)] {
            tokio::time::advance(Duration::from_secs(after)).await;
            assert_eq!(interval.is_due(), is_due, "{after}");
        }
    }
}
