//! Watches the config file and what it rests on, and applies what it says.
//!
//! Events are hints, content is truth: an event of the files' own, an error or an overflow leads to one look at the files,
//! and so does a poll each second. A look that finds other stamps, or was led to by such a hint, leads to a reading once
//! they are quiet; a reading that finds other content is applied or rejected. A thread of its own does this, so that no
//! request waits for a disk.

mod announce;
mod debounce;
mod handle;
mod notifier;
mod reconcile;
mod symlinks;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};

use self::announce::Announced;
use self::debounce::{Debounce, FileStamps, Hint, NextStep};
pub use self::handle::{Event, Handle, Mode};
use self::notifier::Notifier;
use self::reconcile::{ReadOutcome, Reconcile};
use crate::clock;
use crate::config::load::{Loaded, load};
use crate::logging::{log_errors, log_warnings};
use crate::snapshot::{RejectedReading, Snapshot, Snapshots};
use crate::store::read::FileStamp;

/// How often the files are looked at without a hint.
const POLL: Duration = Duration::from_secs(1);
/// How often they are read without a change of stamps, and hints are asked for again where there were none.
const REREAD: Duration = Duration::from_secs(30);
/// So many events are taken as one. A folder in which more and more happens is no reason not to look.
const MAX_SIMULTANEOUS: usize = 4096;

/// Called with each snapshot that was applied, and the one before.
pub type Applied = Box<dyn Fn(&Snapshot, &Snapshot) + Send>;

/// A watch that is about to run.
pub struct Watch {
    path: PathBuf,
    snapshots: Arc<Snapshots>,
    settle: Debounce,
    reconcile: Reconcile,
    notifier: Notifier,
    events: Receiver<Event>,
    applied: Applied,
    announced: Announced,
    read_at: Instant,
    /// The watch as others see it.
    handle: Handle,
}

impl Watch {
    /// Watches `path`, of which `loaded` was read and applied. Changes count from that reading on.
    pub fn new(
        path: PathBuf,
        loaded: &Loaded,
        snapshots: Arc<Snapshots>,
        applied: Applied,
    ) -> (Self, Handle) {
        let (handle, events) = Handle::new();
        let mut watch = Self {
            path,
            announced: Announced::new(&snapshots.current()),
            snapshots,
            settle: Debounce::new(loaded.stamps.clone()),
            reconcile: Reconcile::new(loaded.fingerprint),
            notifier: Notifier::new(handle.events()),
            events,
            applied,
            read_at: Instant::now(),
            handle: handle.clone(),
        };
        watch.notifier.arm(watch.settle.files());
        let answer = watch.notifier.wait();
        watch.hear(answer);
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
                    let more =
                        self.events.try_iter().take(MAX_SIMULTANEOUS).filter(|event| self.concerns(event));
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
            Event::Lost | Event::Answered | Event::Reload => true,
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
        let hint = events.iter().map(Event::hint).max().unwrap_or(Hint::Nothing);
        let stamps: FileStamps =
            self.settle.files().map(|file| (file.clone(), FileStamp::from_path(file))).collect();
        match self.settle.observe(stamps, hint, Instant::now()) {
            NextStep::Wait(wait) => wait,
            NextStep::Busy(wait) => {
                warn!("{} has been written to for 10 s; it is applied once it is quiet", self.path.display());
                wait
            }
            NextStep::Idle if self.read_at.elapsed() < REREAD => POLL,
            NextStep::Idle | NextStep::Read => self.read(ReadTrigger::Quiet).1,
            NextStep::ReadEarly => self.read(ReadTrigger::Early).1,
        }
    }

    fn reload(&mut self) -> Duration {
        info!("reading {} again, as asked", self.path.display());
        let (verdict, wait) = self.read(ReadTrigger::Asked);
        if verdict == Some(ReadOutcome::Unchanged) {
            self.say_unchanged();
        }
        wait
    }

    /// Shows the errors again if the file is still invalid: an operator has asked.
    fn say_unchanged(&self) {
        match self.snapshots.rejected() {
            None => info!("unchanged"),
            Some(rejected) => {
                log_errors(&rejected.diagnostics);
                error!(
                    "{} is unchanged and still invalid; the last good snapshot stays",
                    self.path.display()
                );
            }
        }
    }

    /// Reads the files and acts on what they say; no verdict where they may be half done. Says also how long to wait
    /// for the next look.
    fn read(&mut self, trust: ReadTrigger) -> (Option<ReadOutcome>, Duration) {
        self.read_at = Instant::now();
        if self.notifier.is_refused() {
            self.notifier.disarm();
        }
        let loaded = load(&self.path);
        if loaded.changing || !self.counts(&loaded, trust) {
            return (None, debounce::QUIET);
        }
        self.settle.read(loaded.stamps.clone());
        let verdict = self.reconcile.judge(loaded.fingerprint, loaded.reading.config.is_some());
        match verdict {
            ReadOutcome::Unchanged => debug!("read {}: unchanged", self.path.display()),
            ReadOutcome::Restored => {
                self.snapshots.restore();
                info!("{} is again what is applied", self.path.display());
            }
            ReadOutcome::Changed => self.apply(loaded),
            ReadOutcome::Rejected => self.reject(loaded),
        }
        self.arm();
        (Some(verdict), POLL)
    }

    /// Whether a reading is one of files that are done: they are as they were when they were looked at, and quiet.
    fn counts(&mut self, loaded: &Loaded, trust: ReadTrigger) -> bool {
        let is_alone = || loaded.reading.config.is_some() && loaded.stamps.len() == 1;
        match trust {
            ReadTrigger::Asked => true,
            ReadTrigger::Quiet => self.settle.confirm(&loaded.stamps, Instant::now()),
            ReadTrigger::Early => self.settle.confirm(&loaded.stamps, Instant::now()) && is_alone(),
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
        loaded.lint(now);
        log_warnings(&loaded.reading.diagnostics);
        after.warn(loaded.reading.diagnostics);
    }

    fn reject(&self, loaded: Loaded) {
        let diagnostics = loaded.reading.diagnostics;
        let rejected =
            RejectedReading { at: clock::now(), sha256: loaded.sha256, diagnostics: diagnostics.clone() };
        // First, so that /status already knows what the log says.
        self.snapshots.reject(rejected);
        log_errors(&diagnostics);
        error!("{} is not applied; the last good snapshot stays", self.path.display());
    }

    /// Sees that hints come of the folders that the files are in by now. What changed before they did gave none: the
    /// answer leads to a look.
    fn arm(&mut self) {
        self.notifier.arm(self.settle.files());
        let answer = self.notifier.answer();
        self.hear(answer);
    }

    /// Says once that there are no hints, and once that there are again.
    fn hear(&self, answer: Option<notify::Result<()>>) {
        let Some(answer) = answer else { return };
        let mode = if answer.is_ok() { Mode::Events } else { Mode::Polling };
        match answer {
            Err(error) if self.handle.mode() == Mode::Events => {
                warn!("the system reports no file changes ({error}): polling each second instead");
            }
            Ok(()) if self.handle.mode() == Mode::Polling => info!("the system reports file changes again"),
            Err(_) | Ok(()) => {}
        }
        self.handle.set(mode);
    }
}

/// What a reading is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadTrigger {
    /// Somebody asked for it: it counts.
    Asked,
    /// The files have been quiet.
    Quiet,
    /// They have just changed, and more may be to come: it counts if it is valid, and of one file. An error can wait.
    Early,
}
