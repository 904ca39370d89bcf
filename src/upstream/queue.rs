//! The requests that wait until they may use a connection, in the order in which they came.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::connections::Turn;
use super::target::Target;

/// The requests of all threads that wait for a turn.
#[derive(Default)]
pub(super) struct TurnQueue {
    requests: Mutex<VecDeque<QueuedRequest>>,
    /// How many they are.
    length: AtomicUsize,
    next_id: AtomicU64,
}

struct QueuedRequest {
    id: u64,
    target: Target,
    turn: oneshot::Sender<Turn>,
}

impl TurnQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.length.load(Ordering::SeqCst) == 0
    }

    /// Adds a request. Returns its place, until that is dropped, and its turn.
    pub(super) fn push(&self, target: &Target) -> (QueuePlace<'_>, oneshot::Receiver<Turn>) {
        let (turn, granted) = oneshot::channel();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.change(|requests| requests.push_back(QueuedRequest { id, target: target.clone(), turn }));
        (QueuePlace { queue: self, id }, granted)
    }

    /// Gives the requests for which `make` makes a turn their turn, one after another, as long as `may_make`.
    pub(super) fn give(&self, may_make: impl Fn() -> bool, make: impl Fn(&Target) -> Option<Turn>) {
        let unwanted: Vec<_> = self.change(|requests| {
            let (mut unwanted, mut next) = (Vec::new(), 0);
            while may_make()
                && let Some(request) = requests.get(next)
            {
                match make(&request.target) {
                    Some(turn) => {
                        unwanted.extend(requests.remove(next).and_then(|given| given.turn.send(turn).err()));
                    }
                    None => next += 1,
                }
            }
            unwanted
        });
        // Each goes to another request when it is dropped, which needs the lock.
        drop(unwanted);
    }

    fn change<T>(&self, change: impl FnOnce(&mut VecDeque<QueuedRequest>) -> T) -> T {
        let mut requests: MutexGuard<'_, _> = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut requests);
        self.length.store(requests.len(), Ordering::SeqCst);
        changed
    }
}

/// The place of a request in the queue, until it is dropped.
pub(super) struct QueuePlace<'q> {
    queue: &'q TurnQueue,
    id: u64,
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.queue.change(|requests| requests.retain(|request| request.id != self.id));
    }
}
