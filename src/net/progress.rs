//! What counts as progress of a client.

use std::time::Duration;

use tokio::time::Instant;

/// How much of a request's body a client must send, or of a response it must take, until its time begins again, in bytes. Only the
/// last part may be shorter. Without this minimum, a client that sends or takes a byte now and then could stay for ever.
pub const MIN_PROGRESS: u64 = 1 << 10;

/// The time that a client has for [`MIN_PROGRESS`]. It passes only while the gateway waits for the client.
#[derive(Debug, Default)]
pub struct ClientWait {
    /// The bytes before the last progress.
    counted: u64,
    /// How long the client was waited for since then, before the current wait.
    waited: Duration,
    /// When the current wait began.
    since: Option<Instant>,
}

impl ClientWait {
    /// No wait so far.
    pub const fn new() -> Self {
        Self { counted: 0, waited: Duration::ZERO, since: None }
    }

    /// Waits for the client, which has sent or taken `bytes` so far. Returns how much of `limit` is left from now on if that has
    /// changed: a wait begins, or there was progress.
    pub fn poll_left(&mut self, bytes: u64, limit: Duration) -> Option<Duration> {
        self.take_progress(bytes);
        if self.since.is_some() {
            return None;
        }
        self.since = Some(Instant::now());
        Some(limit.saturating_sub(self.waited))
    }

    /// Returns true if the client, which has sent or taken `bytes` so far, has made progress since this last returned true.
    pub fn take_progress(&mut self, bytes: u64) -> bool {
        let has_progress = bytes.saturating_sub(self.counted) >= MIN_PROGRESS;
        if has_progress {
            *self = Self { counted: bytes, ..Self::new() };
        }
        has_progress
    }

    /// Returns true if the client is waited for.
    pub fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Ends the current wait: somebody else has to act.
    pub fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn only_progress_gives_a_client_more_time() {
        let mut wait = ClientWait::new();
        assert_eq!(wait.poll_left(100, LIMIT), Some(LIMIT));
        for (bytes, left) in
            [(101, None), (1023, None), (1024, Some(LIMIT)), (2047, None), (2048, Some(LIMIT))]
        {
            sleep(Duration::from_secs(20)).await;
            assert_eq!(wait.poll_left(bytes, LIMIT), left, "{bytes} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_in_which_somebody_else_acts_does_not_count() {
        let mut wait = ClientWait::new();
        for left in [60, 50, 40] {
            assert_eq!(wait.poll_left(0, LIMIT), Some(Duration::from_secs(left)));
            sleep(Duration::from_secs(10)).await;
            wait.pause();
            sleep(Duration::from_secs(100)).await;
            wait.pause();
        }
        assert_eq!(wait.poll_left(MIN_PROGRESS, LIMIT), Some(LIMIT));
    }
}
