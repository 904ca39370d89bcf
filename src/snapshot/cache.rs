//! One thread's cached reference to the current snapshot.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use jiff::Timestamp;

use super::{Phase, Snapshot, Snapshots};

/// One thread's reference to the current snapshot and phase. To check that they are current takes one relaxed load.
#[derive(Debug)]
pub struct SnapshotCache(RefCell<Cached>);

#[derive(Debug)]
struct Cached {
    latest: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    current: Rc<CurrentSnapshot>,
}

/// A snapshot, and its phase at the time of a request.
#[derive(Clone, Debug)]
pub struct CurrentSnapshot {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The phase.
    pub phase: Arc<Phase>,
}

impl CurrentSnapshot {
    fn new(snapshot: Arc<Snapshot>, now: Timestamp) -> Self {
        Self { phase: snapshot.phase(now), snapshot }
    }
}

impl SnapshotCache {
    /// Caches the current snapshot of `snapshots`.
    pub fn new(snapshots: &Snapshots, now: Timestamp) -> Self {
        let latest = Cache::new(Arc::clone(&snapshots.current));
        let current = Rc::new(CurrentSnapshot::new(snapshots.current(), now));
        Self(RefCell::new(Cached { latest, current }))
    }

    /// Looks at the current snapshot, at what does not depend on the time.
    pub fn with_latest<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        look(self.0.borrow_mut().latest.load())
    }

    /// Returns the current snapshot, and its phase at `now`. Cloning an `Rc` is cheaper than cloning two `Arc`s.
    pub fn at(&self, now: Timestamp) -> Rc<CurrentSnapshot> {
        let Cached { latest, current } = &mut *self.0.borrow_mut();
        let snapshot = latest.load();
        if !Arc::ptr_eq(snapshot, &current.snapshot) || !current.phase.state.holds_at(now) {
            *current = Rc::new(CurrentSnapshot::new(Arc::clone(snapshot), now));
        }
        Rc::clone(current)
    }
}
