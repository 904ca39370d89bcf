//! A connection of HTTP/2 (RFC 9113). hyper handles its frames and streams, and each request is translated to HTTP/1.1.
//!
//! What hyper neither limits nor tells is read from the frames themselves, in both directions.

mod frame_budget;
mod frames;
mod guarded;
mod sent_frames;
mod streams;
mod translated;
mod translated_body;

use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use self::frames::FrameKind;
use self::guarded::GuardedStream;
use self::streams::Streams;
use super::open_connections::Idleness;
use super::{STOP_GRACE, Service, limit_log};
use crate::config::Limits;
use crate::escape::peer_text;
use crate::log_interval::LogInterval;
use crate::net::client::ClientConnection;
use crate::net::deadline::after;
use crate::net::peer::Peer;

/// How often a client gets a PING, and the time limit for its answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);

type BoxError = Box<dyn Error + Send + Sync>;

/// Serves a connection whose input begins with the preface, until it ends. After `stopped` it ends with the current
/// requests. It also ends when it has been idle for too long or must close, while it has no streams.
pub(super) async fn serve<S: Service>(
    client: ClientConnection,
    service: S,
    limits: &Limits,
    mut stopped: watch::Receiver<bool>,
    idleness: &Rc<Idleness>,
) {
    idleness.begin(Instant::now());
    let peer = Rc::clone(client.peer());
    let (stream, input) = client.into_parts();
    let stream = GuardedStream::new(stream, Bytes::copy_from_slice(input.bytes()), Rc::clone(&peer));
    if let Some(kind) = stream.flood() {
        // hyper need not set up a connection for it.
        return warn_of_flood(kind, &peer);
    }
    let streams = Streams::new(Rc::clone(idleness));
    let requests = {
        let (stream, peer, streams) = (stream.clone(), Rc::clone(&peer), streams.clone());
        let service = service.clone();
        service_fn(move |request: Request<Incoming>| {
            stream.record_request();
            translated::respond(request, Rc::clone(&peer), service.clone(), streams.open())
        })
    };
    let io = TokioIo::new(stream.clone());
    let mut connection = Box::pin(builder(streams.clone(), limits).serve_connection(io, requests));
    let mut timer = pin!(sleep(shortest_timeout(limits)));
    let mut limits =
        TimeLimits { limits, peer: &peer, stream: &stream, streams: &streams, idleness, ending_since: None };
    loop {
        let is_ending = limits.ending_since.is_some();
        let must_end = tokio::select! {
            biased;
            ended = poll_fn(|cx| {
                let ended = poll_connection(connection.as_mut(), &stream, cx);
                for _ in 0..stream.take_refused() {
                    service.count_refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
                }
                ended
            }) => {
                match (stream.flood(), ended) {
                    (Some(kind), _) => warn_of_flood(kind, &peer),
                    (None, Err(error)) => debug!("connection of {peer} ended: {}", peer_text(&error.to_string())),
                    (None, Ok(())) => {}
                }
                return;
            }
            _ = stopped.wait_for(|stopped| *stopped), if !is_ending => true,
            // What it has sent last may not have reached the client, so it is not just dropped.
            () = poll_fn(|cx| idleness.poll_must_close(cx)), if !is_ending => true,
            () = &mut timer => false,
        };
        let due = if must_end { Due::End } else { limits.due(Instant::now()) };
        match due {
            Due::Later(at) => timer.as_mut().reset(at),
            Due::End => {
                let now = Instant::now();
                limits.ending_since = Some(now);
                connection.as_mut().graceful_shutdown();
                timer.as_mut().reset(if limits.is_unused() { now } else { now + STOP_GRACE });
            }
            Due::Close => return,
        }
    }
}

/// Runs a connection, and then sends all that it has written meanwhile.
fn poll_connection<E: Into<BoxError>>(
    connection: Pin<&mut impl Future<Output = Result<(), E>>>,
    stream: &GuardedStream,
    cx: &mut Context<'_>,
) -> Poll<Result<(), BoxError>> {
    let ended = connection.poll(cx);
    if let Poll::Ready(Err(error)) = stream.poll_send(cx) {
        return Poll::Ready(Err(error.into()));
    }
    ended.map_err(Into::into)
}

/// What to do when a timer has fired.
enum Due {
    Later(Instant),
    End,
    Close,
}

/// The time limits of a connection.
struct TimeLimits<'c> {
    limits: &'c Limits,
    peer: &'c Peer,
    stream: &'c GuardedStream,
    streams: &'c Streams,
    idleness: &'c Idleness,
    /// When the client was told to open no more streams.
    ending_since: Option<Instant>,
}

