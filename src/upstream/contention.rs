//! Closes idle connections for the sake of an upstream that serves only a few at a time.
//!
//! A simple application server serves one connection after another. A connection that is idle in one thread's pool then
//! keeps the requests of all other threads waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Interval, interval};

/// How long a request waits for a response on a new connection before idle connections are closed for it. As long as it
/// waits, they are closed again after each such time.
const CLOSE_INTERVAL: Duration = Duration::from_secs(1);

/// Tells the pools of all threads to close their idle connections. Clones reach the same pools.
#[derive(Clone, Debug, Default)]
pub(super) struct Contention(Arc<Notify>);

impl Contention {
    /// Returns a clone, and the times at which a request on a new connection must call [`Contention::close_idle`].
    pub(super) fn for_new_connection(&self) -> (Self, Interval) {
        let mut ticks = interval(CLOSE_INTERVAL);
        ticks.reset();
        (self.clone(), ticks)
    }

    /// Tells all pools to close their idle connections now.
    pub(super) fn close_idle(&self) {
        self.0.notify_waiters();
    }

    /// Waits for the next call of [`Contention::close_idle`] after this one.
    pub(super) fn close_requested(&self) -> Notified<'_> {
        self.0.notified()
    }
}
