//! Counts the connections to upstreams, and holds back new ones at a limit: `[limits] upstream_connections`.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::contention::Contention;
use super::translated::StreamFailure;
use crate::net::pipe::AbortOnDrop;

/// The connections of the whole process. Clones count the same ones.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<ConnectionCount>);

#[derive(Default)]
struct ConnectionCount {
    open: AtomicUsize,
    /// The requests that wait until a connection closes.
    waiting: AtomicUsize,
    closed: Notify,
}

impl Connections {
    /// Counts one more connection; `None` if `limit` are open, unless it is zero. It counts until it is dropped.
    fn try_open(&self, limit: usize) -> Option<CountedConnection> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let more = |open: usize| (open < limit).then_some(open + 1);
        let counted = self.0.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        counted.is_ok().then(|| CountedConnection(Arc::clone(&self.0)))
    }

    /// Counts one more connection, as soon as fewer than `limit` are open, or at once if it is zero. Idle connections of all
    /// threads are closed for it: nobody else could use them for this request.
    pub(super) async fn open(&self, limit: usize, contention: &Contention) -> CountedConnection {
        if let Some(counted) = self.try_open(limit) {
            return counted;
        }
        let _waiting = WaitingRequest::new(&self.0);
        loop {
            let mut closed = pin!(self.0.closed.notified());
            // From here on, no close is missed.
            closed.as_mut().enable();
            if let Some(counted) = self.try_open(limit) {
                return counted;
            }
            contention.close_idle();
            closed.await;
        }
    }

    /// Returns the number of open connections.
    pub(super) fn count(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Returns true if a request waits until a connection closes.
    pub(super) fn are_awaited(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
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
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        match self {
            Self::Whole { .. } => None,
            Self::Stream { failure, .. } => failure.take(),
        }
    }
}

/// Counts as one open connection until it is dropped.
pub(super) struct CountedConnection(Arc<ConnectionCount>);

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.closed.notify_one();
    }
}

/// Counts as one waiting request until it is dropped.
struct WaitingRequest<'c>(&'c ConnectionCount);

impl<'c> WaitingRequest<'c> {
    fn new(count: &'c ConnectionCount) -> Self {
        count.waiting.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for WaitingRequest<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_connection_beyond_the_limit_waits_until_another_closes() {
        let (connections, contention) = (Connections::default(), Contention::default());
        let open = |limit| connections.open(limit, &contention);
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
    async fn a_request_that_gives_up_passes_its_turn_on() {
        let (connections, contention) = (Connections::default(), Contention::default());
        let open = || Box::pin(connections.open(1, &contention));
        let only = open().await;
        let (mut first, mut second) = (open(), open());
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        drop(only);
        drop(first);
        assert!(second.now_or_never().is_some());
    }
}
