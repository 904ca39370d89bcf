//! A queue for one thread that never grows beyond its limit.

use std::cell::RefCell;
use std::collections::VecDeque;

use tokio::sync::Notify;

/// The most items of a queue. Events are rare: this many are those of a day in which somebody edits the file every few minutes.
pub(super) const MAX_QUEUED: usize = 256;

/// Items that wait. If there are too many, the oldest is dropped: the newest tells the current state.
#[derive(Debug)]
pub(super) struct BoundedQueue<T> {
    items: RefCell<VecDeque<T>>,
    added: Notify,
}

impl<T> Default for BoundedQueue<T> {
    fn default() -> Self {
        Self { items: RefCell::default(), added: Notify::new() }
    }
}

impl<T> BoundedQueue<T> {
    /// Adds an item. Returns the oldest one if it had to be dropped.
    pub(super) fn push(&self, item: T) -> Option<T> {
        let mut items = self.items.borrow_mut();
        let dropped = if items.len() >= MAX_QUEUED { items.pop_front() } else { None };
        items.push_back(item);
        self.added.notify_one();
        dropped
    }

    /// Waits for the oldest item and takes it. Only one task may wait.
    pub(super) async fn pop(&self) -> T {
        loop {
            if let Some(item) = self.items.borrow_mut().pop_front() {
                return item;
            }
            self.added.notified().await;
        }
    }

    /// Drops all items. Returns their number.
    pub(super) fn clear(&self) -> usize {
        let mut items = self.items.borrow_mut();
        let count = items.len();
        items.clear();
        count
    }

    /// Returns the number of items.
    pub(super) fn len(&self) -> usize {
        self.items.borrow().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn items_keep_their_order_and_the_oldest_is_dropped() {
        let queue = BoundedQueue::default();
        let dropped: Vec<_> = (0..MAX_QUEUED + 2).filter_map(|item| queue.push(item)).collect();
        assert_eq!((dropped, queue.len()), (vec![0, 1], MAX_QUEUED));
        for item in 2..MAX_QUEUED + 2 {
            assert_eq!(queue.pop().await, item);
        }
        let (item, _) = tokio::join!(queue.pop(), async { queue.push(7) });
        assert_eq!(item, 7);
        queue.push(8);
        assert_eq!((queue.clear(), queue.len()), (1, 0));
    }
}
