//! Counts the connections to upstreams, and makes requests wait at a limit: `[limits] upstream_connections`.
//!
//! A request that waits gets the next connection, or a place on one of HTTP/2 of any thread, whatever comes first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::queue::TurnQueue;
use super::shared_connection::{RequestCount, RequestPlace, SharedConnection};
use super::target::Target;
use super::translated::{StreamError, StreamFailure};
use crate::descriptors::{Descriptors, REQUESTS};
use crate::net::pipe::AbortOnDrop;

/// The connections of the whole process. Clones count the same ones.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<ProcessConnections>);

#[derive(Default)]
struct ProcessConnections {
    open: AtomicUsize,
    /// The connections of HTTP/2 that take requests.
    shared: Mutex<Vec<Arc<SharedConnection>>>,
    waiting: TurnQueue,
    close_idle: Notify,
}

/// What a request may use.
pub(super) enum Turn {
    /// One more connection.
    Connection(CountedConnection),
    /// A place on a connection that is open.
    Place(RequestPlace),
}

impl Connections {
    /// Counts one more connection; `None` if `limit` are open, unless it is zero. It counts until it is dropped.
    fn try_open(&self, limit: usize) -> Option<CountedConnection> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let more = |open: usize| (open < limit).then_some(open + 1);
        let counted = self.0.open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        counted.is_ok().then(|| CountedConnection { connections: self.clone(), descriptor: None })
    }

    fn try_turn(&self, target: &Target) -> Option<Turn> {
        if let Some(counted) = self.try_open(target.max_connections) {
            return Some(Turn::Connection(counted));
        }
        let shared = self.shared();
        let usable = shared.iter().filter(|connection| connection.may_take(target));
        usable.min_by_key(|connection| connection.requests.get())?.place(false).map(Turn::Place)
    }

    /// Returns what a request with this target may use, as soon as there is something. Idle connections of all threads are
    /// closed for it if it has to wait: nobody else could use them for this request.
    pub(super) async fn turn(&self, target: &Target) -> Turn {
        loop {
            if let Some(turn) = self.try_turn(target) {
                return turn;
            }
            let (_place, turn) = self.0.waiting.push(target);
            // From here on, nothing is missed.
            if let Some(turn) = self.try_turn(target) {
                return turn;
            }
            self.close_idle();
            if let Ok(turn) = turn.await {
                return turn;
            }
        }
    }

    /// Lets the requests of all threads use a connection of HTTP/2, until what is returned is dropped.
    pub(super) fn share(&self, connection: &Arc<SharedConnection>) -> SharedUntilDropped {
        self.shared().push(Arc::clone(connection));
        self.offer_places(connection);
        SharedUntilDropped { connections: self.clone(), requests: connection.requests.clone() }
    }

    /// Gives the places that a connection has to requests that wait. Lets it close for them if they cannot use it.
    pub(super) fn offer_places(&self, connection: &Arc<SharedConnection>) {
        if !self.are_awaited() {
            return;
        }
        let place = |target: &Target| connection.may_take(target).then(|| connection.place(false)).flatten();
        self.0.waiting.give(|| connection.has_space(), |target| place(target).map(Turn::Place));
        if connection.requests.get() == 0 {
            self.close_idle();
        }
    }

    /// Tells all threads to close their idle connections now.
    pub(super) fn close_idle(&self) {
        self.0.close_idle.notify_waiters();
    }

    /// Waits for the next call of [`Connections::close_idle`] after this one.
    pub(super) fn close_requested(&self) -> Notified<'_> {
        self.0.close_idle.notified()
    }

    /// Returns the number of open connections.
    pub(super) fn count(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Returns true if a request waits for its turn.
    pub(super) fn are_awaited(&self) -> bool {
        !self.0.waiting.is_empty()
    }

    fn shared(&self) -> MutexGuard<'_, Vec<Arc<SharedConnection>>> {
        self.0.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of HTTP/2 takes requests of all threads until this is dropped.
pub(super) struct SharedUntilDropped {
    connections: Connections,
    requests: RequestCount,
}

impl Drop for SharedUntilDropped {
    fn drop(&mut self) {
        self.connections.shared().retain(|connection| !connection.requests.is_same(&self.requests));
    }
}

/// What a request holds of a connection, until it is dropped.
pub(super) enum ConnectionGuard {
    /// The whole.
    Whole { _counted: CountedConnection },
    /// A stream of HTTP/2. Dropping it resets the stream, unless that is complete.
    Stream { _task: AbortOnDrop, failure: StreamFailure },
}

impl ConnectionGuard {
    /// Returns the reason why a request over HTTP/2 has failed, if it is known. The stream shows its end only.
    pub(super) fn take_failure(&self) -> Option<StreamError> {
        match self {
            Self::Whole { .. } => None,
            Self::Stream { failure, .. } => failure.take(),
        }
    }
}

/// Counts as one open connection until it is dropped.
pub(super) struct CountedConnection {
    connections: Connections,
    descriptor: Option<Descriptors>,
}

impl CountedConnection {
    /// Waits until there is a descriptor for it.
    pub(super) async fn take_descriptor(&mut self) {
        self.descriptor = Some(REQUESTS.take(1).await);
    }

    /// Stops counting, but keeps the descriptor.
    pub(super) fn into_descriptor(mut self) -> Option<Descriptors> {
        self.descriptor.take()
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        // The request that gets the turn needs it.
        self.descriptor = None;
        let connections = &self.connections;
        let all = &connections.0;
        all.open.fetch_sub(1, Ordering::SeqCst);
        if connections.are_awaited() {
            let open = |target: &Target| connections.try_open(target.max_connections).map(Turn::Connection);
            all.waiting.give(|| true, open);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::config::upstream_address::UpstreamAddress;
    use crate::upstream::Protocol;

    async fn open(connections: &Connections, max_connections: usize) -> CountedConnection {
        let address = UpstreamAddress::parse("http://site.example").unwrap();
        let (tls, protocol) = (None, Protocol::Http1);
        let target = Target {
            address,
            tls,
            protocol,
            max_connections,
            connect_timeout: std::time::Duration::MAX,
            may_share: true,
        };
        match connections.turn(&target).await {
            Turn::Connection(counted) => counted,
            Turn::Place(_) => panic!("none is shared"),
        }
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_waits_until_another_closes() {
        let connections = Connections::default();
        let open = |limit| open(&connections, limit);
        let unlimited = [open(0).await, open(0).await, open(0).await];
        let mut waiting = Box::pin(open(3));
        assert!(waiting.as_mut().now_or_never().is_none() && connections.are_awaited());
        drop(unlimited);
        let first = waiting.as_mut().now_or_never().unwrap();
        drop(waiting);
        assert!(!connections.are_awaited());
        let _others = [open(3).await, open(3).await];
        assert!(open(3).now_or_never().is_none());
        drop(first);
        assert!(open(3).now_or_never().is_some());
    }

    #[tokio::test]
    async fn requests_get_their_turns_in_the_order_in_which_they_came() {
        let connections = Connections::default();
        let only = open(&connections, 1).await;
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(open(&connections, 1))).collect();
        for request in &mut waiting {
            assert!(request.as_mut().now_or_never().is_none());
        }
        drop(only);
        assert!(open(&connections, 1).now_or_never().is_none(), "it came last");
        for mut request in waiting {
            drop(request.as_mut().now_or_never().unwrap());
        }
        assert!(!connections.are_awaited());
    }

    #[tokio::test]
    async fn a_request_that_gives_up_passes_its_turn_on() {
        let connections = Connections::default();
        let open = || Box::pin(open(&connections, 1));
        for gives_up_first in [false, true] {
            let only = open().await;
            let (mut first, mut second) = (open(), open());
            assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
            if gives_up_first {
                drop(first);
                drop(only);
            } else {
                drop(only);
                drop(first);
            }
            assert!(second.now_or_never().is_some(), "{gives_up_first}");
        }
    }
}
