//! Waits for the heads of a connection's requests.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::StatusCode;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

use super::STOP_GRACE;
use super::open_connections::Idleness;
use super::preface::{PREFACE, Preface, is_preface};
use crate::config::Limits;
use crate::http1::head::{TOO_LONG_HEAD, complete_within, not_a_head, too_long};
use crate::http1::refusal::Refusal;
use crate::net::client::ClientConnection;
use crate::net::deadline::after;

/// An idle connection keeps no more memory for a head than this, in bytes.
const MAX_KEPT: usize = 2 << 10;

pub(super) const TOO_LATE: Refusal =
    Refusal { status: StatusCode::REQUEST_TIMEOUT, reason: "the head of the request took too long" };
const INCOMPLETE: Refusal = Refusal::bad_request("the connection ended within the head of the request");

const NO_PREFACE: Refusal = Refusal::bad_request("the connection was agreed to be HTTP/2, but it is not");

/// Why a connection carries no further request of HTTP/1.
pub(super) enum ConnectionEnd {
    /// The client speaks HTTP/2. Its preface is still in the input.
    Http2,
    /// A request is refused, perhaps before its head is complete.
    Refused(Refusal),
    /// The last response was sent; or no request comes: the client has closed, is idle for too long, the connection must make room, or
    /// the server stops.
    Close,
    /// The client has left, or must see that a response is not complete.
    Drop,
}

/// Reads the heads of one connection.
pub(super) struct HeadReader<'l> {
    /// A copy of the input, as far as it has been found to contain a head: the request is handled while more is read.
    head: Vec<u8>,
    /// For the first head only.
    preface: Preface,
    idleness: &'l Idleness,
    limits: &'l Limits,
    /// True once there was a head.
    is_kept: bool,
    /// Created for the first wait.
    expiry: Option<Pin<Box<Sleep>>>,
    /// The time at which the wait for the next head ends, because the server is stopping.
    stop_at: Option<Instant>,
    /// The waker that is registered for `expiry` and `idleness`. Registering for each request would be most of the cost of
    /// waiting.
    registered: Option<Waker>,
}

/// The event that ends a wait for the client.
enum ClientEvent {
    Read(io::Result<usize>),
    Expiry,
    Scarcity,
}

impl<'l> HeadReader<'l> {
    pub(super) fn new(preface: Preface, idleness: &'l Idleness, limits: &'l Limits) -> Self {
        Self {
            head: Vec::new(),
            preface,
            idleness,
            limits,
            is_kept: false,
            expiry: None,
            stop_at: None,
            registered: None,
        }
    }

