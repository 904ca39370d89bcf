//! One client's connection, from accept to close.

use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::rc::Rc;

use tokio::sync::watch;
use tokio::task::coop::consume_budget;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::handshake::{Handshake, handshake};
use super::head::{ConnectionEnd, HeadReader};
use super::limit_log;
use super::open_connections::Idleness;
use super::preface::Preface;
use super::refusal::refuse;
use super::{Service, begin, http2};
use crate::config::Limits;
use crate::escape::peer_text;
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::net::linger::{close, close_at_once};
use crate::net::peer::Peer;
use crate::net::stream::Stream;

/// Serves a connection from `address` (`None` for a Unix socket) until it ends. After `stopped` it ends with the current
/// request, or with one that begins within `STOP_GRACE`. The limits are those that the service has when it begins. Spawns
/// local tasks, so it needs a [`LocalRuntime`](tokio::runtime::LocalRuntime).
pub async fn serve<S: Service>(
    stream: Stream,
    address: Option<IpAddr>,
    service: S,
    stopped: watch::Receiver<bool>,
) {
    let (idleness, limits) = (Rc::<Idleness>::default(), service.limits());
    let mut stopping = stopped.clone();
    let wake = async {
        // The sender lives until it has sent.
        let _ = stopping.wait_for(|stopped| *stopped).await;
        idleness.wake();
        pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = wake => {}
        () = serve_open(stream, Peer::new(address), service, &limits, stopped, &idleness) => {}
    }
}

/// As [`serve`], with `peer` as the client and these limits, and ends when `idleness` says so, which must be woken after
/// `stopped`.
pub(super) async fn serve_open<S: Service>(
    stream: Stream,
    peer: Peer,
    service: S,
    limits: &Limits,
    stopped: watch::Receiver<bool>,
    idleness: &Rc<Idleness>,
) {
    let peer = peer.over(stream.scheme());
    let preface = Preface::expected_on(&stream);
    let mut client = ClientConnection::new(stream, Rc::new(peer), stopped.clone(), limits.send_timeout);
    // What few connections need is on the heap, so that this future is small.
    match serve_requests(&mut client, &service, HeadReader::new(preface, idleness, limits)).await {
        ConnectionEnd::Http2 => Box::pin(http2::serve(client, service, limits, stopped, idleness)).await,
        ConnectionEnd::Refused(refusal) => {
            service.count_refused(refusal.status);
            Box::pin(refuse(client, refusal)).await;
        }
        // The descriptor is needed.
        ConnectionEnd::Close if idleness.must_close() => Box::pin(close_at_once(client)).await,
        ConnectionEnd::Close => close(client).await,
        ConnectionEnd::Drop if client.has_stalled() => limit_log::SEND_TIMEOUT.record(client.peer()),
        ConnectionEnd::Drop => {}
    }
}

