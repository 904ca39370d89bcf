//! Idle connections to upstreams.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::{Instant, interval};

use super::connect::{TlsSettings, is_same};
use super::connections::{ConnectionGuard, Connections};
use super::{Route, SharedUpstreams};
use crate::config::UpstreamSite;
use crate::config::upstream_address::UpstreamAddress;
use crate::net::stream::Stream;

/// The interval at which expired connections are closed.
const SWEEP_INTERVAL: Duration = Duration::from_millis(500);

/// One thread's idle connections, by upstream. The one used last is used next, so that the ones not needed expire.
#[derive(Default)]
pub(super) struct Pool {
    // There is usually one, and two for a while after a reload: comparing is faster than hashing.
    upstreams: RefCell<Vec<(UpstreamAddress, TlsSettings, Vec<IdleConnection>)>>,
    /// True while a task runs [`sweep`].
    is_swept: Cell<bool>,
    connections: Connections,
}

struct IdleConnection {
    stream: Stream,
    guard: ConnectionGuard,
    since: Instant,
    limit: Duration,
}

impl Pool {
    /// A pool that closes its idle connections when a request waits for one in any pool of the same `shared`.
    pub(super) fn sharing(shared: &SharedUpstreams) -> Rc<Self> {
        Rc::new(Self { connections: shared.connections.clone(), ..Self::default() })
    }

    /// The connections of all pools.
    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Takes a connection to `upstream` with these settings that seems alive at `now`.
    pub(super) fn take(
        &self,
        upstream: &UpstreamAddress,
        tls: &TlsSettings,
        now: Instant,
    ) -> Option<(Stream, ConnectionGuard)> {
        let mut upstreams = self.upstreams.borrow_mut();
        let (_, _, idle) =
            upstreams.iter_mut().find(|(other, of, _)| other == upstream && is_same(of, tls))?;
        while let Some(mut connection) = idle.pop() {
            if connection.is_usable(now) {
                return Some((connection.stream, connection.guard));
            }
        }
        None
    }

    /// Keeps a connection of this route, which the upstream keeps for `announced`, within the route's limits. Closes it if a
    /// request waits for that.
    pub(super) fn put(
        self: &Rc<Self>,
        route: &Route<'_>,
        (stream, guard): (Stream, ConnectionGuard),
        announced: Duration,
    ) {
        let Route { site: UpstreamSite { upstream, tls, .. }, limits, .. } = route;
        let limit = announced.min(limits.upstream_idle);
        if limit.is_zero() || self.connections.are_awaited() {
            // Before it no longer counts.
            drop(stream);
            return;
        }
        let connection = IdleConnection { stream, guard, since: Instant::now(), limit };
        let mut upstreams = self.upstreams.borrow_mut();
        match upstreams.iter_mut().find(|(other, of, _)| other == upstream && is_same(of, tls)) {
            Some((_, _, idle)) if idle.len() < limits.upstream_idle_connections => idle.push(connection),
            Some(_) => {}
            None => upstreams.push((upstream.clone(), tls.clone(), vec![connection])),
        }
        self.start_sweeping();
    }

    fn start_sweeping(self: &Rc<Self>) {
        if !self.is_swept.replace(true) {
            tokio::task::spawn_local(sweep(Rc::downgrade(self), self.connections.clone()));
        }
    }

    /// Closes the connections that have expired. Returns false if none are left.
    fn close_expired(&self) -> bool {
        let now = Instant::now();
        let mut upstreams = self.upstreams.borrow_mut();
        upstreams.retain_mut(|(_, _, idle)| {
            idle.retain_mut(|connection| connection.is_usable(now));
            !idle.is_empty()
        });
        !upstreams.is_empty()
    }

    fn close_all(&self) -> bool {
        self.upstreams.borrow_mut().clear();
        false
    }
}

/// Closes connections that expire, and all of them on request. Ends when there are none.
async fn sweep(pool: Weak<Pool>, connections: Connections) {
    let mut ticks = interval(SWEEP_INTERVAL);
    loop {
        let closes_all = tokio::select! {
            _ = ticks.tick() => false,
            () = connections.close_requested() => true,
        };
        let Some(pool) = pool.upgrade() else { return };
        let has_any =
            if closes_all || connections.are_awaited() { pool.close_all() } else { pool.close_expired() };
        if !has_any {
            pool.is_swept.set(false);
            return;
        }
    }
}

impl IdleConnection {
    /// Returns true if it could carry a request at `now`, as far as can be told without sending one. An upstream that has
    /// sent something has either closed, or sent a response that was not requested.
    fn is_usable(&mut self, now: Instant) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        now.saturating_duration_since(self.since) < self.limit
            && Pin::new(&mut self.stream).poll_read(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }
}
