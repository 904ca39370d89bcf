//! One thread's cached reference to the current snapshot.

use std::cell::{Ref, RefCell};
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use jiff::Timestamp;

use super::{Phase, Snapshot, Snapshots};

/// One thread's reference to the current snapshot and phase. To check that they are current takes one relaxed load.
#[derive(Debug)]
pub struct SnapshotCache(RefCell<Cached>);

#[derive(Debug)]
struct Cached {
    current: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    seen: (Arc<Snapshot>, Arc<Phase>),
}

impl SnapshotCache {
    /// Caches the current snapshot of `snapshots`.
    pub fn new(snapshots: &Snapshots, now: Timestamp) -> Self {
        let current = Cache::new(Arc::clone(&snapshots.current));
        let snapshot = snapshots.current();
        let phase = snapshot.phase(now);
        Self(RefCell::new(Cached { current, seen: (snapshot, phase) }))
    }

    /// Returns the current snapshot, and its phase at `now`.
    pub fn at(&self, now: Timestamp) -> Ref<'_, (Arc<Snapshot>, Arc<Phase>)> {
        {
            let Cached { current, seen } = &mut *self.0.borrow_mut();
            let snapshot = current.load();
            if !Arc::ptr_eq(snapshot, &seen.0) || !seen.1.state.holds_at(now) {
                *seen = (Arc::clone(snapshot), snapshot.phase(now));
            }
        }
        Ref::map(self.0.borrow(), |cached| &cached.seen)
    }
}