/// Serves a connection over TLS, as [`serve_open`] does, after the handshake. A client that sends a request without TLS, or a
/// PROXY header, gets an explanation.
pub(super) async fn serve_tls<S: Service>(
    stream: Stream,
    acceptor: TlsAcceptor,
    peer: Peer,
    service: S,
    limits: &Limits,
    stopped: watch::Receiver<bool>,
    idleness: &Rc<Idleness>,
) {
    // On the heap: the handshake takes more memory than the rest of the connection.
    let handshake = handshake(stream, &acceptor, limits.handshake_timeout);
    let Some(handshake) = Box::pin(begin(stopped.clone(), idleness, handshake)).await else { return };
    match handshake {
        Ok(Handshake::Done(stream)) => serve_open(stream, peer, service, limits, stopped, idleness).await,
        Ok(Handshake::NotTls(stream, refusal)) => {
            let client = ClientConnection::new(stream, Rc::new(peer), stopped, limits.send_timeout);
            refuse(client, refusal).await;
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => limit_log::HANDSHAKE_TIMEOUT.record(&peer),
        Err(error) => debug!("TLS handshake with {peer} failed: {}", peer_text(&error.to_string())),
    }
}

async fn serve_requests<S: Service>(
    client: &mut ClientConnection,
    service: &S,
    mut heads: HeadReader<'_>,
) -> ConnectionEnd {
    loop {
        if let Err(end) = heads.next(client).await {
            return end;
        }
        let head = match RequestHead::parse(heads.bytes()) {
            Ok(head) => head,
            Err(refusal) => return ConnectionEnd::Refused(refusal),
        };
        client.input().consume(head.bytes.len());
        client.begin(&head);
        if let ControlFlow::Break(()) = service.respond(&head, client).await {
            return ConnectionEnd::Drop;
        }
        if !client.discard_body().await || client.closes() {
            return ConnectionEnd::Close;
        }
        client.input().shrink();
        // If a client has sent many requests at once, the loop may never wait. Let the thread's other connections run.
        consume_budget().await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::http1::framing::TransferCoding;
    use crate::net::accepted::AcceptedTcp;
    use crate::server::preface::PREFACE;
    use crate::server::response::respond;

    /// Responds to everything with `ok`; to `/slow` after [`A_WHILE`], to `/upload` after the body, and to `/long` with [`LONG`]
    /// bytes.
    #[derive(Clone)]
    struct TestSite;

    const A_WHILE: Duration = Duration::from_secs(20);
    const LONG: usize = 4 << 20;

    impl Service for TestSite {
        async fn respond(&self, head: &RequestHead<'_>, client: &mut ClientConnection) -> ControlFlow<()> {
            let content: Bytes = match head.target.path {
                b"/long" => vec![b'x'; LONG].into(),
                b"/slow" => {
                    sleep(A_WHILE).await;
                    "ok".into()
                }
                b"/upload" => {
                    while !client.has_whole_body() {
                        poll_fn(|cx| client.poll_fill(cx)).await.unwrap();
                        client.forward_body(TransferCoding::Identity, &mut Vec::new(), |_| false).unwrap();
                    }
                    "ok".into()
                }
                _ => "ok".into(),
            };
            respond(&head.method, client, Response::new(Full::new(content)), crate::clock::now()).await
        }
    }

    /// A connection that a task of its own serves.
    fn connection() -> (UnixStream, watch::Sender<bool>) {
        let (client, ours) = UnixStream::pair().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::task::spawn_local(serve(ours.into(), None, TestSite, stopped));
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
        assert!(got.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{what}: {got}");
        assert!(got.contains("\r\nconnection: close\r\n"), "{what}: {got}");
        assert!(got.ends_with("\r\n\r\nthe head of the request took too long\n"), "{what}: {got}");
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
        for pause in [1, 7, 29] {
            let (mut client, _stop) = connection();
            sleep(20 * SECOND).await;
            let refused = trickle(&mut client, HEAD, pause * SECOND).await;
            assert_refused(&refused, 30, &format!("a byte every {pause} s"));
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_head_that_is_complete_in_time_gets_a_response() {
        let (mut client, _stop) = connection();
        // On a kept connection, each head has the whole time, and so has each wait for one.
        for before in [29, 0, 29, 29] {
            sleep(before * SECOND).await;
            let (got, taken) = trickle(&mut client, HEAD, SECOND * 29 / 60).await;
            assert!(got.starts_with("HTTP/1.1 200"), "{got}");
            assert!(taken > 25 * SECOND && taken < 30 * SECOND, "{taken:?}");
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_second_head_is_refused() {
        for first in [HEAD, POST, POST_NOTHING, CHUNKED] {
            let (mut client, _stop) = connection();
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
        for first in [HEAD, POST, POST_NOTHING, CHUNKED] {
            let (mut client, _stop) = connection();
            client.write_all(&[first, b"GET / HT"].concat()).await.unwrap();
            answer(&mut client).await;
            let refused = trickle(&mut client, b"", SECOND).await;
            assert_refused(&refused, 30, &String::from_utf8_lossy(first));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_head_after_a_whole_request_gets_no_extra_time() {
        for first in [HEAD, POST, POST_NOTHING, CHUNKED] {
            let (mut client, _stop) = connection();
            client.write_all(&[first, b"GET / HT"].concat()).await.unwrap();
            answer(&mut client).await;
            sleep(29 * SECOND).await;
            let (got, taken) = trickle(&mut client, b"TP/1.1\r\nHost: site.example", SECOND).await;
            assert_refused(&(got, taken + 29 * SECOND), 30, &String::from_utf8_lossy(first));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_head_after_any_number_of_requests_at_once_has_the_same_limit() {
        // A task that has polled 128 times gets nothing more from tokio before others have run.
        for count in [1, 126, 127, 128, 129, 256] {
            // They are there when the connection is accepted, so that nothing is waited for before them.
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            client.write_all(&[&HEAD.repeat(count), &b"GET / HT"[..]].concat()).unwrap();
            let (ours, _) = listener.accept().unwrap();
            ours.set_nonblocking(true).unwrap();
            client.set_nonblocking(true).unwrap();
            let (_stop, stopped) = watch::channel(false);
            let ours = AcceptedTcp::from(OwnedFd::from(ours));
            tokio::task::spawn_local(serve(ours.into(), None, TestSite, stopped));
            let mut client = tokio::net::TcpStream::from_std(client).unwrap();
            let begun = Instant::now();
            let mut got = Vec::new();
            timeout(99 * SECOND, client.read_to_end(&mut got)).await.expect("an end").unwrap();
            let got = String::from_utf8(got).unwrap();
            let (responses, refusal) = got.split_at(got.rfind("HTTP/1.1 ").unwrap());
            assert_eq!(responses.matches("HTTP/1.1 200 OK\r\n").count(), count);
            assert_refused(&(refusal.to_owned(), begun.elapsed()), 30, &format!("{count} requests"));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_long_head_has_the_same_limit() {
        let long = format!("GET / HTTP/1.1\r\nHost: site.example\r\nCookie: {}", "c".repeat(9000));
        let (mut client, _stop) = connection();
        client.write_all(long.as_bytes()).await.unwrap();
        let refused = trickle(&mut client, &[b'c'; 100], SECOND).await;
        assert_refused(&refused, 30, "long");
        let (mut client, _stop) = connection();
        client.write_all(long.as_bytes()).await.unwrap();
        let (got, taken) = trickle(&mut client, b"ccc\r\nA: b\r\n\r\n", SECOND).await;
        assert!(got.starts_with("HTTP/1.1 200"), "{got}");
        assert_eq!(taken.as_secs(), 12);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_head_is_refused_once_it_is_as_long_as_a_head_may_be() {
        const LIMIT: usize = 16 << 10;
        for (begin, end, status) in [
            ("GET / HTTP/1.1\r\nHost: a\r\nA: ", "\r\n\r\n", "200"),
            ("GET / HTTP/1.1\r\nHost: a\r\nA: ", "", "431"),
            ("GET /", "", "414"),
        ] {
            let (mut client, _stop) = connection();
            let fill = "x".repeat(LIMIT - begin.len() - end.len());
            client.write_all(format!("{begin}{fill}{end}").as_bytes()).await.unwrap();
            let mut got = [0; 12];
            client.read_exact(&mut got).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&got), format!("HTTP/1.1 {status}"));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_preface_is_refused_and_a_split_one_is_accepted() {
        let (mut client, _stop) = connection();
        let refused = trickle(&mut client, PREFACE, 2 * SECOND).await;
        assert_refused(&refused, 30, "PRI");
        let (mut client, _stop) = connection();
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        client.write_all(&[PREFACE, &settings].concat()[..20]).await.unwrap();
        sleep(SECOND).await;
        client.write_all(&[PREFACE, &settings].concat()[20..]).await.unwrap();
        let mut got = [0; 9];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(got[3], 4, "SETTINGS");
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_connection_of_http_2_ends_without_a_request_or_within_a_head() {
        use hyper::client::conn::http2::handshake;
        let settings: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
        for frame in [&b""[..], &[0, 0, 90, 1, 4, 0, 0, 0, 1]] {
            let (mut client, _stop) = connection();
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
        let (client, _stop) = connection();
        let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
        tokio::task::spawn_local(connection);
        for _ in 0..3 {
            let request = Request::get("http://site.example/").body(Full::<Bytes>::default()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
            sleep(40 * SECOND).await;
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn an_idle_connection_is_closed_without_a_response() {
        for first in [&b""[..], HEAD, POST, POST_NOTHING, CHUNKED] {
            let (mut client, _stop) = connection();
            client.write_all(first).await.unwrap();
            if !first.is_empty() {
                answer(&mut client).await;
            }
            let (got, taken) = trickle(&mut client, b"", SECOND).await;
            let limit = if first.is_empty() { 30 } else { 60 };
            assert_eq!((got.as_str(), taken.as_secs()), ("", limit), "{}", String::from_utf8_lossy(first));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_body_may_take_longer_than_a_head() {
        let (mut client, _stop) = connection();
        let head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        client.write_all(head).await.unwrap();
        let (got, taken) = trickle(&mut client, b"hello", 20 * SECOND).await;
        assert!(got.starts_with("HTTP/1.1 200"), "{got}");
        assert_eq!(taken.as_secs(), 80);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn an_unwanted_body_that_has_begun_without_a_100_is_discarded() {
        let (mut client, _stop) = connection();
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
        client.write_all(format!("{head}he").as_bytes()).await.unwrap();
        answer(&mut client).await;
        client.write_all(&[b"llo", HEAD].concat()).await.unwrap();
        answer(&mut client).await;
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_malformed_request_is_refused_at_once() {
        for sent in [&b"\x16\x03\x01\x02"[..], b"GET / SMTP/1.1\r\n\r\n"] {
            let (mut client, _stop) = connection();
            let begun = Instant::now();
            client.write_all(sent).await.unwrap();
            let mut got = String::new();
            client.read_to_string(&mut got).await.unwrap();
            assert!(got.starts_with("HTTP/1.1 400"), "{got}");
            assert_eq!(begun.elapsed().as_secs(), 0);
        }
    }

    async fn get(client: &mut UnixStream, path: &str) {
        client.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_stop_ends_the_wait_after_a_response() {
        let (mut client, stop) = connection();
        for _ in 0..3 {
            get(&mut client, "/").await;
            answer(&mut client).await;
        }
        stop.send_replace(true);
        let stopped = Instant::now();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(stopped.elapsed().as_secs(), 1);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn an_idle_connection_ends_two_seconds_after_a_stop_or_one_if_the_client_closes_too() {
        for (closes, seconds) in [(false, 2), (true, 1)] {
            let (mut client, ours) = UnixStream::pair().unwrap();
            let (stop, stopped) = watch::channel(false);
            let served = tokio::task::spawn_local(serve(ours.into(), None, TestSite, stopped));
            get(&mut client, "/").await;
            answer(&mut client).await;
            stop.send_replace(true);
            let stopped = Instant::now();
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            let client = (!closes).then_some(client);
            served.await.unwrap();
            assert_eq!(stopped.elapsed().as_secs(), seconds);
            drop(client);
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_request_that_is_on_its_way_at_a_stop_gets_a_response() {
        for first in [&b""[..], HEAD, POST, CHUNKED] {
            let (mut client, stop) = connection();
            client.write_all(first).await.unwrap();
            if !first.is_empty() {
                answer(&mut client).await;
            }
            stop.send_replace(true);
            sleep(SECOND * 9 / 10).await;
            get(&mut client, "/").await;
            let mut got = String::new();
            client.read_to_string(&mut got).await.unwrap();
            assert!(got.starts_with("HTTP/1.1 200") && got.contains("\r\nconnection: close\r\n"), "{got}");
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn half_a_head_has_a_second_left_at_a_stop() {
        for begun_before in [0, 20] {
            let (mut client, stop) = connection();
            client.write_all(b"GET / HT").await.unwrap();
            sleep(begun_before * SECOND).await;
            stop.send_replace(true);
            let (got, taken) = trickle(&mut client, HEAD, SECOND / 10).await;
            assert_eq!((got.as_str(), taken.as_secs()), ("", 1));
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_connection_that_is_accepted_at_a_stop_has_a_second_for_a_request() {
        let (mut client, ours) = UnixStream::pair().unwrap();
        let (stop, stopped) = watch::channel(false);
        stop.send_replace(true);
        tokio::task::spawn_local(serve(ours.into(), None, TestSite, stopped));
        let (got, taken) = trickle(&mut client, b"", SECOND).await;
        assert_eq!((got.as_str(), taken.as_secs()), ("", 1));
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_stop_ends_the_wait_after_an_empty_line_in_pieces() {
        let (mut client, stop) = connection();
        for piece in ["\r", "\n"] {
            client.write_all(piece.as_bytes()).await.unwrap();
            sleep(SECOND).await;
        }
        stop.send_replace(true);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_stop_during_a_request_takes_effect_after_its_response() {
        let (mut client, stop) = connection();
        get(&mut client, "/slow").await;
        sleep(A_WHILE / 2).await;
        stop.send_replace(true);
        let mut got = String::new();
        client.read_to_string(&mut got).await.unwrap();
        assert!(got.starts_with("HTTP/1.1 200 OK\r\n") && got.contains("\r\nconnection: close\r\n"), "{got}");
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_client_that_reads_no_response_is_disconnected() {
        let (mut client, _stop) = connection();
        get(&mut client, "/long").await;
        sleep(61 * SECOND).await;
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert!(got.len() < LONG, "{}", got.len());
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_slow_reader_gets_the_whole_response_and_has_time_for_the_next_head() {
        let (mut client, _stop) = connection();
        get(&mut client, "/long").await;
        let mut got = 0;
        while got < LONG {
            sleep(5 * SECOND).await;
            let length = client.read(&mut vec![0; 1 << 20]).await.unwrap();
            assert_ne!(length, 0, "cut after {got} bytes");
            got += length;
        }
        let (got, taken) = trickle(&mut client, HEAD, SECOND * 29 / 60).await;
        assert!(!got.is_empty() && taken < 30 * SECOND, "{got}");
    }
}
