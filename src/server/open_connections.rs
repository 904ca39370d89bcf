//! The open connections of a thread.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::capacity::{Capacity, Place};

/// At most this many idle connections are closed at a time. nginx closes as many.
const MAX_CLOSED: usize = 32;
/// At most this share of the idle connections is closed at a time, but at least one.
const CLOSED_SHARE: usize = 8;

/// A connection that has been idle for less is not closed. Its request is probably on its way, and a thread with few idle
/// connections would close those that it has just accepted.
const MIN_IDLE: Duration = Duration::from_millis(500);

/// The open connections of a thread.
#[derive(Default)]
pub(super) struct OpenConnections {
    idleness: RefCell<Vec<Rc<Idleness>>>,
    closed: Notify,
    capacity: Arc<Capacity>,
}

impl OpenConnections {
    /// The connections of one of the threads that share the capacity of a server.
    pub(super) fn sharing(capacity: Arc<Capacity>) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Asks all threads of the server to close idle connections.
    pub(super) fn ask_for_room(&self) {
        self.capacity.ask_for_room();
    }

    /// Closes idle connections whenever a thread asks for it.
    pub(super) async fn make_room(&self) -> Infallible {
        loop {
            self.capacity.room_is_wanted().await;
            self.close_idle();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.idleness.borrow().len()
    }

    /// Wakes the connections that wait for a request, so that they find that the server is stopping.
    pub(super) fn wake_all(&self) {
        for idleness in &*self.idleness.borrow() {
            idleness.wake();
        }
    }

    /// Waits until no connection is open.
    pub(super) async fn all_closed(&self) {
        while self.count() > 0 {
            self.one_closed().await;
        }
    }

    /// Waits until a connection closes.
    pub(super) async fn one_closed(&self) {
        self.closed.notified().await;
    }

    /// Records one more connection, until the returned value is dropped; `None` if all threads have `limit` already. Zero
    /// means no limit.
    pub(super) fn open_within(self: Rc<Self>, limit: usize) -> Option<OpenConnection> {
        let place = self.capacity.take_place(limit)?;
        let idleness = Rc::new(Idleness::default());
        let mut all = self.idleness.borrow_mut();
        idleness.index.set(all.len());
        all.push(Rc::clone(&idleness));
        drop(all);
        Some(OpenConnection { all: self, idleness, place })
    }

    /// Asks those connections to close that have waited longest for a request. Busy ones are left alone.
    pub(super) fn close_idle(&self) {
        let all = self.idleness.borrow();
        let now = Instant::now();
        let open = all.iter().filter(|one| !one.must_close());
        let idle = open.filter_map(|one| Some((one.since.get()?, one)));
        let mut idle: Vec<_> = idle.filter(|(since, _)| now.duration_since(*since) >= MIN_IDLE).collect();
        let count = (idle.len() / CLOSED_SHARE).clamp(1, MAX_CLOSED);
        if idle.len() > count {
            idle.select_nth_unstable_by_key(count, |(since, _)| *since);
        }
        for (_, idleness) in idle.iter().take(count) {
            idleness.close();
        }
    }
}

/// An open connection, until it is dropped.
pub(super) struct OpenConnection {
    all: Rc<OpenConnections>,
    pub(super) idleness: Rc<Idleness>,
    pub(super) place: Place,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut all = self.all.idleness.borrow_mut();
        let index = self.idleness.index.get();
        if index < all.len() {
            all.swap_remove(index);
        }
        if let Some(moved) = all.get(index) {
            moved.index.set(index);
        }
        self.all.closed.notify_waiters();
    }
}

/// Whether a connection is idle, and must close to make room. It is idle while it waits for a whole request: for what comes before the
/// first one, such as a handshake, for its first byte, or for the rest of its head.
#[derive(Default)]
pub(super) struct Idleness {
    /// The place in [`OpenConnections`].
    index: Cell<usize>,
    since: Cell<Option<Instant>>,
    must_close: Cell<bool>,
    /// The streams that are open, over HTTP/2.
    streams: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

impl Idleness {
    /// Records that the connection has been idle since then.
    pub(super) fn begin(&self, since: Instant) {
        self.since.set(Some(since));
    }

    /// Since when the connection has been idle; `None` while it is not.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since.get()
    }

    /// Records that something has come, such as a request. The connection need not close any more.
    pub(super) fn end(&self) {
        self.since.set(None);
        self.must_close.set(false);
    }

