//! Connections of HTTP/2 to upstreams (`h2c://`, and `https://` for gRPC), which carry several requests at a time.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2::{Builder, Connection};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::{Instant, interval, sleep};

use super::connect::{TlsSettings, is_same};
use super::connections::{Connections, CountedConnection};
use super::error::TimedOutStep;
use super::frame_limit::{Announced, FrameAllowance, LimitedStream};
use super::shared_connection::{RequestCount, RequestPlace, SharedConnection};
use super::target::Target;
use crate::config::upstream_address::UpstreamAddress;
use crate::escape::peer_text;
use crate::http1::response::MAX_HEAD;
use crate::http1::scheme::Scheme;
use crate::net::pipe::LocalExecutor;
use crate::net::pipe_body::PipeBody;
use crate::net::stream::Stream;
use crate::tls::HTTP_2;

/// How much of one response may be on its way, in bytes.
const STREAM_WINDOW: u32 = 128 << 10;
/// The same for a connection: clients that do not read their responses cannot hold the others back.
const CONNECTION_WINDOW: u32 = 100 * STREAM_WINDOW;
/// The interval at which the upstream must answer a PING while there are requests, and the time for the answer.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// An unused connection is closed after one to two intervals.
const IDLE_INTERVAL: Duration = Duration::from_secs(30);

/// How long requests that come together wait until the upstream has said how many of them it allows on a new connection. It says so
/// first of all (RFC 9113, section 3.4). They wait a quarter of their `connect_timeout` at most, so that they can still be sent.
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(1);

/// How long an upstream that has not chosen HTTP/2 is not offered it again. Otherwise each call would take a new connection.
const REFUSAL_TIME: Duration = Duration::from_secs(60);

/// One thread's connections of HTTP/2, by upstream.
#[derive(Default)]
pub(super) struct Http2Connections {
    open: RefCell<Vec<Arc<SharedConnection>>>,
    /// The upstream that has not chosen HTTP/2 last, and when.
    refusal: RefCell<Option<(UpstreamAddress, TlsSettings, Instant)>>,
    /// Held while a connection is opened, and until it is known how many requests can share it. Those that come together do.
    opening: Arc<Mutex<()>>,
    /// What the request that holds this waits for, or the last one that did. The others wait for the same.
    pub(super) step: Cell<TimedOutStep>,
}

/// What was opened for a request.
pub(super) enum Opened {
    /// A place on a connection of HTTP/2.
    Place(RequestPlace),
    /// A connection of its own. If HTTP/2 was offered on it, the upstream has not chosen that.
    Connection(Stream, CountedConnection),
}

impl Http2Connections {
    /// Returns a place on a connection of this thread, or on the one that `open` opens or finds elsewhere if none has one. Over
    /// TLS, the upstream may have chosen HTTP/1.1 for it.
    pub(super) async fn place(
        self: &Rc<Self>,
        target: &Target,
        connections: &Connections,
        open: impl Future<Output = io::Result<Opened>>,
    ) -> io::Result<Opened> {
        if let Some(place) = self.find(target, false) {
            return Ok(Opened::Place(place));
        }
        let turn = Arc::clone(&self.opening).lock_owned().await;
        if let Some(place) = self.find(target, true) {
            return Ok(Opened::Place(place));
        }
        let (stream, counted) = match open.await? {
            Opened::Connection(stream, counted) => (stream, counted),
            elsewhere @ Opened::Place(_) => return Ok(elsewhere),
        };
        let (upstream, tls) = (target.address.clone(), target.tls.clone());
        if stream.scheme() == Scheme::Https && stream.alpn_protocol() != Some(HTTP_2) {
            *self.refusal.borrow_mut() = Some((upstream, tls, Instant::now()));
            return Ok(Opened::Connection(stream, counted));
        }
        let (allowance, (sender, announced)) =
            (FrameAllowance::default(), watch::channel(Announced::default()));
        let stream = LimitedStream::new(stream, allowance.clone(), sender);
        let handshake = builder().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(io::Error::other)?;
        let (requests, connections) = (RequestCount::default(), connections.clone());
        let shared = SharedConnection { upstream, tls, sender, requests, allowance, announced, connections };
        let shared = Arc::new(shared);
        self.step.set(TimedOutStep::Settings);
        let settings_timeout = SETTINGS_TIMEOUT.min(target.connect_timeout / 4);
        // Before others take all places.
        let place = shared.place(true).ok_or(io::ErrorKind::ConnectionAborted)?;
        tokio::task::spawn_local(run(connection, counted, &shared, self, turn, settings_timeout));
        self.open.borrow_mut().push(shared);
        Ok(Opened::Place(place))
    }

