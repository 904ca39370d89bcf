//! Connections of HTTP/2 to upstreams (`h2c://`, and `https://` for gRPC), which carry several requests at a time.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Mutex;
use tokio::time::{Instant, interval};

use super::connect::{TlsSettings, is_same};
use super::connections::CountedConnection;
use super::contention::Contention;
use super::frame_limit::{FrameAllowance, LimitedStream};
use crate::config::upstream_address::UpstreamAddress;
use crate::http1::response::MAX_HEAD;
use crate::http1::scheme::Scheme;
use crate::net::pipe::LocalExecutor;
use crate::net::pipe_body::PipeBody;
use crate::net::stream::Stream;
use crate::tls::HTTP_2;

/// The limit for requests on one connection. Most servers allow at least as many (RFC 9113, section 6.5.2).
const MAX_STREAMS: usize = 100;
/// How much of one response may be on its way, in bytes.
const STREAM_WINDOW: u32 = 128 << 10;
/// The same for a connection: clients that do not read their responses cannot hold the others back.
const CONNECTION_WINDOW: u32 = 100 * STREAM_WINDOW;
/// The interval at which the upstream must answer a PING while there are requests, and the time for the answer.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// An unused connection is closed after one to two intervals.
const IDLE_INTERVAL: Duration = Duration::from_secs(30);

/// How long an upstream that has not chosen HTTP/2 is not offered it again. Otherwise each call would take a new connection.
const REFUSAL_TIME: Duration = Duration::from_secs(60);

type Sender = SendRequest<PipeBody>;

/// One thread's connections of HTTP/2, by upstream.
#[derive(Default)]
pub(super) struct Http2Connections {
    open: RefCell<Vec<Http2Connection>>,
    /// The upstream that has not chosen HTTP/2 last, and when.
    refusal: RefCell<Option<(UpstreamAddress, TlsSettings, Instant)>>,
    /// Held while a connection is opened, so that requests that come together share it.
    opening: Mutex<()>,
}

struct Http2Connection {
    upstream: UpstreamAddress,
    tls: TlsSettings,
    sender: Sender,
    requests: Rc<Cell<usize>>,
    allowance: FrameAllowance,
}

/// What was opened for a request.
pub(super) enum Opened {
    /// A place on a connection of HTTP/2.
    Place(RequestPlace),
    /// A connection whose upstream has not chosen HTTP/2.
    Http1(Stream, CountedConnection),
}

/// A place for one request on a connection, until it is dropped.
pub(super) struct RequestPlace {
    pub(super) sender: Sender,
    /// True if the connection was opened for this request.
    pub(super) is_new: bool,
    requests: Rc<Cell<usize>>,
}

impl Drop for RequestPlace {
    fn drop(&mut self) {
        self.requests.set(self.requests.get().saturating_sub(1));
    }
}

impl Http2Connections {
    /// Returns a place on a connection to an upstream with these settings, which `open` opens if none has one. Over TLS, the
    /// upstream may have chosen HTTP/1.1 for it.
    pub(super) async fn place(
        self: &Rc<Self>,
        (upstream, tls): (&UpstreamAddress, &TlsSettings),
        contention: &Contention,
        open: impl Future<Output = io::Result<(Stream, CountedConnection)>>,
    ) -> io::Result<Opened> {
        if let Some(place) = self.find(upstream, tls, false) {
            return Ok(Opened::Place(place));
        }
        let _turn = self.opening.lock().await;
        if let Some(place) = self.find(upstream, tls, true) {
            return Ok(Opened::Place(place));
        }
        let (stream, counted) = open.await?;
        if stream.scheme() == Scheme::Https && stream.alpn_protocol() != Some(HTTP_2) {
            *self.refusal.borrow_mut() = Some((upstream.clone(), tls.clone(), Instant::now()));
            return Ok(Opened::Http1(stream, counted));
        }
        let allowance = FrameAllowance::default();
        let handshake =
            builder().handshake(TokioIo::new(LimitedStream::new(stream, allowance.clone()))).await;
        let (sender, connection) = handshake.map_err(io::Error::other)?;
        let requests = Rc::new(Cell::new(0));
        let running = RunningConnection {
            connection,
            counted,
            requests: Rc::clone(&requests),
            contention: contention.clone(),
            pool: Rc::downgrade(self),
        };
        tokio::task::spawn_local(running.run());
        let (upstream, tls) = (upstream.clone(), tls.clone());
        let connection = Http2Connection { upstream, tls, sender, requests, allowance };
        let place = connection.place(true);
        self.open.borrow_mut().push(connection);
        Ok(Opened::Place(place))
    }

    fn find(&self, upstream: &UpstreamAddress, tls: &TlsSettings, is_new: bool) -> Option<RequestPlace> {
        let mut open = self.open.borrow_mut();
        open.retain(|connection| !connection.sender.is_closed());
        let has_place = |connection: &&Http2Connection| {
            connection.upstream == *upstream
                && is_same(&connection.tls, tls)
                && connection.requests.get() < MAX_STREAMS
        };
        open.iter().find(has_place).map(|connection| connection.place(is_new))
    }

    /// Returns true if an upstream with these settings has recently not chosen HTTP/2.
    pub(super) fn was_refused(&self, upstream: &UpstreamAddress, tls: &TlsSettings, now: Instant) -> bool {
        self.refusal.borrow().as_ref().is_some_and(|(by, of, at)| {
            by == upstream && is_same(of, tls) && now.duration_since(*at) < REFUSAL_TIME
        })
    }

    /// Lets a connection end.
    fn remove(&self, requests: &Rc<Cell<usize>>) {
        self.open.borrow_mut().retain(|connection| !Rc::ptr_eq(&connection.requests, requests));
    }
}

impl Http2Connection {
    fn place(&self, is_new: bool) -> RequestPlace {
        self.requests.set(self.requests.get() + 1);
        self.allowance.add_request();
        RequestPlace { sender: self.sender.clone(), is_new, requests: Rc::clone(&self.requests) }
    }
}

fn builder() -> Builder<LocalExecutor> {
    let mut builder = Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    builder
}

/// A connection, which ends with its last request once the pool has forgotten it.
struct RunningConnection {
    connection: Connection<TokioIo<LimitedStream>, PipeBody, LocalExecutor>,
    counted: CountedConnection,
    requests: Rc<Cell<usize>>,
    contention: Contention,
    pool: Weak<Http2Connections>,
}

impl RunningConnection {
    async fn run(mut self) {
        let mut ticks = interval(IDLE_INTERVAL);
        let mut was_idle = false;
        loop {
            let is_needed = tokio::select! {
                ended = &mut self.connection => {
                    if let Err(error) = ended {
                        tracing::debug!("a connection to the upstream ended: {error}");
                    }
                    break;
                }
                () = self.contention.close_requested() => self.requests.get() > 0,
                _ = ticks.tick() => {
                    let is_idle = self.requests.get() == 0;
                    !(std::mem::replace(&mut was_idle, is_idle) && is_idle)
                }
            };
            if let Some(pool) = self.pool.upgrade().filter(|_| !is_needed) {
                pool.remove(&self.requests);
            }
        }
        // Before it no longer counts.
        drop(self.connection);
        drop(self.counted);
    }
}
