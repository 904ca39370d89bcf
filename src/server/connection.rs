//! One client's connection, from accept to close.

use std::error::Error;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use http::Request;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::guarded::{GuardedStream, RequestEnd, TimerCheck};
use super::head::{PREFACE, refuse};
use super::stream::Stream;
use super::{HEAD_TIMEOUT, Service, fast_path};
use crate::upstream::Peer;

/// How long a connection may take to end after reading was stopped.
const END_TIME: Duration = Duration::from_secs(1);

/// Serves a connection from `address` (`None` for a Unix socket) until it ends. After `stopped` it ends with the current
/// request. The head of a request must be complete 30 s after its first byte; otherwise the client gets 408 and the
/// connection closes. An idle connection closes after 30 s too. Spawns local tasks, so it needs a
/// [`LocalRuntime`](tokio::runtime::LocalRuntime).
pub async fn serve<S: Service>(
    stream: Stream,
    address: Option<IpAddr>,
    service: S,
    mut stopped: watch::Receiver<bool>,
) {
    let peer = Rc::new(Peer::new(address));
    let Some(stream) = fast_path::serve(stream, &service, &peer, &mut stopped).await else { return };
    serve_with_hyper(stream, peer, service, stopped).await;
}

async fn serve_with_hyper<S: Service>(
    stream: Stream,
    peer: Rc<Peer>,
    service: S,
    mut stopped: watch::Receiver<bool>,
) {
    let is_http2 = stream.first().starts_with(PREFACE);
    let stream = GuardedStream::new(stream, is_http2);
    let (guard, client) = (stream.clone(), Rc::clone(&peer));
    let requests = service_fn(move |request: Request<Incoming>| {
        let has_length = request.headers().contains_key(CONTENT_LENGTH) && !request.body().is_end_stream();
        guard.begin_request(if has_length { RequestEnd::Unknown } else { RequestEnd::EmptyLine });
        let end = EndOfRequest(guard.clone());
        let response = service.clone().respond(request, Rc::clone(&client));
        // hyper drops the body, and this closure with it, when all of the body is written.
        async {
            response.await.map(|response| {
                response.map(|body| {
                    body.map_err(move |error| {
                        let _dropped_with_the_body = &end;
                        error
                    })
                })
            })
        }
    });
    let builder = builder();
    let mut connection =
        Box::pin(builder.serve_connection_with_upgrades(TokioIo::new(stream.clone()), requests));
    let mut expiry = std::pin::pin!(sleep(HEAD_TIMEOUT));
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    debug!("connection of {peer} ended: {error}");
                }
                return;
            }
            _ = stopped.wait_for(|stopped| *stopped), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut expiry => match stream.check() {
                TimerCheck::Wait(until) => expiry.as_mut().reset(until),
                TimerCheck::Close => return,
                TimerCheck::Cut => break,
            }
        }
    }
    stream.cut();
    let ended = timeout(END_TIME, &mut connection).await;
    drop(connection);
    if matches!(ended, Ok(Err(error)) if is_within_head(&*error))
        && let Some(mut stream) = stream.into_stream()
    {
        refuse(&mut stream, &peer).await;
    }
}

/// Returns true for hyper's error for a connection that ends within a head.
fn is_within_head(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message)
}

/// Ends a request when it is dropped with the response's body.
struct EndOfRequest(GuardedStream);

impl Drop for EndOfRequest {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

fn builder() -> Builder<LocalExecutor> {
    let mut builder = Builder::new(LocalExecutor);
    // hyper's own limit closes the connection without a response.
    builder.http1().header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .keep_alive_timeout(HEAD_TIMEOUT)
        .max_concurrent_streams(128);
    builder
}

/// Runs the streams of an HTTP/2 connection on its thread.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::ops::ControlFlow;

    use bytes::Bytes;
    use http::Response;
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;
    use tokio::time::Instant;

    use super::*;
    use crate::server::{ClientConnection, FastPath};

