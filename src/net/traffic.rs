//! The bytes of a client's connection.

use std::cell::Cell;

/// Counts the bytes that a connection has carried since they were last taken.
#[derive(Debug, Default)]
pub struct Traffic {
    received: Cell<u64>,
    sent: Cell<u64>,
}

impl Traffic {
    /// Adds bytes that were received.
    pub fn add_received(&self, bytes: u64) {
        self.received.set(self.received.get() + bytes);
    }

    /// Adds bytes that were sent.
    pub fn add_sent(&self, bytes: u64) {
        self.sent.set(self.sent.get() + bytes);
    }

    /// Takes the counts of the bytes received and sent.
    pub fn take(&self) -> (u64, u64) {
        (self.received.take(), self.sent.take())
    }
}