impl TimeLimits<'_> {
    /// Every wait that begins later has at least the [shortest](shortest_timeout) limit, so the connection is looked at that
    /// often, and the limits are exact without a timer for each.
    fn due(&self, now: Instant) -> Due {
        let Limits { head_timeout, send_timeout, .. } = *self.limits;
        let stream_expiry = self.reset_stalled(now);
        let receiving = self.stream.receiving_since().map(|since| after(since, head_timeout));
        let sending = self.stream.blocked_since().map(|since| after(since, send_timeout));
        for (expiry, limit) in [(receiving, &limit_log::HEAD_TIMEOUT), (sending, &limit_log::SEND_TIMEOUT)] {
            if expiry.is_some_and(|expiry| expiry <= now) {
                limit.record(self.peer);
                return Due::Close;
            }
        }
        let ends_at = match (self.idleness.since(), self.ending_since) {
            (None, None) => None,
            (Some(idle), None) => match self.idle_expiry(idle) {
                Some(expiry) if expiry <= now => return Due::End,
                expiry => expiry,
            },
            (Some(idle), Some(ending)) if self.is_over(idle.max(ending), now) => return Due::Close,
            (_, Some(_)) => Some(now + STOP_GRACE),
        };
        let next = after(now, shortest_timeout(self.limits));
        let times = [Some(next), receiving, sending, stream_expiry, ends_at];
        times.into_iter().flatten().min().map_or(Due::Close, Due::Later)
    }

    /// Resets the streams of which the client takes nothing, and returns when the next one is due.
    fn reset_stalled(&self, now: Instant) -> Option<Instant> {
        let (stalled, next) = self.streams.reset_stalled(self.limits.send_timeout, now);
        if stalled > 0 {
            limit_log::STREAM_SEND_TIMEOUT.record(self.peer);
        }
        next
    }

    /// When a connection that has had no stream since then ends; `None` before its first request, which is limited as a head.
    fn idle_expiry(&self, since: Instant) -> Option<Instant> {
        self.stream.has_requests().then(|| after(since, self.limits.idle_timeout))
    }

    /// Returns true if a connection that ends, and has had no stream since then, need not wait any longer. The rest of a
    /// response may still be on its way, but a client that answers nothing and takes nothing has left.
    fn is_over(&self, since: Instant, now: Instant) -> bool {
        let has_written = self.stream.take_has_written();
        let waited = now.duration_since(since);
        self.is_unused() || waited >= self.limits.send_timeout || (waited >= STOP_GRACE && !has_written)
    }

    /// Returns true if the connection must make room, and has had no request whose response could be on its way.
    fn is_unused(&self) -> bool {
        self.idleness.must_close() && !self.stream.has_requests()
    }
}

fn shortest_timeout(limits: &Limits) -> Duration {
    limits.head_timeout.min(limits.idle_timeout).min(limits.send_timeout)
}

fn warn_of_flood(kind: FrameKind, peer: &Peer) {
    static WARNED: [LogInterval; FrameKind::COUNT] = [const { LogInterval::new() }; FrameKind::COUNT];
    if WARNED.get(kind.index()).is_some_and(LogInterval::is_due) {
        warn!(
            "a client of HTTP/2 was disconnected: {peer} sent too many {kind} frames; more of them are not logged for a \
             minute"
        );
    }
}

