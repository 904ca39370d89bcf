//! Idle connections to upstreams.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::task::AbortHandle;
use tokio::time::{Instant, interval};

use super::connect::Io;
use super::upload::Upload;
use crate::config::upstream_address::UpstreamAddress;

/// The limit for each upstream and thread.
const MAX_IDLE: usize = 128;
/// A connection that is idle for longer is closed. Below the 75 s of nginx, so that the upstream rarely closes it first.
const MAX_IDLE_TIME: Duration = Duration::from_mins(1);

/// One thread's idle connections, by upstream.
pub(super) struct Pool<C> {
    // There is usually one, and two for a while after a reload: comparing is faster than hashing.
    upstreams: RefCell<Vec<(UpstreamAddress, Rc<Idle<C>>)>>,
    swept: Cell<bool>,
}

/// The idle connections to one upstream. The one used last is used next, so that the ones not needed expire.
pub(super) struct Idle<C>(RefCell<Vec<(Instant, C)>>);

/// A connection that can carry one request after another.
pub(super) trait Reusable: 'static {
    /// Returns true if it could carry a request now, as far as can be told without sending one.
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

/// An HTTP/1.1 connection to an upstream. Dropping it closes it, even during a request.
pub(super) struct Connection {
    sender: SendRequest<Upload>,
    driver: AbortHandle,
    received: Arc<AtomicBool>,
    last: bool,
}

impl<C: Reusable> Pool<C> {
    /// The idle connections to `upstream`.
    pub(super) fn idle(self: &Rc<Self>, upstream: &UpstreamAddress) -> Rc<Idle<C>> {
        if let Some((_, idle)) = self.upstreams.borrow().iter().find(|(other, _)| other == upstream) {
            return Rc::clone(idle);
        }
        self.start_sweeping();
        let idle = Rc::<Idle<C>>::default();
        self.upstreams.borrow_mut().push((upstream.clone(), Rc::clone(&idle)));
        idle
    }

    fn start_sweeping(self: &Rc<Self>) {
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
    /// Takes a connection that seems alive.
    pub(super) fn take(&self) -> Option<C> {
        let mut idle = self.0.borrow_mut();
        while let Some((since, mut connection)) = idle.pop() {
            if connection.is_idle() && since.elapsed() < MAX_IDLE_TIME {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps an idle connection.
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
    /// Starts HTTP/1.1 on a new connection.
    pub(super) async fn begin(io: Io) -> hyper::Result<Self> {
        let received = io.received();
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        // Its errors reach the requests and bodies that they concern.
        let driver = tokio::task::spawn_local(connection.with_upgrades()).abort_handle();
        Ok(Self { sender, driver, received, last: false })
    }

    /// Sends a request. If nothing of it was written, the error contains it.
    pub(super) fn send(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>> + use<> {
        self.received.store(false, Ordering::Relaxed);
        self.sender.try_send_request(request)
    }

    /// Returns true if anything was received since the request was sent.
    pub(super) fn has_received(&self) -> bool {
        self.received.load(Ordering::Relaxed)
    }

    /// Makes this request the last one of the connection.
    pub(super) fn retire(&mut self) {
        self.last = true;
    }
}

impl Reusable for Io {
    /// An upstream that sends something now either closes, or sends a response that was not requested.
    fn is_idle(&mut self) -> bool {
        let mut byte = [0];
        let read =
            Pin::new(self).poll_read(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte));
        read.is_pending()
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

/// A connection that still receives a response's body. It returns to its pool when the body is complete.
pub(super) struct Lease {
    connection: Option<Connection>,
    idle: Rc<Idle<Connection>>,
}

impl Lease {
    /// Returns `None`, and the connection to its pool, if the response is complete already.
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
