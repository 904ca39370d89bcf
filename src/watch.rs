//! Watches the config file and what it rests on, and applies what it says.
//!
//! Events are hints, content is truth: an event of the files' own, an error or an overflow leads to one look at the files,
//! and so does a poll each second. A look that finds other stamps, or was led to by such a hint, leads to a reading once
//! they are quiet; a reading that finds other content is applied or rejected. A thread of its own does this, so that no
//! request waits for a disk.

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
use crate::config::diagnostic::Severity;
use crate::file::Stamp;
use crate::load::{Loaded, load};
use crate::logging::log_warnings;
use crate::snapshot::{Rejected, Snapshot, Snapshots};

/// How often the files are looked at without a hint.
const POLL: Duration = Duration::from_secs(1);
/// How often they are read without a change of stamps, and hints are asked for again where there were none.
const REREAD: Duration = Duration::from_secs(30);
/// So many events are taken as one. A folder in which more and more happens is no reason not to look.
const MOST_AT_ONCE: usize = 4096;

/// What the watch is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// An entry of this name has changed in some way.
    Touched(OsString),
    /// An entry was put under this name by a rename, and so whole.
    Renamed(OsString),
    /// Events were lost, or more will be: a watched folder went away.
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
    announced: Announced,
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
            announced: Announced::of(&snapshots.current()),
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
        loop {
            let Some(looked) = self.next(wait) else { return };
            wait = self.look(&looked);
            self.announced.update(&self.snapshots.current());
        }
    }

    /// Waits for an event that means something, at most this long; takes all that are there as one. What happens to
    /// other entries of the folders costs no look at the files, however much it is.
    fn next(&self, wait: Duration) -> Option<Vec<Event>> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) if self.concerns(&event) => {
                    let more = self.events.try_iter().take(MOST_AT_ONCE).filter(|event| self.concerns(event));
                    return Some(std::iter::once(event).chain(more).collect());
                }
                Ok(_) if !left.is_zero() => {}
                Ok(_) | Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn concerns(&self, event: &Event) -> bool {
        match event {
            Event::Touched(name) | Event::Renamed(name) => self.notifier.knows(name),
            Event::Lost | Event::Reload => true,
        }
    }

    /// Looks at the files, reads them where that is due, and says how long to wait for the next look.
    fn look(&mut self, events: &[Event]) -> Duration {
        if events.contains(&Event::Lost) {
            self.notifier.disarm();
        }
        self.arm();
        if events.contains(&Event::Reload) {
            return self.reload();
        }
        let hint = events.iter().map(weigh).max().unwrap_or(Hint::Nothing);
        let stamps: Stamps = self.settle.files().map(|file| (file.clone(), Stamp::of(file))).collect();
        match self.settle.observe(stamps, hint, Instant::now()) {
            Step::Wait(wait) => wait,
            Step::Busy(wait) => {
                warn!("{} has been written to for 10 s; it is applied once it is quiet", self.path.display());
                wait
            }
            Step::Idle if self.read_at.elapsed() < REREAD => POLL,
            Step::Idle | Step::Read => self.read(Trust::Quiet).1,
            Step::ReadEarly => self.read(Trust::Early).1,
        }
    }

    fn reload(&mut self) -> Duration {
        info!("reading {} again, as asked", self.path.display());
        let (verdict, wait) = self.read(Trust::Asked);
        if verdict == Some(Verdict::Unchanged) {
            info!("unchanged");
        }
        wait
    }

    /// Reads the files and acts on what they say; no verdict where they may be half done. Says also how long to wait
    /// for the next look.
    fn read(&mut self, trust: Trust) -> (Option<Verdict>, Duration) {
        self.read_at = Instant::now();
        if !self.notifier.is_armed() {
            self.notifier.disarm();
        }
        let loaded = load(&self.path);
        if loaded.changing || !self.counts(&loaded, trust) {
            return (None, settle::QUIET);
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
            Verdict::Rejected => self.reject(loaded),
        }
        // What changed before a new folder was watched gave no hint.
        let wait = if self.arm() { Duration::ZERO } else { POLL };
        (Some(verdict), wait)
    }

    /// Whether a reading is one of files that are done: they are as they were when they were looked at, and quiet.
    fn counts(&mut self, loaded: &Loaded, trust: Trust) -> bool {
        let is_alone = || loaded.reading.config.is_some() && loaded.stamps.len() == 1;
        match trust {
            Trust::Asked => true,
            Trust::Quiet => self.settle.confirm(&loaded.stamps, Instant::now()),
            Trust::Early => self.settle.confirm(&loaded.stamps, Instant::now()) && is_alone(),
        }
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
        after.warn(loaded.reading.diagnostics);
    }

    fn reject(&self, loaded: Loaded) {
        let diagnostics = loaded.reading.diagnostics;
        for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Error) {
            error!("{}", diagnostic.summary());
        }
        error!("{} is not applied; the last good snapshot stays", self.path.display());
        self.snapshots.reject(Rejected { at: clock::now(), sha256: loaded.sha256, diagnostics });
    }

    /// Sees that hints come of the folders that the files are in by now; true where some are watched from now on.
    /// Says once that there are no hints, and once that there are again.
    fn arm(&mut self) -> bool {
        let polled = self.polling.load(Ordering::Relaxed);
        let armed = self.notifier.arm(self.settle.files());
        match &armed {
            Err(error) if !polled => {
                warn!("the system reports no file changes ({error}): polling each second instead");
            }
            Ok(true) if polled => info!("the system reports file changes again"),
            Err(_) | Ok(_) => {}
        }
        self.polling.store(!self.notifier.is_armed(), Ordering::Relaxed);
        armed.unwrap_or(false)
    }
}

/// What an event means for the files.
fn weigh(event: &Event) -> Hint {
    match event {
        Event::Renamed(_) => Hint::Renamed,
        Event::Touched(_) | Event::Lost => Hint::Touched,
        Event::Reload => Hint::Nothing,
    }
}

/// What a reading is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Somebody asked for it: it counts.
    Asked,
    /// The files have been quiet.
    Quiet,
    /// They have just changed, and more may be to come: it counts if it is valid, and of one file. An error can wait.
    Early,
}
