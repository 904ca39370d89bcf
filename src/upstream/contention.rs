//! Closes idle connections for the sake of an upstream that serves only a few at a time.
//!
//! A simple application server serves one connection after another. A connection that is idle in one thread's pool then
//! keeps the requests of all other threads waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Interval, interval};

/// How long a request waits for a response on a new connection before idle connections are closed for it, and how long
/// before they are closed again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells the pools of all threads to close their idle connections. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Contention(Arc<Notify>);

impl Contention {
    /// This, and the times at which a request on a new connection closes idle ones.
    pub(super) fn patience(&self) -> (Self, Interval) {
        let mut ticks = interval(PATIENCE);
        ticks.reset();
        (self.clone(), ticks)
    }

    /// Tells all pools to close their idle connections now.
    pub(super) fn close_idle(&self) {
        self.0.notify_waiters();
    }

    /// Returns when idle connections are to be closed.
    pub(super) async fn is_told(&self) {
        self.0.notified().await;
    }
}