    /// Responds to everything with `ok`; to GET by the fast path, if it is on.
    #[derive(Clone)]
    struct TestSite {
        is_fast: bool,
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    impl Service for TestSite {
        type Body = Full<Bytes>;
        type Forwarded = ();

        async fn respond(
            self,
            request: Request<Incoming>,
            _: Rc<Peer>,
        ) -> Result<Response<Self::Body>, Infallible> {
            let _body = request.into_body().collect().await;
            Ok(Response::new("ok".into()))
        }

        async fn forward(&self, (): (), _: &Peer, _: &mut ClientConnection<'_>) -> ControlFlow<()> {
            ControlFlow::Break(())
        }

        fn fast_path(&self, unread: &[u8], _: &Peer) -> FastPath<()> {
            let mut fields = [httparse::EMPTY_HEADER; 16];
            match httparse::Request::new(&mut fields).parse(unread) {
                _ if !self.is_fast => FastPath::Fallback,
                Ok(httparse::Status::Partial) => FastPath::Incomplete,
                Ok(httparse::Status::Complete(head)) if unread.starts_with(b"GET") => {
                    FastPath::Respond { head, response: OK.into() }
                }
                Ok(_) | Err(_) => FastPath::Fallback,
            }
        }
    }

    /// A connection that a task of its own serves.
    fn connection(is_fast: bool) -> (UnixStream, watch::Sender<bool>) {
        let (client, ours) = UnixStream::pair().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::task::spawn_local(serve(ours.into(), None, TestSite { is_fast }, stopped));
        (client, stop)
    }

    /// Sends these bytes one by one, with a pause after each, until there is a response. Returns it, and the time taken.
    async fn trickle(client: &mut UnixStream, bytes: &[u8], pause: Duration) -> (String, Duration) {
        let (mut from, mut to) = client.split();
        let begun = Instant::now();
        let sending = async {
            for byte in bytes {
                to.write_all(&[*byte]).await.unwrap();
                sleep(pause).await;
            }
            std::future::pending::<()>().await;
        };
        let mut got = vec![0; 4096];
        let length = tokio::select! {
            read = from.read(&mut got) => read.unwrap(),
            () = sending => unreachable!(),
        };
        let taken = begun.elapsed();
        got.truncate(length);
        (String::from_utf8(got).unwrap(), taken)
    }

    fn assert_refused((got, taken): &(String, Duration), seconds: u64, what: &str) {
        assert!(got.starts_with("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"), "{what}: {got}");
        assert!(
            got.ends_with("\r\n\r\nthe head of the request took longer than 30 seconds\n"),
            "{what}: {got}"
        );
        assert_eq!(taken.as_secs(), seconds, "{what}");
    }

    const SECOND: Duration = Duration::from_secs(1);
    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: site.example\r\nAccept: text/html\r\n\r\n";
    const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: site.example\r\nContent-Length: 5\r\n\r\nhello";
    const POST_NOTHING: &[u8] = b"POST / HTTP/1.1\r\nHost: site.example\r\nContent-Length: 0\r\n\r\n";

    const CHUNKED: &[u8] =
        b"POST / HTTP/1.1\r\nHost: site.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

