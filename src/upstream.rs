//! Forwards requests to an upstream, and the responses back. To an upstream of HTTP/2, each is translated in memory.
//!
//! Both are forwarded as bytes: each head is parsed once and written again, and the framing of each body is checked and
//! written again. An `Exchange` is one request on one connection: its `Upload` continues while its `Download` comes back.
//! Each thread has its own idle connections, in a `Pool`; those of HTTP/2 can take requests of other threads too.

mod attempts;
mod body_limits;
mod buffers;
mod connect;
mod connections;
mod cut_log;
mod download;
mod error;
mod exchange;
mod exchange_result;
mod frame_limit;
mod http2;
mod kept;
mod max_forwards;
mod open;
mod pool;
mod queue;
mod relay;
mod request;
mod response;
mod route;
mod shared;
mod shared_connection;
mod target;
mod translated;
mod tunnel;
mod upload;
mod via;
mod websocket;

use std::pin::Pin;
use std::rc::Rc;

use http::StatusCode;
use jiff::Timestamp;
use tokio::time::{Instant, interval_at, timeout};

use self::attempts::{Attempts, NextAttempt};
use self::body_limits::BodyLimits;
use self::buffers::{BufferPool, Buffers};
use self::connect::{Connector, connect};
pub use self::cut_log::report_cut_responses;
pub use self::error::{ClientError, ForwardError, TimedOutStep, UpstreamError};
use self::exchange::{CLOSE_INTERVAL, Exchange};
use self::exchange_result::{EndedExchange, ExchangeError};
use self::http2::Http2Connections;
pub use self::max_forwards::max_forwards;
use self::pool::Pool;
pub use self::request::X_REQUEST_ID;
use self::route::Protocol;
pub use self::route::Route;
pub use self::shared::SharedUpstreams;
use self::target::Target;
use self::translated::StreamError;
use self::upload::Upload;
pub use self::via::is_loop;
use crate::config::UpstreamSite;
use crate::descriptors::REQUESTS;
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::net::names::Names;
use crate::net::stream::Stream;

/// One thread's connections to upstreams.
///
/// It spawns local tasks: use it within a [`LocalSet`](tokio::task::LocalSet) or a
/// [`LocalRuntime`](tokio::runtime::LocalRuntime). Clones share their connections.
#[derive(Clone, Default)]
pub struct Proxy {
    pool: Rc<Pool>,
    buffers: BufferPool,
    names: Names,
    connector: Connector,
    http2: Rc<Http2Connections>,
}

/// How the forwarding of a response ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forwarded {
    /// The client has the whole response.
    Whole,
    /// The client has left, or a tunnel has ended: the connection must be dropped.
    Cut,
    /// The upstream has broken off: likewise.
    BrokenOff,
}

impl Proxy {
    /// The connections of one of the threads that share what they know.
    pub fn sharing(shared: &SharedUpstreams) -> Self {
        Self { pool: Pool::sharing(shared), names: shared.names.clone(), ..Self::default() }
    }

