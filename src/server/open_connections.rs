//! The open connections of a thread.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// Counts the open connections of a thread.
#[derive(Default)]
pub(super) struct OpenConnections {
    count: Cell<usize>,
    closed: Notify,
}

impl OpenConnections {
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// Waits until no connection is open.
    pub(super) async fn all_closed(&self) {
        while self.count.get() > 0 {
            self.closed.notified().await;
        }
    }

    /// Counts one more connection, until the returned value is dropped.
    pub(super) fn open(self: Rc<Self>) -> OpenConnection {
        self.count.set(self.count.get() + 1);
        OpenConnection(self)
    }
}

/// Counts as one open connection until it is dropped.
pub(super) struct OpenConnection(Rc<OpenConnections>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get().saturating_sub(1));
        self.0.closed.notify_one();
    }
}
