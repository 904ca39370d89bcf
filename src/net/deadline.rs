//! A deadline that costs little to move.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that is moved often and seldom passes. Its timer is not set each time, but expires once per limit: setting a
/// timer costs more than reading the clock.
#[derive(Debug)]
pub struct Deadline {
    at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Default for Deadline {
    fn default() -> Self {
        Self::new()
    }
}

impl Deadline {
    /// A deadline that has passed.
    pub fn new() -> Self {
        let at = Instant::now();
        Self { at, timer: Box::pin(sleep_until(at)) }
    }

    /// Moves the deadline to `limit` from now.
    pub fn start(&mut self, limit: Duration) {
        self.start_at(Instant::now(), limit);
    }

    /// Moves the deadline to `limit` after `start`.
    pub fn start_at(&mut self, start: Instant, limit: Duration) {
        self.at = after(start, limit);
        if self.timer.deadline() > self.at {
            self.timer.as_mut().reset(self.at);
        }
    }

    /// Ready when the deadline has passed.
    pub fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= self.at {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.at);
        }
    }
}

/// Returns the time that is `limit` after `start`, or a year if `limit` is longer.
pub fn after(start: Instant, limit: Duration) -> Instant {
    const NEVER: Duration = Duration::from_hours(24 * 365);
    start.checked_add(limit.min(NEVER)).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_passes_after_its_limit_however_often_it_was_started() {
        let mut deadline = Deadline::new();
        for limit in [5, 1, 1, 10, 2, 60, 3] {
            // This one is in time, and its timer expires during the next.
            deadline.start(Duration::from_secs(limit + 1));
            sleep(Duration::from_secs(limit)).await;
            deadline.start(Duration::from_secs(limit));
            let begun = Instant::now();
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            assert_eq!(begun.elapsed().as_secs(), limit);
        }
        deadline.start(Duration::MAX);
        let year = Duration::from_hours(24 * 364);
        assert!(tokio::time::timeout(year, poll_fn(|cx| deadline.poll_passed(cx))).await.is_err());
    }
}