    /// Returns true if the connection is idle and must close.
    pub(super) fn must_close(&self) -> bool {
        self.must_close.get()
    }

    /// Sets what to wake when the connection must close.
    pub(super) fn register(&self, waker: &Waker) {
        let mut registered = self.waker.borrow_mut();
        if !registered.as_ref().is_some_and(|registered| registered.will_wake(waker)) {
            *registered = Some(waker.clone());
        }
    }

    /// Ready when the connection is idle and must close.
    pub(super) fn poll_must_close(&self, cx: &Context<'_>) -> Poll<()> {
        if self.must_close() {
            return Poll::Ready(());
        }
        self.register(cx.waker());
        Poll::Pending
    }

    fn close(&self) {
        self.must_close.set(true);
        self.wake();
    }

    /// Wakes the connection, if it waits for a request.
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Records that a stream of HTTP/2 is open, until the returned value is dropped.
    pub(super) fn open_stream(self: &Rc<Self>) -> BusyConnection {
        self.streams.set(self.streams.get() + 1);
        self.end();
        BusyConnection(Rc::clone(self))
    }
}

/// A connection of HTTP/2 with a stream, until this is dropped. It is idle when the last one is.
pub(super) struct BusyConnection(Rc<Idleness>);

impl Drop for BusyConnection {
    fn drop(&mut self) {
        let left = self.0.streams.get().saturating_sub(1);
        self.0.streams.set(left);
        if left == 0 {
            self.0.begin(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(all: &Rc<OpenConnections>) -> OpenConnection {
        Rc::clone(all).open_within(0).unwrap()
    }

    #[test]
    fn the_connections_that_are_idle_longest_are_closed() {
        let now = Instant::now();
        for (idle, closed) in [(0_u64, 0_usize), (1, 1), (2, 1), (16, 2), (80, 10), (400, 32)] {
            let open = Rc::new(OpenConnections::default());
            // Every second one is busy, and those that came last are idle longest.
            let connections: Vec<_> = (0..2 * idle)
                .map(|number| {
                    let connection = connection(&open);
                    if number.is_multiple_of(2) {
                        connection.idleness.begin(now - MIN_IDLE - Duration::from_secs(number));
                    }
                    connection
                })
                .collect();
            open.close_idle();
            let expected = |number: u64| number.is_multiple_of(2) && number / 2 >= idle - closed as u64;
            for (number, connection) in (0..).zip(&connections) {
                assert_eq!(connection.idleness.must_close(), expected(number), "{number} of {idle}");
            }
            // Those that are about to close do not count again.
            open.close_idle();
            let closing = connections.iter().filter(|one| one.idleness.must_close()).count();
            assert_eq!(closing > closed, idle > closed as u64, "{closing} of {idle}");
        }
    }

    #[test]
    fn connections_are_forgotten_in_any_order() {
        let open = Rc::new(OpenConnections::default());
        let mut connections: Vec<_> = (0..5).map(|_| connection(&open)).collect();
        for (remove, left) in [(1, 4), (3, 3), (0, 2), (1, 1), (0, 0)] {
            drop(connections.remove(remove));
            assert_eq!(open.count(), left);
            let held = open.idleness.borrow();
            assert!(connections.iter().all(|one| Rc::ptr_eq(&held[one.idleness.index.get()], &one.idleness)));
        }
    }

    #[test]
    fn a_connection_that_has_just_become_idle_is_left_alone() {
        let open = Rc::new(OpenConnections::default());
        let connection = connection(&open);
        connection.idleness.begin(Instant::now());
        open.close_idle();
        assert!(!connection.idleness.must_close());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_streams_is_busy() {
        let open = Rc::new(OpenConnections::default());
        let connection = connection(&open);
        let streams = [connection.idleness.open_stream(), connection.idleness.open_stream()];
        for stream in streams {
            tokio::time::advance(MIN_IDLE).await;
            open.close_idle();
            assert!(!connection.idleness.must_close());
            drop(stream);
        }
        tokio::time::advance(MIN_IDLE).await;
        open.close_idle();
        assert!(connection.idleness.must_close());
    }

    #[test]
    fn a_request_that_begins_keeps_the_connection_open() {
        let open = Rc::new(OpenConnections::default());
        let connection = connection(&open);
        connection.idleness.begin(Instant::now() - MIN_IDLE);
        open.close_idle();
        assert!(connection.idleness.must_close());
        connection.idleness.end();
        assert!(!connection.idleness.must_close());
        open.close_idle();
        assert!(!connection.idleness.must_close());
    }
}
