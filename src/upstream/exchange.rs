//! One request on one connection to the upstream, and its response on the way back.

mod awaiting;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use tokio::time::{Instant, Interval, Sleep, sleep};

pub(super) use self::awaiting::MAX_INTERIM;
use super::body_limits::BodyLimits;
use super::buffers::Buffers;
use super::connections::Connections;
use super::download::Download;
use super::exchange_result::{EndedExchange, ExchangeError};
use super::response::log_left_out;
use super::upload::Upload;
use super::{ClientError, ForwardError, Forwarded, Route, UpstreamError, tunnel};
use crate::http1::request::RequestHead;
use crate::net::client::{ClientConnection, UNWATCHED};
use crate::net::stream::Stream;

/// How long the head of a response is held back if no content comes with it. If the upstream breaks off meanwhile, the client
/// can still get the down page.
const HOLD: Duration = Duration::from_millis(50);

/// How long a request waits for a response on a new connection before the idle connections of all threads are closed for it, and
/// after which time again. A simple application server serves one connection after another, also if that one is idle.
pub(super) const CLOSE_INTERVAL: Duration = Duration::from_secs(1);

/// A request on a connection to the upstream.
pub(super) struct Exchange<'x, 'b> {
    pub(super) head: &'x RequestHead<'b>,
    pub(super) client: &'x mut ClientConnection,
    pub(super) route: &'x Route<'x>,
    pub(super) upstream: Stream,
    /// True if the upstream is translated from HTTP/2.
    pub(super) over_http2: bool,
    pub(super) buffers: &'x mut Buffers,
    pub(super) upload: Upload<'x>,
    pub(super) started_at: Instant,
    pub(super) limits: BodyLimits,
    pub(super) now: Timestamp,
    /// Set on a new connection: those of all threads, and when to close the idle ones.
    pub(super) contention: Option<(Connections, Interval)>,
    /// Ready when the response must not go on.
    pub(super) closing: Pin<&'x mut (dyn Future<Output = ()> + 'x)>,
    /// True once the upstream has asked for the body by 100 (Continue).
    pub(super) was_asked_for_body: bool,
}

impl Exchange<'_, '_> {
    /// Sends the request, and the response to the client. Calls `on_status` when the status is known.
    pub(super) async fn run(
        &mut self,
        on_status: &mut dyn FnMut(StatusCode),
    ) -> Result<EndedExchange, ExchangeError> {
        self.buffers.deadline.start_at(self.started_at, self.limits.response);
        if !self.client.stream().is_registered() {
            self.buffers.unwatched.start_at(self.started_at, UNWATCHED);
        }
        let mut download = self.await_head().await?;
        if download.status == StatusCode::SWITCHING_PROTOCOLS {
            log_left_out(&download, self.head);
            on_status(download.status);
            let Self { client, route, upstream, buffers, closing, .. } = self;
            tunnel::run(client, upstream, buffers, route.limits.tunnel_idle, closing.as_mut()).await;
            return Ok(EndedExchange { forwarded: Forwarded::Cut, idle_limit: None });
        }
        self.await_content(&mut download).await?;
        log_left_out(&download, self.head);
        on_status(download.status);
        let forwarded = poll_fn(|cx| self.poll_forward(&mut download, cx)).await;
        Ok(self.end(&download, forwarded))
    }

    fn end(&self, download: &Download, forwarded: Forwarded) -> EndedExchange {
        // Bytes after the end of the response belong to no request, and an upstream that responded before all of the
        // request was sent has not read it to its end.
        let is_clean = self.upload.is_whole()
            && self.buffers.from_upstream.is_empty()
            && (self.was_asked_for_body || !self.expects_answer());
        let idle_limit = download.idle_limit.filter(|_| is_clean && forwarded == Forwarded::Whole);
        EndedExchange { forwarded, idle_limit }
    }

    /// Returns true if the request has a body and an expectation. An upstream that has not asked for the body may take it for the
    /// next request, if the client has sent it nevertheless.
    fn expects_answer(&self) -> bool {
        !self.head.framing.is_done() && self.head.values("expect").next().is_some()
    }

    /// Waits up to [`HOLD`] for the first content, so that an upstream that breaks off right after the head is still replaced
    /// by the down page.
    async fn await_content(&mut self, download: &mut Download) -> Result<(), ForwardError> {
        let before = self.buffers.to_client.len();
        download.take(self.buffers)?;
        let mut hold: Option<Pin<Box<Sleep>>> = None;
        while !download.framing.is_done() && self.buffers.to_client.len() == before {
            let received = poll_fn(|cx| {
                let Self { client, upstream, buffers, upload, .. } = &mut *self;
                upload.poll_within_response(cx, client, upstream, &mut buffers.to_upstream)?;
                if let Poll::Ready(received) = buffers.from_upstream.poll_fill(upstream, cx) {
                    return Poll::Ready(Ok(Some(received)));
                }
                let hold = hold.get_or_insert_with(|| Box::pin(sleep(HOLD)));
                hold.as_mut().poll(cx).map(|()| Ok::<_, ClientError>(None))
            });
            match received.await? {
                None => break,
                Some(Ok(1..)) => download.take(self.buffers)?,
                Some(Ok(_)) => download.end(self.buffers)?,
                Some(Err(error)) => return Err(UpstreamError::Broken(error.into()).into()),
            }
        }
        Ok(())
    }

    /// Forwards the response, and meanwhile the rest of the request's body.
    fn poll_forward(&mut self, download: &mut Download, cx: &mut Context<'_>) -> Poll<Forwarded> {
        let Self { client, upstream, buffers, upload, closing, limits, started_at, .. } = self;
        if let Poll::Ready(forwarded) = download.poll(cx, client, upstream, buffers) {
            return Poll::Ready(forwarded);
        }
        // The upstream would wait for the rest of a malformed body.
        let Ok(sent) = upload.poll_within_response(cx, client, upstream, &mut buffers.to_upstream) else {
            return Poll::Ready(Forwarded::Cut);
        };
        let waits_for_upstream = download.waits_for_upstream(buffers);
        let sent = sent && limits.extends(upload, client);
        if let Some(limit) = limits.within_response(download, waits_for_upstream, sent, client) {
            buffers.deadline.start(limit);
        }
        // While there are bytes to send to the client, the writes show if it has left.
        if upload.is_over()
            && waits_for_upstream
            && client.poll_watched(cx, &mut buffers.unwatched).is_ready()
            && client.poll_gone(cx, download.probe(), upload.ended_at.unwrap_or(*started_at)).is_ready()
        {
            return Poll::Ready(Forwarded::Cut);
        }
        if closing.as_mut().poll(cx).is_pending() {
            ready!(buffers.deadline.poll_passed(cx));
            limits.record_passed(waits_for_upstream, client);
            if waits_for_upstream {
                return Poll::Ready(Forwarded::BrokenOff);
            }
        }
        Poll::Ready(Forwarded::Cut)
    }
}
