//! The signals that the gateway handles.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::watch::Handle;

/// The signals that the process handles.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Installs the handlers.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns on SIGTERM or SIGINT. Reloads on SIGHUP.
    pub(super) async fn wait_for_stop(&mut self, watch: &Handle) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => watch.reload(),
            }
        }
    }
}
