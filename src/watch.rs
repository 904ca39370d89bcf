//! Watches the config file and the files that it names, and applies changes.
//!
//! Events are hints; the content decides. An event for one of the files, an error or an overflow makes the watch check
//! the files' stamps, and so does a poll each second. If a stamp has changed, or an event reported a write, the files
//! are read after the quiet time. If the content has changed, it is applied or rejected. All this happens on a thread
//! of its own, so that no request waits for a disk.

mod announce;
mod apply;
mod debounce;
mod handle;
mod notifier;
mod reconcile;
mod symlinks;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use self::announce::AnnouncedPeriods;
pub use self::apply::Applied;
use self::apply::Applier;
use self::debounce::{Debounce, FileStamps, Hint, NextStep};
pub use self::handle::{Handle, Mode, WatchEvent};
use self::notifier::Notifier;
use self::reconcile::{ReadOutcome, Reconcile};
use crate::clock;
use crate::config::load::{Loaded, load_again};
use crate::snapshot::{RejectedReading, Snapshot, Snapshots};
use crate::store::read::FileStamp;

/// The interval at which the stamps are checked without an event.
const POLL: Duration = Duration::from_secs(1);
/// The interval at which the files are read without a change, and events are requested again if there are none.
const REREAD: Duration = Duration::from_secs(30);
/// The events handled as one. A directory in which more and more happens must not keep the files from being checked.
const MAX_SIMULTANEOUS: usize = 4096;