fn builder(streams: Streams, limits: &Limits) -> Builder<Streams> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut builder = Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL)
        .max_concurrent_streams(number(limits.streams))
        .max_header_list_size(number(limits.head));
    builder
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::ops::ControlFlow;

    use http::Response;
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;

    use super::*;
    use crate::http1::request::RequestHead;
    use crate::server::preface::PREFACE;
    use crate::server::response::respond;

    const SECOND: Duration = Duration::from_secs(1);
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const PRIORITY: u8 = 2;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const GOAWAY: u8 = 7;
    const WINDOW_UPDATE: u8 = 8;
    const CONTINUATION: u8 = 9;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    const ACK: u8 = 1;
    /// SETTINGS_INITIAL_WINDOW_SIZE = 0.
    const NO_WINDOW: &[u8] = &[0, 4, 0, 0, 0, 0];
    const LONG: usize = 1 << 20;

    /// Responds to `/` with `ok`, to `/long` with [`LONG`] bytes, and to all else never. Counts the requests in progress.
    #[derive(Clone, Default)]
    struct CountingSite(Rc<Cell<usize>>);

    struct CountedRequest(Rc<Cell<usize>>);

    impl Drop for CountedRequest {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }

    impl Service for CountingSite {
        async fn respond(&self, head: &RequestHead<'_>, client: &mut ClientConnection) -> ControlFlow<()> {
            self.0.set(self.0.get() + 1);
            let _counted = CountedRequest(Rc::clone(&self.0));
            let content = match head.target.path {
                b"/" => Bytes::from("ok"),
                b"/long" => vec![b'x'; LONG].into(),
                _ => std::future::pending().await,
            };
            respond(&head.method, client, Response::new(Full::new(content)), crate::clock::now()).await
        }
    }

    struct RawFrame {
        kind: u8,
        flags: u8,
        stream: u8,
        payload: Vec<u8>,
    }

    /// A client that writes frames, and answers PINGs while it reads.
    struct RawClient {
        stream: UnixStream,
        in_progress: Rc<Cell<usize>>,
        stop: watch::Sender<bool>,
    }

    impl RawClient {
        /// Connects, and sends SETTINGS with this payload.
        async fn connect(settings: &[u8]) -> Self {
            let (stream, ours) = UnixStream::pair().unwrap();
            let (stop, stopped) = watch::channel(false);
            let site = CountingSite::default();
            let in_progress = Rc::clone(&site.0);
            tokio::task::spawn_local(crate::server::serve(ours.into(), None, site, stopped));
            let mut client = Self { stream, in_progress, stop };
            client.stream.write_all(PREFACE).await.unwrap();
            client.send(SETTINGS, 0, 0, settings).await;
            client
        }

        async fn send(&mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
            self.try_send(kind, flags, stream, payload).await.unwrap();
        }

        async fn try_send(&mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) -> std::io::Result<()> {
            let [_, _, high, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
            let header = [0, high, low, kind, flags, 0, 0, 0, stream];
            self.stream.write_all(&[&header, payload].concat()).await
        }

        /// Sends the head of a request (RFC 7541, appendix A), with a body that follows unless `ends`.
        async fn request(&mut self, stream: u8, path: &str, ends: bool, more: &[u8]) {
            let method = if ends { 0x82 } else { 0x83 };
            let path = [&[4, u8::try_from(path.len()).unwrap()], path.as_bytes()].concat();
            let block = [&[method, 0x86], &path[..], &[1, 1, b'a'], more].concat();
            self.send(HEADERS, END_HEADERS | u8::from(ends), stream, &block).await;
        }

        /// Reads the next frame; `None` at the end of the connection.
        async fn next(&mut self) -> Option<RawFrame> {
            let mut header = [0; 9];
            self.stream.read_exact(&mut header).await.ok()?;
            let [_, high, low, kind, flags, .., stream] = header;
            let mut payload = vec![0; usize::from(high) << 8 | usize::from(low)];
            self.stream.read_exact(&mut payload).await.ok()?;
            if kind == PING && flags & ACK == 0 {
                // The connection may end meanwhile.
                let _ = self.try_send(PING, ACK, 0, &payload).await;
            }
            Some(RawFrame { kind, flags, stream, payload })
        }

        /// Reads until a frame of this type comes.
        async fn until(&mut self, kind: u8) -> RawFrame {
            loop {
                let frame = self.next().await.expect("a frame");
                if frame.kind == kind {
                    return frame;
                }
            }
        }

        /// Reads for this time, in which only PINGs may come.
        async fn read_silence(&mut self, time: Duration) {
            let reading = async {
                loop {
                    let kind = self.next().await.expect("a frame").kind;
                    assert!(matches!(kind, PING | SETTINGS | WINDOW_UPDATE), "{kind}");
                }
            };
            tokio::time::timeout(time, reading).await.expect_err("it never ends");
        }

        /// Reads until the connection ends, and returns the types of the frames.
        async fn rest(&mut self) -> Vec<u8> {
            let mut kinds = Vec::new();
            while let Some(frame) = self.next().await {
                kinds.push(frame.kind);
            }
            kinds
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn an_idle_connection_ends_however_many_pings_it_sends_and_answers() {
        let mut client = RawClient::connect(&[]).await;
        client.request(1, "/", true, &[]).await;
        assert_eq!(client.until(DATA).await.flags & END_STREAM, END_STREAM);
        let idle = Instant::now();
        let mut is_going_away = false;
        'open: loop {
            tokio::time::sleep(SECOND).await;
            if client.try_send(PING, 0, 0, &[0; 8]).await.is_err() {
                break;
            }
            loop {
                match client.next().await {
                    None => break 'open,
                    Some(RawFrame { kind: PING, flags: ACK, .. }) => break,
                    Some(frame) => is_going_away |= frame.kind == GOAWAY,
                }
            }
        }
        assert!(is_going_away);
        // It notices with the next PING.
        assert!((60..=61).contains(&idle.elapsed().as_secs()), "{:?}", idle.elapsed());
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_stream_whose_client_takes_nothing_is_reset_and_its_request_ends() {
        for path in ["/", "/long"] {
            let mut client = RawClient::connect(NO_WINDOW).await;
            client.request(1, path, true, &[]).await;
            client.until(HEADERS).await;
            let begun = Instant::now();
            // Others on the connection are served.
            tokio::time::sleep(30 * SECOND).await;
            client.request(3, "/", true, &[]).await;
            assert_eq!(client.until(HEADERS).await.stream, 3);
            let reset = client.until(RST_STREAM).await;
            assert_eq!((reset.stream, reset.payload), (1, vec![0, 0, 0, 8]), "{path}: CANCEL");
            assert_eq!(begun.elapsed().as_secs(), 60, "{path}");
            tokio::time::sleep(SECOND).await;
            assert_eq!(client.in_progress.get(), 0, "{path}");
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_response_that_takes_long_is_awaited() {
        let mut client = RawClient::connect(&[]).await;
        client.request(1, "/never", true, &[]).await;
        client.read_silence(600 * SECOND).await;
        assert_eq!(client.in_progress.get(), 1);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_stop_waits_a_second_for_a_client_without_streams() {
        for (requests, half_a_frame) in [(0, false), (0, true), (1, false), (1, true)] {
            let case = format!("{requests} requests, {half_a_frame}");
            let mut client = RawClient::connect(&[]).await;
            client.until(SETTINGS).await;
            if requests > 0 {
                client.request(1, "/", true, &[]).await;
                client.until(DATA).await;
            }
            if half_a_frame {
                client.stream.write_all(&[0, 0, 90, HEADERS]).await.unwrap();
            }
            client.stop.send_replace(true);
            let stopped = Instant::now();
            // It reads, and answers nothing.
            let mut got = Vec::new();
            let _ = client.stream.read_to_end(&mut got).await;
            assert!(stopped.elapsed() <= 2 * SECOND, "{case}: {:?}", stopped.elapsed());
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_answers_ends_at_once_at_a_stop() {
        let mut client = RawClient::connect(&[]).await;
        client.until(SETTINGS).await;
        client.stop.send_replace(true);
        let stopped = Instant::now();
        assert!(client.rest().await.contains(&GOAWAY));
        assert_eq!(stopped.elapsed().as_secs(), 0);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_response_in_progress_outlives_a_stop() {
        let mut client = RawClient::connect(NO_WINDOW).await;
        client.request(1, "/long", true, &[]).await;
        client.until(HEADERS).await;
        client.stop.send_replace(true);
        client.until(GOAWAY).await;
        tokio::time::sleep(20 * SECOND).await;
        for stream in [0, 1] {
            client.send(WINDOW_UPDATE, 0, stream, &[0, 0x20, 0, 0]).await;
        }
        let mut got = 0;
        while let Some(frame) = client.next().await {
            got += if frame.kind == DATA { frame.payload.len() } else { 0 };
        }
        assert_eq!(got, LONG);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_sends_too_many_frames_is_disconnected() {
        let ping: &[u8] = &[0; 8];
        for (kind, flags, stream, payload) in [
            (PING, 0, 0, ping),
            (SETTINGS, 0, 0, b""),
            (PRIORITY, 0, 1, &[0, 0, 0, 0, 1]),
            (WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]),
            (DATA, 0, 1, b""),
            (CONTINUATION, 0, 3, b""),
            (0xfa, 0, 0, b""),
        ] {
            let mut client = RawClient::connect(&[]).await;
            client.request(1, "/never", false, &[]).await;
            if kind == CONTINUATION {
                client.send(HEADERS, 0, 3, &[0x82]).await;
            }
            let mut sent = 0;
            let flood = async {
                while client.try_send(kind, flags, stream, payload).await.is_ok() {
                    sent += 1;
                    // Read what comes, so that nothing is held up.
                    let _ = client.stream.try_read(&mut [0; 4096]);
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(SECOND, flood).await.unwrap_or_else(|_| panic!("{kind}: after {sent}"));
            assert!(sent <= 2_000, "{kind}: {sent}");
            assert_eq!(client.in_progress.get(), 0, "{kind}");
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_resets_its_requests_again_and_again_is_disconnected() {
        let mut client = RawClient::connect(&[]).await;
        let mut sent: u32 = 0;
        let block = [0x82, 0x86, 4, 6, b'/', b'n', b'e', b'v', b'e', b'r', 1, 1, b'a'];
        let flood = async {
            loop {
                let [_, b, c, d] = (2 * sent + 1).to_be_bytes();
                let head = [&[0, 0, 13, HEADERS, END_HEADERS | END_STREAM, 0, b, c, d], &block[..]].concat();
                let reset = [0, 0, 4, RST_STREAM, 0, 0, b, c, d, 0, 0, 0, 8];
                if client.stream.write_all(&[&head, &reset[..]].concat()).await.is_err() {
                    return;
                }
                sent += 1;
                let _ = client.stream.try_read(&mut [0; 4096]);
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SECOND, flood).await.expect("disconnected");
        assert!((20..500).contains(&sent), "{sent}");
    }
}
