//! The events that the watch acts on, and the handle that others have of it.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::debounce::Hint;

/// Something that the watch acts on.
#[derive(Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// A directory entry of this name has changed in some way.
    Touched(OsString),
    /// A complete file was renamed to this name.
    Renamed(OsString),
    /// Events were lost, or will be because a watched directory is gone.
    Lost,
    /// The system has set up the watch, or refused to.
    WatchReady,
    /// Read the file now (SIGHUP).
    Reload,
}

impl WatchEvent {
    /// Returns the meaning of the event for the files.
    pub(super) fn hint(&self) -> Hint {
        match self {
            Self::Renamed(_) => Hint::Renamed,
            Self::Touched(_) | Self::Lost => Hint::Touched,
            Self::WatchReady | Self::Reload => Hint::Nothing,
        }
    }
}

/// The way in which changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By events of the system, within milliseconds, and by polling.
    Events,
    /// By polling only.
    Polling,
}

/// A handle to a running watch.
#[derive(Clone, Debug)]
pub struct Handle {
    events: Sender<WatchEvent>,
    polling: Arc<AtomicBool>,
}

impl Handle {
    pub(super) fn new() -> (Self, Receiver<WatchEvent>) {
        let (events, receiver) = channel();
        (Self { events, polling: Arc::default() }, receiver)
    }

    /// Makes the watch read the file now.
    pub fn reload(&self) {
        // The receiver lives as long as the process.
        let _ = self.events.send(WatchEvent::Reload);
    }

    /// Returns the way in which changes are noticed.
    pub fn mode(&self) -> Mode {
        if self.polling.load(Ordering::Relaxed) { Mode::Polling } else { Mode::Events }
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        self.polling.store(mode == Mode::Polling, Ordering::Relaxed);
    }

    pub(super) fn events(&self) -> Sender<WatchEvent> {
        self.events.clone()
    }
}