    /// Forwards a request, and the response to `client`. Calls `on_status` when the status is known. Dropping the future
    /// cancels the request at the upstream.
    ///
    /// An idle connection may be dead. If nothing of the request was sent, it is sent over the next one. If it may be
    /// repeated (RFC 9110, section 9.2.2) and no byte was received, it is repeated once, over a new one. So is one that an
    /// upstream of HTTP/2 has not processed.
    ///
    /// Ends the tunnel or the response when `closing` is ready. It is first polled when a response does not come to its end at
    /// once; before the response has begun, only if `route` says so.
    ///
    /// # Errors
    /// No response can be forwarded. At most, the client has got interim responses.
    pub async fn forward(
        &self,
        head: &RequestHead<'_>,
        client: &mut ClientConnection,
        route: &Route<'_>,
        now: Timestamp,
        on_status: &mut dyn FnMut(StatusCode),
        mut closing: Pin<&mut dyn Future<Output = ()>>,
    ) -> Result<Forwarded, ForwardError> {
        let mut lease = self.buffers.take();
        let buffers = lease.get();
        request::write(&mut buffers.to_upstream, head, route, via::version(client));
        let mut attempts = Attempts::new(head);
        let mut started_at = Instant::now();
        let UpstreamSite { upstream, tls, .. } = route.site;
        let protocol = match route.protocol(head) {
            Protocol::Negotiated if self.http2.was_refused(upstream, tls, started_at) => Protocol::Http1,
            protocol => protocol,
        };
        let take_idle = |now| match protocol {
            Protocol::Http1 => self.pool.take(upstream, tls, now),
            _ => None,
        };
        let mut idle = take_idle(started_at);
        loop {
            let (stream, guard, is_new) = if let Some((stream, guard)) = idle.take() {
                (stream, guard, false)
            } else {
                // On the heap: most requests find a connection in the pool.
                let opened = Box::pin(self.connect(Target::new(route, protocol, head), client)).await;
                let opened = opened.map_err(|error| attempts.fail(error))?;
                started_at = Instant::now();
                (opened.stream, opened.guard, attempts.open(opened.is_new))
            };
            let times = (now, started_at);
            let mut exchange =
                self.exchange((head, client, buffers), stream, route, times, is_new, closing.as_mut());
            match exchange.run(on_status).await {
                Ok(EndedExchange { forwarded, idle_limit }) => {
                    if let Some(limit) = idle_limit {
                        self.pool.put(route, (exchange.upstream, guard), limit);
                    }
                    return Ok(forwarded);
                }
                Err(ExchangeError::Final(error)) => return Err(attempts.fail(error)),
                Err(ExchangeError::NoResponse(ended)) => {
                    let failure = match guard.take_failure() {
                        Some(StreamError::Refused(refusal)) => return Err(ForwardError::Refused(refusal)),
                        Some(StreamError::Failed(error)) => Some(error),
                        None => None,
                    };
                    match attempts.next(&ended, is_new, failure.as_ref()) {
                        Some(NextAttempt::OverIdle) => {
                            started_at = Instant::now();
                            idle = take_idle(started_at);
                        }
                        Some(NextAttempt::OverAnother) => {}
                        None => return Err(attempts.end(failure.unwrap_or(ended.error)).into()),
                    }
                }
            }
        }
    }

    /// Returns true if the upstream accepts a connection within the time limit. The connection is closed without a request.
    pub async fn can_connect(&self, site: &UpstreamSite) -> bool {
        let connecting = async {
            let _descriptor = REQUESTS.take(1).await;
            connect(&site.upstream, &site.tls, false, &self.names, &self.connector).await.is_ok()
        };
        timeout(site.connect_timeout, connecting).await.unwrap_or(false)
    }

    fn exchange<'x, 'b>(
        &self,
        (head, client, buffers): (&'x RequestHead<'b>, &'x mut ClientConnection, &'x mut Buffers),
        upstream: Stream,
        route: &'x Route<'x>,
        (now, started_at): (Timestamp, Instant),
        is_new: bool,
        closing: Pin<&'x mut (dyn Future<Output = ()> + 'x)>,
    ) -> Exchange<'x, 'b> {
        buffers.from_upstream.consume(usize::MAX);
        buffers.to_client.clear();
        let over_http2 = matches!(upstream, Stream::Pipe(_));
        let upload = Upload::new(request::coding(&head.framing), route.filter(head), client, over_http2);
        let limits = BodyLimits::new(head, client, route);
        let contention = is_new.then(|| {
            let ticks = interval_at(started_at + CLOSE_INTERVAL, CLOSE_INTERVAL);
            (self.pool.connections().clone(), ticks)
        });
        Exchange {
            head,
            client,
            route,
            upstream,
            over_http2,
            buffers,
            upload,
            started_at,
            limits,
            now,
            contention,
            closing,
            was_asked_for_body: false,
        }
    }
}
