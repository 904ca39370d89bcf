//! Watches the config file and what it rests on, and applies what it says.
//!
//! Events are hints, content is truth: any event, error or overflow leads to one look at the files, and so does a poll
//! each second. A look that finds other stamps, or was led to by an event of the files' own, leads to a reading once they
//! are quiet; a reading that finds other content is applied or rejected. A thread of its own does this, so that no request waits for a disk.

mod announce;
mod hops;
mod notifier;
mod reconcile;
mod settle;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};

use self::announce::Announced;
use self::notifier::Notifier;
use self::reconcile::{Reconcile, Verdict};
use self::settle::{Hint, Settle, Stamps, Step};
use crate::clock;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::file::Stamp;
use crate::load::{Loaded, load};
use crate::logging::log_warnings;
use crate::snapshot::{Snapshot, Snapshots};

/// How often the files are looked at without a hint.
const POLL: Duration = Duration::from_secs(1);
/// How often they are read without a change of stamps, and hints are asked for again where there were none.
const REREAD: Duration = Duration::from_secs(30);

/// What the watch is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// An entry of this name has changed in some way.
    Touched(OsString),
    /// An entry was put under this name by a rename, and so whole.
    Renamed(OsString),
    /// Events were lost.
    Lost,
    /// Read the file now (SIGHUP).
    Reload,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The system says so, within milliseconds; the files are polled besides.
    Events,
    /// By polling alone.
    Polling,
}

/// Called with each snapshot that was applied, and the one before.
pub type Applied = Box<dyn Fn(&Snapshot, &Snapshot) + Send>;

/// A watch that is about to run.
pub struct Watch {
    path: PathBuf,
    snapshots: Arc<Snapshots>,
    settle: Settle,
    reconcile: Reconcile,
    notifier: Notifier,
    events: Receiver<Event>,
    applied: Applied,
    read_at: Instant,
    polling: Arc<AtomicBool>,
}

/// Talks to a watch that runs.
#[derive(Clone, Debug)]
pub struct Handle {
    events: Sender<Event>,
    polling: Arc<AtomicBool>,
}

impl Handle {
    /// Has the file read now.
    pub fn reload(&self) {
        // The receiver is gone only when the process ends.
        let _ = self.events.send(Event::Reload);
    }

    /// How changes are noticed.
    pub fn mode(&self) -> Mode {
        if self.polling.load(Ordering::Relaxed) { Mode::Polling } else { Mode::Events }
    }
}

impl Watch {
    /// Watches `path`, of which `loaded` was read and applied. Changes count from that reading on.
    pub fn new(
        path: PathBuf,
        loaded: &Loaded,
        snapshots: Arc<Snapshots>,
        applied: Applied,
    ) -> (Self, Handle) {
        let (sender, events) = channel();
        let handle = Handle { events: sender.clone(), polling: Arc::default() };
        let mut watch = Self {
            path,
            snapshots,
            settle: Settle::new(loaded.stamps.clone()),
            reconcile: Reconcile::new(loaded.fingerprint),
            notifier: Notifier::new(sender),
            events,
            applied,
            read_at: Instant::now(),
            polling: Arc::clone(&handle.polling),
        };
        watch.arm();
        (watch, handle)
    }

    /// Runs until the process ends.
    pub fn run(mut self) {
        let mut wait = Duration::ZERO;
        let mut state = Announced::of(&self.snapshots.current());
        loop {
            let Some(looked) = self.next(wait) else { return };
            wait = self.look(&looked);
            state = state.update(&self.snapshots.current());
        }
    }

    /// Waits for an event, at most this long; takes all that are there as one.
    fn next(&self, wait: Duration) -> Option<Vec<Event>> {
        match self.events.recv_timeout(wait) {
            Ok(event) => Some(std::iter::once(event).chain(self.events.try_iter()).collect()),
            Err(RecvTimeoutError::Timeout) => Some(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Looks at the files, reads them where that is due, and says how long to wait for the next look.
    fn look(&mut self, events: &[Event]) -> Duration {
        self.arm();
        if events.contains(&Event::Reload) {
            info!("reading {} again, as asked", self.path.display());
            let verdict = self.read();
            if verdict == Some(Verdict::Unchanged) {
                info!("unchanged");
            }
            return POLL;
        }
        let hint = events.iter().map(|event| self.weigh(event)).max().unwrap_or(Hint::Nothing);
        let stamps: Stamps = self.settle.files().map(|file| (file.clone(), Stamp::of(file))).collect();
        match self.settle.observe(stamps, hint, Instant::now()) {
            Step::Wait(wait) => return wait,
            Step::Busy(wait) => {
                warn!("{} has been written to for 10 s; it is applied once it is quiet", self.path.display());
                return wait;
            }
            Step::Idle if self.read_at.elapsed() < REREAD => return POLL,
            Step::Idle | Step::Read => {}
        }
        if self.read().is_none() {
            return settle::QUIET;
        }
        POLL
    }

    /// What an event means for the files; one for another entry of their folders means nothing.
    fn weigh(&self, event: &Event) -> Hint {
        match event {
            Event::Renamed(name) if self.notifier.knows(name) => Hint::Renamed,
            Event::Touched(name) if self.notifier.knows(name) => Hint::Touched,
            Event::Lost => Hint::Touched,
            Event::Renamed(_) | Event::Touched(_) | Event::Reload => Hint::Nothing,
        }
    }

    /// Reads the files and acts on what they say; `None` where they are being written to.
    fn read(&mut self) -> Option<Verdict> {
        self.read_at = Instant::now();
        if !self.notifier.is_armed() {
            self.notifier.disarm();
        }
        let loaded = load(&self.path);
        if loaded.changing {
            return None;
        }
        self.settle.read(loaded.stamps.clone());
        let verdict = self.reconcile.judge(loaded.fingerprint, loaded.reading.config.is_some());
        match verdict {
            Verdict::Unchanged => debug!("read {}: unchanged", self.path.display()),
            Verdict::Restored => {
                self.snapshots.restore();
                info!("{} is again what is applied", self.path.display());
            }
            Verdict::Changed => self.apply(loaded),
            Verdict::Rejected => self.reject(loaded.reading.diagnostics),
        }
        self.arm();
        Some(verdict)
    }

    fn apply(&self, mut loaded: Loaded) {
        let (Some(config), Some(sha256)) = (loaded.reading.config.clone(), loaded.sha256.take()) else {
            return;
        };
        let now = clock::now();
        let before = self.snapshots.current();
        let after = self.snapshots.apply(config, sha256, now);
        info!("applied {}: {}", self.path.display(), after.describe(now));
        (self.applied)(&before, &after);
        // Afterwards: an edit that takes the site down does not wait for advice.
        loaded.reading.lint(now);
        log_warnings(&loaded.reading.diagnostics);
    }

    fn reject(&self, diagnostics: Vec<Diagnostic>) {
        for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Error) {
            error!("{}", diagnostic.summary());
        }
        error!("{} is not applied; the last good snapshot stays", self.path.display());
        self.snapshots.reject(diagnostics, clock::now());
    }

    /// Says once that there are no hints, and once that there are again.
    fn arm(&mut self) {
        let polled = self.polling.load(Ordering::Relaxed);
        match self.notifier.arm(self.settle.files()) {
            Err(error) if !polled => {
                warn!("the system reports no file changes ({error}): polling each second instead");
            }
            Ok(()) if polled && self.notifier.is_armed() => info!("the system reports file changes again"),
            Err(_) | Ok(()) => {}
        }
        self.polling.store(!self.notifier.is_armed(), Ordering::Relaxed);
    }
}
