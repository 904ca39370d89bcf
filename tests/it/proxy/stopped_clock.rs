//! A clock that only the test moves.

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::support::DEADLINE;

/// The clock of tokio, stopped until this is dropped.
///
/// A clock that is only paused moves to the next timer whenever all tasks wait, though bytes may be on their way through a
/// socket. It does not while there is blocking work, so this is some.
pub(crate) struct StoppedClock {
    _work: Sender<()>,
}

impl StoppedClock {
    /// Stops the clock of a runtime with one thread. After [`DEADLINE`] it moves as a paused one, so that a test fails if what it
    /// waits for does not come.
    pub(crate) fn stop() -> Self {
        let (work, ended) = channel();
        tokio::task::spawn_blocking(move || ended.recv_timeout(DEADLINE));
        tokio::time::pause();
        Self { _work: work }
    }

    pub(crate) async fn advance(&self, time: Duration) {
        tokio::time::advance(time).await;
    }
}

impl Drop for StoppedClock {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}
