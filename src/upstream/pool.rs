//! Connections that wait for their next request.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;
use tokio::time::{Instant, interval};

use super::connect::Io;
use super::upload::Upload;
use crate::config::upstream_address::UpstreamAddress;

/// Of each upstream, for each thread.
const MAX_IDLE: usize = 128;
/// A connection idle for longer is closed: below the 75 s of nginx, so that mostly it is not the upstream that does.
const MAX_IDLE_TIME: Duration = Duration::from_mins(1);

/// One thread's idle connections, by upstream.
pub(super) struct Pool<C> {
    // There is mostly one, and two for a while after a reload: to compare is quicker than to hash.
    upstreams: RefCell<Vec<(UpstreamAddress, Rc<Idle<C>>)>>,
    swept: Cell<bool>,
}

/// The idle connections to one upstream: the one used last is used next, so that those not needed grow old.
pub(super) struct Idle<C>(RefCell<Vec<(Instant, C)>>);

/// What carries one request after another.
pub(super) trait Reusable: 'static {
    /// Whether it could carry a request now, as far as can be told without sending one.
    fn is_idle(&mut self) -> bool;
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self { upstreams: RefCell::default(), swept: Cell::default() }
    }
}

impl<C> Default for Idle<C> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

/// A connection to an upstream. It is closed when this is dropped, whatever it is at.
pub(super) struct Connection {
    sender: SendRequest<Upload>,
    driver: AbortHandle,
    heard: Arc<AtomicBool>,
    last: bool,
}

impl<C: Reusable> Pool<C> {
    /// The idle connections to `upstream`.
    pub(super) fn idle(self: &Rc<Self>, upstream: &UpstreamAddress) -> Rc<Idle<C>> {
        if let Some((_, idle)) = self.upstreams.borrow().iter().find(|(other, _)| other == upstream) {
            return Rc::clone(idle);
        }
        self.sweep_from_now_on();
        let idle = Rc::<Idle<C>>::default();
        self.upstreams.borrow_mut().push((upstream.clone(), Rc::clone(&idle)));
        idle
    }

    fn sweep_from_now_on(self: &Rc<Self>) {
        if !self.swept.replace(true) {
            tokio::task::spawn_local(sweep(Rc::downgrade(self)));
        }
    }
}

async fn sweep<C: Reusable>(pool: Weak<Pool<C>>) {
    let mut ticks = interval(MAX_IDLE_TIME / 2);
    loop {
        ticks.tick().await;
        let Some(pool) = pool.upgrade() else { return };
        pool.upstreams.borrow_mut().retain(|(_, idle)| {
            idle.drop_expired();
            Rc::strong_count(idle) > 1 || !idle.0.borrow().is_empty()
        });
    }
}

impl<C: Reusable> Idle<C> {
    /// A connection that seems alive.
    pub(super) fn take(&self) -> Option<C> {
        let mut idle = self.0.borrow_mut();
        while let Some((since, mut connection)) = idle.pop() {
            if connection.is_idle() && since.elapsed() < MAX_IDLE_TIME {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection that has nothing left to carry.
    pub(super) fn put(&self, connection: C) {
        let mut idle = self.0.borrow_mut();
        if idle.len() < MAX_IDLE {
            idle.push((Instant::now(), connection));
        }
    }

    fn drop_expired(&self) {
        self.0
            .borrow_mut()
            .retain_mut(|(since, connection)| since.elapsed() < MAX_IDLE_TIME && connection.is_idle());
    }
}

impl Connection {
    /// Begins HTTP/1.1 on a fresh connection.
    pub(super) async fn begin(io: Io) -> hyper::Result<Self> {
        let heard = io.heard();
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        // Its errors reach the requests and bodies that they are of.
        let driver = tokio::task::spawn_local(connection.with_upgrades()).abort_handle();
        Ok(Self { sender, driver, heard, last: false })
    }

    /// Sends a request. Where none of it was written, the error has it.
    pub(super) fn send(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>> + use<> {
        self.heard.store(false, Ordering::Relaxed);
        self.sender.try_send_request(request)
    }

    /// Whether the upstream has said anything since the request was sent.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Lets it carry no further request.
    pub(super) fn retire(&mut self) {
        self.last = true;
    }
}

impl Reusable for Connection {
    fn is_idle(&mut self) -> bool {
        !self.last && self.sender.is_ready()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A connection that still carries a response's body. It goes back to its pool once nothing is left to come.
pub(super) struct Lease {
    connection: Option<Connection>,
    idle: Rc<Idle<Connection>>,
}

impl Lease {
    /// None where the whole response has come already, and the connection has gone back.
    pub(super) fn unless_idle(mut connection: Connection, idle: Rc<Idle<Connection>>) -> Option<Self> {
        if connection.is_idle() {
            idle.put(connection);
            return None;
        }
        Some(Self { connection: Some(connection), idle })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.is_idle()
        {
            self.idle.put(connection);
        }
    }
}