    async fn answer(client: &mut UnixStream) {
        let mut got = vec![0; 4096];
        let length = client.read(&mut got).await.unwrap();
        assert!(got[..length].starts_with(b"HTTP/1.1 200 OK\r\n"));
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_head_is_refused_thirty_seconds_after_its_first_byte() {
        for is_fast in [true, false] {
            for pause in [1, 7, 29] {
                let (mut client, _stop) = connection(is_fast);
                sleep(20 * SECOND).await;
                let refused = trickle(&mut client, HEAD, pause * SECOND).await;
                assert_refused(&refused, 30, &format!("a byte every {pause} s, {is_fast}"));
                assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            }
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_head_that_is_complete_in_time_gets_a_response() {
        for is_fast in [true, false] {
            let (mut client, _stop) = connection(is_fast);
            // On a kept connection, each head has the whole time, and so has each wait for one.
            for before in [29, 0, 29, 29] {
                sleep(before * SECOND).await;
                let (got, taken) = trickle(&mut client, HEAD, SECOND * 29 / 60).await;
                assert!(got.starts_with("HTTP/1.1 200"), "{got}");
                assert!(taken > 25 * SECOND && taken < 30 * SECOND, "{taken:?}");
            }
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_second_head_is_refused() {
        for (is_fast, first) in
            [(true, HEAD), (true, POST), (true, POST_NOTHING), (false, HEAD), (false, POST)]
        {
            let (mut client, _stop) = connection(is_fast);
            for _ in 0..3 {
                client.write_all(first).await.unwrap();
                answer(&mut client).await;
                sleep(10 * SECOND).await;
            }
            let refused = trickle(&mut client, HEAD, SECOND).await;
            assert_refused(&refused, 30, &String::from_utf8_lossy(first));
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn half_a_head_after_a_whole_request_is_refused() {
        for (is_fast, first) in [
            (true, HEAD),
            (true, POST),
            (true, POST_NOTHING),
            (false, HEAD),
            (false, POST),
            (false, POST_NOTHING),
        ] {
            let (mut client, _stop) = connection(is_fast);
            client.write_all(&[first, b"GET / HT"].concat()).await.unwrap();
            answer(&mut client).await;
            let refused = trickle(&mut client, b"", SECOND).await;
            assert_refused(&refused, 30, &String::from_utf8_lossy(first));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_head_after_a_whole_request_gets_no_extra_time() {
        for (is_fast, first, seconds) in [
            (true, HEAD, 30),
            (false, HEAD, 30),
            (true, POST_NOTHING, 30),
            (true, CHUNKED, 30),
            // Only hyper knows if the last bytes of a body came with the first of the next head.
            (true, POST, 59),
        ] {
            let (mut client, _stop) = connection(is_fast);
            client.write_all(&[first, b"GET / HT"].concat()).await.unwrap();
            answer(&mut client).await;
            sleep(29 * SECOND).await;
            let (got, taken) = trickle(&mut client, b"TP/1.1\r\nHost: site.example", SECOND).await;
            assert_refused(&(got, taken + 29 * SECOND), seconds, &String::from_utf8_lossy(first));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_long_head_has_the_same_limit() {
        for is_fast in [true, false] {
            let long = format!("GET / HTTP/1.1\r\nHost: site.example\r\nCookie: {}", "c".repeat(9000));
            let (mut client, _stop) = connection(is_fast);
            client.write_all(long.as_bytes()).await.unwrap();
            let refused = trickle(&mut client, &[b'c'; 100], SECOND).await;
            assert_refused(&refused, 30, "long");
            let (mut client, _stop) = connection(is_fast);
            client.write_all(long.as_bytes()).await.unwrap();
            let (got, taken) = trickle(&mut client, b"ccc\r\nA: b\r\n\r\n", SECOND).await;
            assert!(got.starts_with("HTTP/1.1 200"), "{got}");
            assert_eq!(taken.as_secs(), 12);
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_preface_is_refused_and_a_split_one_is_accepted() {
        for is_fast in [true, false] {
            let (mut client, _stop) = connection(is_fast);
            let refused = trickle(&mut client, PREFACE, 2 * SECOND).await;
            assert_refused(&refused, 30, "PRI");
            let (mut client, _stop) = connection(is_fast);
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            client.write_all(&[PREFACE, &settings].concat()[..20]).await.unwrap();
            sleep(SECOND).await;
            client.write_all(&[PREFACE, &settings].concat()[20..]).await.unwrap();
            let mut got = [0; 9];
            client.read_exact(&mut got).await.unwrap();
            assert_eq!(got[3], 4, "SETTINGS");
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_connection_of_http_2_ends_without_a_request_or_within_a_head() {
        use hyper::client::conn::http2::handshake;
        let settings: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
        for frame in [&b""[..], &[0, 0, 90, 1, 4, 0, 0, 0, 1]] {
            let (mut client, _stop) = connection(true);
            let begun = Instant::now();
            client.write_all(&[PREFACE, settings, frame].concat()).await.unwrap();
            let (mut from, mut to) = client.split();
            let trickle = async {
                while to.write_all(&frame[..frame.len().min(1)]).await.is_ok() {
                    sleep(SECOND).await;
                }
            };
            let read = async {
                let mut got = Vec::new();
                let _ = from.read_to_end(&mut got).await;
            };
            tokio::select! { () = read => {}, () = trickle => {} }
            assert_eq!(begun.elapsed().as_secs(), 30);
        }
        // After a request it may be idle, and requests may take any time.
        let (client, _stop) = connection(true);
        let (mut sender, connection) = handshake(LocalExecutor, TokioIo::new(client)).await.unwrap();
        tokio::task::spawn_local(connection);
        for _ in 0..3 {
            let request = Request::get("http://site.example/").body(Full::<Bytes>::default()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
            sleep(40 * SECOND).await;
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn an_idle_connection_is_closed_without_a_response() {
        for (is_fast, first) in
            [(true, &b""[..]), (true, HEAD), (true, POST), (true, CHUNKED), (false, b""), (false, HEAD)]
        {
            let (mut client, _stop) = connection(is_fast);
            client.write_all(first).await.unwrap();
            if !first.is_empty() {
                answer(&mut client).await;
            }
            let (got, taken) = trickle(&mut client, b"", SECOND).await;
            assert_eq!((got.as_str(), taken.as_secs()), ("", 30), "{}", String::from_utf8_lossy(first));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_body_may_take_longer_than_a_head() {
        let (mut client, _stop) = connection(true);
        client.write_all(&POST[..POST.len() - 5]).await.unwrap();
        let (got, taken) = trickle(&mut client, b"hello", 20 * SECOND).await;
        assert!(got.starts_with("HTTP/1.1 200"), "{got}");
        assert_eq!(taken.as_secs(), 80);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_malformed_request_is_refused_at_once() {
        for is_fast in [true, false] {
            for sent in [&b"\x16\x03\x01\x02"[..], b"GET / SMTP/1.1\r\n", b"PRI * HTTP/3.0\r\n"] {
                let (mut client, _stop) = connection(is_fast);
                let begun = Instant::now();
                client.write_all(sent).await.unwrap();
                let mut got = String::new();
                client.read_to_string(&mut got).await.unwrap();
                assert!(got.starts_with("HTTP/1.1 400"), "{got}");
                assert_eq!(begun.elapsed().as_secs(), 0);
            }
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_reader_gets_the_whole_response_and_has_time_for_the_next_head() {
        let (mut client, ours) = UnixStream::pair().unwrap();
        socket2::SockRef::from(&ours).set_send_buffer_size(4096).unwrap();
        let (_stop, stopped) = watch::channel(false);
        tokio::task::spawn_local(serve(ours.into(), None, Long, stopped));
        client.write_all(HEAD).await.unwrap();
        let mut got = Vec::new();
        while got.len() < 200_000 {
            sleep(5 * SECOND).await;
            let mut piece = [0; 10_000];
            let length = client.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "cut after {} bytes", got.len());
            got.extend_from_slice(&piece[..length]);
        }
        let (got, taken) = trickle(&mut client, HEAD, SECOND * 29 / 60).await;
        assert!(!got.is_empty() && taken < 30 * SECOND, "{got}");
    }

    /// Responds with a long body, which hyper takes as a whole.
    #[derive(Clone)]
    struct Long;

    impl Service for Long {
        type Body = Full<Bytes>;
        type Forwarded = ();

        async fn respond(
            self,
            _: Request<Incoming>,
            _: Rc<Peer>,
        ) -> Result<Response<Self::Body>, Infallible> {
            Ok(Response::new(vec![b'x'; 200_000].into()))
        }

        async fn forward(&self, (): (), _: &Peer, _: &mut ClientConnection<'_>) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
}
