//! The cell that holds the current snapshot, and the last reading if that was rejected.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;

use super::Snapshot;
use crate::config::Config;
use crate::config::diagnostic::Diagnostic;

/// A version of the file that was read and could not be applied.
#[derive(Clone, Debug)]
pub struct RejectedReading {
    /// The time at which it was read.
    pub at: Timestamp,
    /// The SHA-256 of the file, in hexadecimal; `None` if it could not be read.
    pub sha256: Option<String>,
    /// The errors in it.
    pub diagnostics: Vec<Diagnostic>,
}

/// The cell that holds the current snapshot, and the last reading if that was rejected.
#[derive(Debug)]
pub struct Snapshots {
    /// Shared with each [`SnapshotCache`](super::SnapshotCache).
    pub(super) current: Arc<ArcSwap<Snapshot>>,
    rejected: ArcSwapOption<RejectedReading>,
    generation: AtomicU64,
    rejections: AtomicU64,
    /// The thread that prepares pages.
    preparing: OnceLock<Thread>,
}

impl Snapshots {
    /// Starts with a first snapshot, of generation 1.
    pub fn new(config: Config, sha256: String, now: Timestamp) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(Snapshot::new(config, 1, sha256, now))),
            rejected: ArcSwapOption::empty(),
            generation: AtomicU64::new(1),
            rejections: AtomicU64::new(0),
            preparing: OnceLock::new(),
        }
    }

    /// Unparks this thread whenever another snapshot becomes the current one. Only the first call has an effect.
    pub fn unpark_when_applied(&self, thread: Thread) {
        let _already_set = self.preparing.set(thread);
    }

    /// Returns the current snapshot. A request asks once and keeps it.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Makes a snapshot of a config the current one, for all requests that begin from now on.
    pub fn apply(&self, config: Config, sha256: String, now: Timestamp) -> Arc<Snapshot> {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let snapshot = Snapshot::new(config, generation, sha256, now).succeeding(&self.current(), now);
        snapshot.prepare_likely_variants(now);
        let snapshot = Arc::new(snapshot);
        // In this order: nobody may see the new snapshot together with the error that it fixes.
        self.rejected.store(None);
        self.current.store(Arc::clone(&snapshot));
        if let Some(thread) = self.preparing.get() {
            thread.unpark();
        }
        snapshot
    }

    /// Records a reading that could not be applied. The current snapshot stays.
    pub fn reject(&self, rejected: RejectedReading) {
        self.rejections.fetch_add(1, Ordering::Relaxed);
        self.rejected.store(Some(Arc::new(rejected)));
    }

    /// Returns the number of readings that could not be applied so far.
    pub fn rejections(&self) -> u64 {
        self.rejections.load(Ordering::Relaxed)
    }

    /// Records that the file is again the one that is applied.
    pub fn restore(&self) {
        self.rejected.store(None);
    }

    /// Returns the last reading, if it could not be applied.
    pub fn rejected(&self) -> Option<Arc<RejectedReading>> {
        self.rejected.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tests::{at, config};

    #[test]
    fn a_rejection_lasts_until_a_file_is_applied_or_the_applied_one_is_restored() {
        let snapshots = Snapshots::new(config("# first\n"), "first".into(), at(0));
        let rejected = || RejectedReading { at: at(1), sha256: Some("bad".into()), diagnostics: Vec::new() };
        let apply = |snapshots: &Snapshots| {
            snapshots.apply(config("# next\n"), "next".into(), at(2));
        };
        for (number, fix) in [(1, &Snapshots::restore as &dyn Fn(&Snapshots)), (2, &apply)] {
            snapshots.reject(rejected());
            assert_eq!(snapshots.rejected().and_then(|r| r.sha256.clone()).as_deref(), Some("bad"));
            assert_eq!(snapshots.current().sha256, "first");
            fix(&snapshots);
            assert!(snapshots.rejected().is_none());
            assert_eq!(snapshots.rejections(), number);
        }
        let current = snapshots.current();
        assert_eq!((current.generation, current.sha256.as_str(), current.applied_at), (2, "next", at(2)));
    }
}