/// What a watch tells the rest of the process.
#[derive(Clone, Copy)]
pub enum WatchNotice<'a> {
    /// It reads the file because an operator has asked for it.
    Reloading,
    /// It has read it.
    Reloaded,
    /// The state of this snapshot has changed.
    State(&'a Snapshot),
    /// It has checked the files and the clock, as it does at least each second. Each snapshot is told.
    Checked(&'a Snapshot),
    /// It has rejected a version of the file while this snapshot was the current one.
    Rejected(&'a Snapshot, &'a RejectedReading),
}

/// Called with what a watch does, on its thread.
pub type Notify = Box<dyn FnMut(WatchNotice<'_>) + Send>;

/// A watch, ready to run.
pub struct Watch {
    applier: Applier,
    debounce: Debounce,
    notifier: Notifier,
    events: Receiver<WatchEvent>,
    announced: AnnouncedPeriods,
    /// When the files are read again although their stamps have not changed.
    reread_at: Instant,
    handle: Handle,
    notify: Notify,
}

impl Watch {
    /// Watches `path`, which was read as `loaded` and applied. Changes since that reading count.
    pub fn new(
        path: PathBuf,
        loaded: &Loaded,
        snapshots: Arc<Snapshots>,
        applied: Applied,
        notify: Notify,
    ) -> (Self, Handle) {
        let (handle, events) = Handle::new();
        let mut watch = Self {
            announced: AnnouncedPeriods::new(&snapshots.current(), clock::now()),
            applier: Applier { path, snapshots, reconcile: Reconcile::new(loaded.fingerprint), applied },
            debounce: Debounce::new(loaded.stamps.clone()),
            notifier: Notifier::new(handle.events()),
            events,
            reread_at: Instant::now() + REREAD,
            handle: handle.clone(),
            notify,
        };
        watch.notifier.arm(watch.debounce.files());
        let ready = watch.notifier.wait_ready();
        watch.update_mode(ready);
        (watch, handle)
    }

    /// Runs until the process ends.
    pub fn run(mut self) {
        (self.notify)(WatchNotice::State(&self.applier.snapshots.current()));
        let mut wait = Duration::ZERO;
        loop {
            let Some(events) = self.next(wait) else { return };
            wait = self.check(&events);
            let current = self.applier.snapshots.current();
            if self.announced.update(&current, &self.applier.path, clock::now()) {
                (self.notify)(WatchNotice::State(&current));
            }
            (self.notify)(WatchNotice::Checked(&current));
        }
    }

    /// Waits at most this long for a relevant event, and returns it with all others that are there. Other entries of the
    /// directories may change as often as they like without making the watch check the files.
    fn next(&self, wait: Duration) -> Option<Vec<WatchEvent>> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) if self.is_relevant(&event) => {
                    let more = self.events.try_iter().take(MAX_SIMULTANEOUS);
                    let more = more.filter(|event| self.is_relevant(event));
                    return Some(std::iter::once(event).chain(more).collect());
                }
                Ok(_) if !left.is_zero() => {}
                Ok(_) | Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn is_relevant(&self, event: &WatchEvent) -> bool {
        match event {
            WatchEvent::Touched(name) | WatchEvent::Renamed(name) => self.notifier.watches(name),
            WatchEvent::Lost | WatchEvent::WatchReady | WatchEvent::Reload => true,
        }
    }

    /// Checks the files' stamps, reads the files if that is due, and returns how long to wait for the next check.
    fn check(&mut self, events: &[WatchEvent]) -> Duration {
        if events.contains(&WatchEvent::Lost) {
            self.notifier.disarm();
        }
        self.arm();
        if events.contains(&WatchEvent::Reload) {
            return self.reload();
        }
        let hint = events.iter().map(WatchEvent::hint).max().unwrap_or(Hint::Nothing);
        let stamps: FileStamps =
            self.debounce.files().map(|file| (file.clone(), FileStamp::from_path(file))).collect();
        match self.debounce.observe(stamps, hint, Instant::now()) {
            NextStep::Wait(wait) => wait,
            NextStep::Busy(wait) => {
                let path = self.applier.path.display();
                warn!("{path} has kept changing for 10 s; it will be applied when it stops changing");
                wait
            }
            NextStep::Idle if Instant::now() < self.reread_at => POLL,
            NextStep::Idle | NextStep::Read => self.read(ReadTrigger::Quiet).1,
            NextStep::ReadEarly => self.read(ReadTrigger::Early).1,
        }
    }

    fn reload(&mut self) -> Duration {
        info!("received SIGHUP: reading {} again", self.applier.path.display());
        (self.notify)(WatchNotice::Reloading);
        let (outcome, wait) = self.read(ReadTrigger::Reload);
        if outcome == Some(ReadOutcome::Unchanged) {
            self.applier.log_unchanged();
        }
        (self.notify)(WatchNotice::Reloaded);
        wait
    }

    /// Reads the files and acts on the content. Returns the outcome, unless another program may still be writing the
    /// files, and how long to wait for the next check.
    fn read(&mut self, trigger: ReadTrigger) -> (Option<ReadOutcome>, Duration) {
        if self.notifier.is_unavailable() {
            self.notifier.disarm();
        }
        let loaded = load_again(&self.applier.path, &self.applier.snapshots.current().config);
        self.reread_at = Instant::now() + if loaded.lacked_descriptors { POLL } else { REREAD };
        if loaded.changing || !self.is_complete(&loaded, trigger) {
            return (None, debounce::QUIET);
        }
        self.debounce.set_read(loaded.stamps.clone());
        let outcome = self.applier.process(loaded);
        if let (ReadOutcome::Rejected, Some(rejected)) = (outcome, self.applier.snapshots.rejected()) {
            (self.notify)(WatchNotice::Rejected(&self.applier.snapshots.current(), &rejected));
        }
        self.arm();
        (Some(outcome), POLL)
    }

    /// Returns true if a reading counts: the files are as they were when they were checked, and have been quiet.
    fn is_complete(&mut self, loaded: &Loaded, trigger: ReadTrigger) -> bool {
        let is_valid_alone = || loaded.reading.config.is_some() && loaded.stamps.len() == 1;
        match trigger {
            ReadTrigger::Reload => true,
            ReadTrigger::Quiet => self.debounce.confirm(&loaded.stamps, Instant::now()),
            ReadTrigger::Early => self.debounce.confirm(&loaded.stamps, Instant::now()) && is_valid_alone(),
        }
    }

    /// Watches the directories that the files are in now. Changes made before that give no event, so
    /// [`WatchEvent::WatchReady`] makes the watch check the files.
    fn arm(&mut self) {
        self.notifier.arm(self.debounce.files());
        let ready = self.notifier.poll_ready();
        self.update_mode(ready);
    }

    /// Logs once that there are no events, and once that there are again.
    fn update_mode(&self, ready: Option<notify::Result<()>>) {
        let Some(ready) = ready else { return };
        let mode = if ready.is_ok() { Mode::Events } else { Mode::Polling };
        match ready {
            Err(error) if self.handle.mode() == Mode::Events => {
                warn!("cannot watch for file changes ({error}); polling every second instead");
            }
            Ok(()) if self.handle.mode() == Mode::Polling => info!("watching for file changes again"),
            Err(_) | Ok(()) => {}
        }
        self.handle.set_mode(mode);
    }
}

/// The reason why the files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadTrigger {
    /// An operator asked for it: the reading counts.
    Reload,
    /// The files have been quiet.
    Quiet,
    /// A file was renamed into place and others may follow: the reading counts if it is valid and of one file only.
    Early,
}