    fn find(&self, target: &Target, is_new: bool) -> Option<RequestPlace> {
        let mut open = self.open.borrow_mut();
        open.retain(|connection| !connection.has_ended());
        open.iter().filter(|connection| connection.may_take(target)).find_map(|found| found.place(is_new))
    }

    /// Returns true if an upstream with these settings has recently not chosen HTTP/2.
    pub(super) fn was_refused(&self, upstream: &UpstreamAddress, tls: &TlsSettings, now: Instant) -> bool {
        self.refusal.borrow().as_ref().is_some_and(|(by, of, at)| {
            by == upstream && is_same(of, tls) && now.duration_since(*at) < REFUSAL_TIME
        })
    }

    /// Lets a connection end.
    fn remove(&self, requests: &RequestCount) {
        self.open.borrow_mut().retain(|connection| !connection.requests.is_same(requests));
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

/// Runs a connection, which ends with its last request once it takes no more of them. `turn` keeps others of the thread from
/// opening a connection until it is known how many requests this one takes.
fn run(
    mut connection: Connection<TokioIo<LimitedStream>, PipeBody, LocalExecutor>,
    counted: CountedConnection,
    shared: &Arc<SharedConnection>,
    pool: &Rc<Http2Connections>,
    turn: OwnedMutexGuard<()>,
    settings_timeout: Duration,
) -> impl Future<Output = ()> + use<> {
    let SharedConnection { requests, announced, connections, .. } = &**shared;
    let (requests, mut announced, connections) = (requests.clone(), announced.clone(), connections.clone());
    let mut is_shared = Some(connections.share(shared));
    let (shared, pool) = (Arc::downgrade(shared), Rc::downgrade(pool));
    async move {
        let (mut counted, mut descriptor, mut turn) = (Some(counted), None, Some(turn));
        let mut settings_timeout = pin!(sleep(settings_timeout));
        let mut ticks = interval(IDLE_INTERVAL);
        let (mut is_unneeded, mut was_idle, mut is_late) = (false, false, false);
        loop {
            let close_requested = connections.close_requested();
            // From here on, no call for that is missed.
            if is_unneeded || requests.get() == 0 && connections.are_awaited() {
                is_shared = None;
                if let Some(pool) = pool.upgrade() {
                    pool.remove(&requests);
                }
            }
            let Announced { goes_away, has_settings } = *announced.borrow_and_update();
            // The upstream expects another one in its place, however long its last requests take.
            if goes_away && let Some(counted) = counted.take() {
                descriptor = counted.into_descriptor();
            }
            if has_settings || is_late {
                let allowed = if has_settings { connection.current_max_send_streams() } else { usize::MAX };
                if requests.limit(allowed) && is_shared.is_some() {
                    shared.upgrade().inspect(|shared| connections.offer_places(shared));
                }
                turn = None;
            }
            is_unneeded = tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!("a connection to the upstream ended: {}", peer_text(&error.to_string()));
                    }
                    break;
                }
                Ok(()) = announced.changed() => announced.borrow().goes_away,
                () = &mut settings_timeout, if turn.is_some() => {
                    is_late = true;
                    false
                }
                () = close_requested => requests.get() == 0,
                _ = ticks.tick() => {
                    let is_idle = requests.get() == 0;
                    std::mem::replace(&mut was_idle, is_idle) && is_idle
                }
            };
        }
        drop((is_shared, turn));
        // Before it no longer counts.
        drop(connection);
        drop((counted, descriptor));
    }
}
