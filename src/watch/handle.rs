//! What the watch is told, and who tells it.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::debounce::Hint;

/// What the watch is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// An entry of this name has changed in some way.
    Touched(OsString),
    /// An entry was put under this name by a rename, and so whole.
    Renamed(OsString),
    /// Events were lost, or more will be: a watched folder went away.
    Lost,
    /// The system has answered whether it reports changes.
    Answered,
    /// Read the file now (SIGHUP).
    Reload,
}

impl Event {
    /// What it means for the files.
    pub(super) fn hint(&self) -> Hint {
        match self {
            Self::Renamed(_) => Hint::Renamed,
            Self::Touched(_) | Self::Lost => Hint::Touched,
            Self::Answered | Self::Reload => Hint::Nothing,
        }
    }
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The system says so, within milliseconds; the files are polled besides.
    Events,
    /// By polling alone.
    Polling,
}

/// Talks to a watch that runs.
#[derive(Clone, Debug)]
pub struct Handle {
    events: Sender<Event>,
    polling: Arc<AtomicBool>,
}

impl Handle {
    pub(super) fn new() -> (Self, Receiver<Event>) {
        let (events, receiver) = channel();
        (Self { events, polling: Arc::default() }, receiver)
    }

    /// Has the file read now.
    pub fn reload(&self) {
        // The receiver is gone only when the process ends.
        let _ = self.events.send(Event::Reload);
    }

    /// How changes are noticed.
    pub fn mode(&self) -> Mode {
        if self.polling.load(Ordering::Relaxed) { Mode::Polling } else { Mode::Events }
    }

    pub(super) fn set(&self, mode: Mode) {
        self.polling.store(mode == Mode::Polling, Ordering::Relaxed);
    }

    pub(super) fn events(&self) -> Sender<Event> {
        self.events.clone()
    }
}