    /// The bytes that begin with the current head.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.head
    }

    /// Waits for the next head, with which [`HeadReader::bytes`] begin then. It is still in the input. Empty lines before it are skipped
    /// (RFC 9112, section 2.2), as many as a head may have bytes. When the server stops, a head that is on its way has [`STOP_GRACE`]
    /// left.
    pub(super) async fn next(&mut self, client: &mut ClientConnection) -> Result<(), ConnectionEnd> {
        let mut since: Option<Instant> = None;
        let (mut searched, mut skipped, mut is_begun) = (0, 0, false);
        loop {
            skipped += skip_empty_lines(client);
            if skipped > self.limits.head {
                return Err(ConnectionEnd::Refused(TOO_LONG_HEAD));
            }
            let bytes = client.input().bytes();
            if bytes.is_empty() {
                // Usually the client sends its next request only now.
                searched = 0;
            } else if self.preface != Preface::Forbidden && is_preface(bytes) {
                if bytes.len() >= PREFACE.len() {
                    return Err(ConnectionEnd::Http2);
                }
            } else if self.preface == Preface::Required {
                return Err(ConnectionEnd::Refused(NO_PREFACE));
            } else if let Some(length) = complete_within(bytes, searched, self.limits.head) {
                self.preface = Preface::Forbidden;
                self.is_kept = true;
                self.head.clear();
                self.head.extend_from_slice(bytes.get(..length).unwrap_or_default());
                return Ok(());
            } else if bytes.len() >= self.limits.head {
                return Err(ConnectionEnd::Refused(too_long(bytes, self.limits.head)));
            } else if let Some(refusal) = not_a_head(bytes) {
                return Err(ConnectionEnd::Refused(refusal));
            } else {
                searched = bytes.len();
            }
            if !is_begun && !bytes.is_empty() {
                (is_begun, since) = (true, None);
            }
            let began = *since.get_or_insert_with(Instant::now);
            self.idleness.begin(began);
            if !is_begun && self.head.capacity() > MAX_KEPT {
                self.head = Vec::new();
            }
            let is_idle = self.is_kept && !is_begun;
            let limit = if is_idle { self.limits.idle_timeout } else { self.limits.head_timeout };
            let expires_at = after(began, limit);
            if self.expiry.as_ref().is_some_and(|expiry| expiry.deadline() > expires_at) {
                self.expire_at(expires_at);
            }
            let event = self.wait(client, expires_at).await;
            if !matches!(event, ClientEvent::Scarcity) {
                self.idleness.end();
            }
            match event {
                ClientEvent::Read(Ok(1..)) => {}
                ClientEvent::Read(Ok(0)) if is_begun => return Err(ConnectionEnd::Refused(INCOMPLETE)),
                ClientEvent::Expiry if self.has_stopped() => return Err(ConnectionEnd::Close),
                ClientEvent::Expiry if Instant::now() < expires_at => self.expire_at(expires_at),
                ClientEvent::Expiry if is_begun => return Err(ConnectionEnd::Refused(TOO_LATE)),
                ClientEvent::Read(_) | ClientEvent::Expiry | ClientEvent::Scarcity => {
                    return Err(ConnectionEnd::Close);
                }
            }
        }
    }

    fn expire_at(&mut self, at: Instant) {
        let at = self.limited_by_stop(at);
        if let Some(expiry) = &mut self.expiry {
            expiry.as_mut().reset(at);
        }
        self.registered = None;
    }

    fn limited_by_stop(&self, at: Instant) -> Instant {
        self.stop_at.map_or(at, |stop_at| stop_at.min(at))
    }

    fn begin_stop(&mut self) {
        if self.stop_at.is_none() {
            let at = Instant::now() + STOP_GRACE;
            self.stop_at = Some(at);
            self.expire_at(self.expiry.as_ref().map_or(at, |expiry| expiry.deadline()));
        }
    }

    fn has_stopped(&self) -> bool {
        self.stop_at.is_some_and(|at| Instant::now() >= at)
    }

    /// Waits for the client, until `expires_at` at the latest. The expiry that it returns may come before.
    async fn wait(&mut self, client: &mut ClientConnection, expires_at: Instant) -> ClientEvent {
        poll_fn(|cx| {
            if let Poll::Ready(read) = client.poll_fill(cx) {
                return Poll::Ready(ClientEvent::Read(read));
            }
            if self.idleness.must_close() {
                return Poll::Ready(ClientEvent::Scarcity);
            }
            if client.is_stopping() {
                self.begin_stop();
            }
            self.poll_expiry(cx, expires_at)
        })
        .await
    }

    fn poll_expiry(&mut self, cx: &mut Context<'_>, expires_at: Instant) -> Poll<ClientEvent> {
        let is_registered = self.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        let at = self.limited_by_stop(expires_at);
        let expiry = self.expiry.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if is_registered && !expiry.is_elapsed() {
            return Poll::Pending;
        }
        if expiry.as_mut().poll(cx).is_ready() {
            return Poll::Ready(ClientEvent::Expiry);
        }
        self.idleness.register(cx.waker());
        // Without budget, the timer does not register the waker, but has the task polled again.
        self.registered = has_budget_remaining().then(|| cx.waker().clone());
        Poll::Pending
    }
}

/// Skips empty lines, and returns how many bytes they had.
fn skip_empty_lines(client: &mut ClientConnection) -> usize {
    let input = client.input();
    let mut skipped = 0;
    loop {
        let length = match input.bytes() {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => return skipped,
        };
        input.consume(length);
        skipped += length;
    }
}
