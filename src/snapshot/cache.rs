//! The cell as one thread sees it.

use std::cell::{Ref, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::{Phase, Snapshot, Snapshots};

/// The cell as one thread sees it, which keeps what it saw: to ask if that still holds costs next to nothing.
#[derive(Debug)]
pub struct SnapshotCache {
    snapshots: Arc<Snapshots>,
    seen: RefCell<(Arc<Snapshot>, Arc<Phase>)>,
}

impl SnapshotCache {
    /// A view of a cell.
    pub fn new(snapshots: Arc<Snapshots>, now: Timestamp) -> Self {
        let snapshot = snapshots.current();
        let phase = snapshot.phase(now);
        Self { snapshots, seen: RefCell::new((snapshot, phase)) }
    }

    /// The snapshot that is applied now, and what its schedule says of `now`.
    pub fn at(&self, now: Timestamp) -> Ref<'_, (Arc<Snapshot>, Arc<Phase>)> {
        let seen = self.seen.borrow();
        // Acquired: what was published before can be seen.
        let published = self.snapshots.published.load(Ordering::Acquire);
        if seen.0.generation >= published && seen.1.moment.holds_at(now) {
            return seen;
        }
        drop(seen);
        let snapshot = self.snapshots.current();
        let phase = snapshot.phase(now);
        self.seen.replace((snapshot, phase));
        self.seen.borrow()
    }
}
