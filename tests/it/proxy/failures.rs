use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};

use super::gateway::{InProcessGateway, Options};
use super::peer::{Origin, RawPeer, settled};
use super::stopped_clock::StoppedClock;
use crate::gateway::http2::frame;
use crate::support::closed_port::ClosedPort;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn impatient() -> Options {
    let timeout = Duration::from_millis(200);
    Options { response_timeout: timeout, body_timeout: timeout, ..Options::default() }
}

/// A gateway with one idle connection to its upstream.
async fn kept_alive(origin: &Origin) -> (InProcessGateway, RawPeer, RawPeer) {
    // A busy machine may take longer than the two seconds of the default.
    let options = Options { limits: "upstream_idle = \"1h\"\n", ..Options::default() };
    let gateway = InProcessGateway::with(&origin.url(), options);
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send(OK).await;
    client.head().await;
    (gateway, client, upstream)
}

#[tokio::test(flavor = "local")]
async fn an_upstream_that_refuses_is_a_502() {
    let port = ClosedPort::bind();
    let gateway = InProcessGateway::to(&port.url());
    let mut client = gateway.connect().await;
    client.send(GET).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway");
    assert!(
        gateway.failure().starts_with("no connection to the upstream: Connection refused"),
        "{}",
        gateway.failure()
    );
}

#[tokio::test(flavor = "local")]
async fn a_socket_that_is_not_there_is_a_502() {
    let gateway = InProcessGateway::to("unix:/nonexistent/app.sock");
    let mut client = gateway.connect().await;
    client.send(GET).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway");
}

#[tokio::test(flavor = "local")]
async fn a_unix_socket_whose_queue_is_full_is_tried_until_the_time_limit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(0).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = UnixStream::connect(&path).await {
        waiting.push(stream);
    }
    let upstream = format!("unix:{}", path.display());
    let limit = Duration::from_millis(200);
    let gateway = InProcessGateway::with(&upstream, Options { connect_timeout: limit, ..Options::default() });
    let mut client = gateway.connect().await;
    let begun = Instant::now();
    client.send(GET).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 504 Gateway Timeout");
    assert!(begun.elapsed() >= limit, "{:?}", begun.elapsed());

    let gateway = InProcessGateway::to(&upstream);
    let mut client = gateway.connect().await;
    client.send(GET).await;
    listener.set_nonblocking(true).unwrap();
    let listener = UnixListener::from_std(listener.into()).unwrap();
    for _ in waiting {
        listener.accept().await.unwrap();
    }
    let (mut upstream, _) = listener.accept().await.unwrap();
    upstream.write_all(OK.as_bytes()).await.unwrap();
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "local")]
async fn an_upstream_that_closes_before_its_head_is_a_502() {
    for said in ["", "HTTP/1.1 200 OK\r\nConte", "not HTTP\r\n\r\n"] {
        for reset in [false, true] {
            let origin = Origin::bind().await;
            let gateway = InProcessGateway::to(&origin.url());
            let mut client = gateway.connect().await;
            client.send(GET).await;
            let mut upstream = origin.accept().await;
            upstream.head().await;
            upstream.send(said).await;
            if reset {
                upstream.reset();
            } else {
                drop(upstream);
            }
            assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway", "{said:?}");
            let why = if said.starts_with("not") {
                "it is neither HTTP/1.0 nor HTTP/1.1"
            } else {
                "the upstream dropped the connection"
            };
            assert!(gateway.failure().contains(why), "{}", gateway.failure());
            assert!(origin.is_left_alone().await, "{said:?}");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn an_upstream_that_does_not_answer_is_a_504_in_time() {
    let clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::with(&origin.url(), impatient());
    for request in [GET, POST] {
        let mut client = gateway.connect().await;
        client.send(request).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        clock.advance(Duration::from_millis(190)).await;
        assert!(client.is_silent().await, "{request}");
        clock.advance(Duration::from_millis(20)).await;
        assert_eq!(client.head().await.first, "HTTP/1.1 504 Gateway Timeout");
        upstream.closed().await;
    }
    assert!(
        gateway.failure().starts_with("no response from the upstream within 200ms"),
        "{}",
        gateway.failure()
    );
}

#[tokio::test(flavor = "local")]
async fn requests_that_wait_for_the_settings_of_http2_for_too_long_get_a_504_that_says_so() {
    const SETTINGS: u8 = 4;
    /// One request at a time.
    const ONE: &[u8] = &[0, 3, 0, 0, 0, 1];
    let clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let options = Options { connect_timeout: Duration::from_secs(4), ..Options::default() };
    let gateway = InProcessGateway::with(&origin.url().replace("http:", "h2c:"), options);
    let (mut clients, mut connections) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        let mut client = gateway.connect().await;
        client.send(GET).await;
        assert!(client.is_silent().await);
        clients.push(client);
    }
    // The SETTINGS of the fifth connection are still to come when the time of the sixth request is over.
    for late in [900, 900, 900, 900, 500] {
        let mut connection = origin.accept().await;
        clock.advance(Duration::from_millis(late)).await;
        if late == 900 {
            connection.stream.write_all(&frame(SETTINGS, 0, 0, ONE)).await.expect("sent");
        }
        connections.push(connection);
    }
    assert_eq!(clients[5].head().await.first, "HTTP/1.1 504 Gateway Timeout");
    let expected = "no place on a connection of HTTP/2 to the upstream within 4s: its SETTINGS, which say how many requests \
                    it takes, came late";
    assert_eq!(gateway.failure(), expected);
    for client in &mut clients[..5] {
        assert!(client.is_silent().await);
    }
}

#[tokio::test(flavor = "local")]
async fn a_tls_handshake_that_hangs_is_a_504_in_time() {
    let origin = Origin::bind().await;
    let options = Options { connect_timeout: Duration::from_millis(200), ..Options::default() };
    let gateway = InProcessGateway::with(&origin.url().replace("http:", "https:"), options);
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let _upstream = origin.accept().await;
    assert_eq!(client.head().await.first, "HTTP/1.1 504 Gateway Timeout");
    assert_eq!(gateway.failure(), "no connection to the upstream within 200ms");
}

#[tokio::test(flavor = "local")]
async fn an_upload_that_moves_does_not_time_out() {
    let clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::with(&origin.url(), impatient());
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8192\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    let piece = "x".repeat(1024);
    for _ in 0..8 {
        clock.advance(impatient().response_timeout * 9 / 10).await;
        client.send(&piece).await;
        upstream.until(&piece).await;
    }
    upstream.send(OK).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "local")]
async fn a_client_that_stops_sending_gets_408() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::with(&origin.url(), impatient());
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nx").await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    assert_eq!(client.head().await.first, "HTTP/1.1 408 Request Timeout");
    client.until("the body of the request came too slowly\n").await;
    upstream.until("x").await;
    upstream.closed().await;
}

#[tokio::test(flavor = "local")]
async fn a_malformed_body_gets_400() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.until("x\r\n").await;
    client.send("nonsense\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 400 Bad Request");
    client.until("the body of the request is malformed\n").await;
    let (body, _) = upstream.rest().await;
    assert!(!body.ends_with("0\r\n\r\n"), "{body}");
}

#[tokio::test(flavor = "local")]
async fn a_truncated_body_never_looks_complete() {
    for (fields, part) in [("Content-Length: 10", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n")]
    {
        for reset in [false, true] {
            let origin = Origin::bind().await;
            let gateway = InProcessGateway::to(&origin.url());
            let mut client = gateway.connect().await;
            client.send(GET).await;
            let mut upstream = origin.accept().await;
            upstream.head().await;
            upstream.send(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{part}")).await;
            assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
            client.until("hello").await;
            if reset {
                upstream.reset();
            } else {
                drop(upstream);
            }
            let (rest, _) = client.rest().await;
            assert!(rest.trim().is_empty(), "{fields}: {rest:?}");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn a_get_on_a_closed_connection_is_repeated_once() {
    let origin = Origin::bind().await;
    let (gateway, mut client, mut first) = kept_alive(&origin).await;
    client.send(GET).await;
    first.head().await;
    drop(first);
    let mut second = origin.accept().await;
    assert_eq!(second.head().await.first, "GET / HTTP/1.1");
    drop(second);
    assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway");
    assert!(origin.is_left_alone().await);
    drop(gateway);
}

#[tokio::test(flavor = "local")]
async fn a_repeated_request_is_the_same_and_gets_its_answer() {
    let origin = Origin::bind().await;
    let (_gateway, mut client, mut first) = kept_alive(&origin).await;
    client.send("GET /a?b HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n").await;
    let before = first.head().await;
    first.reset();
    let mut second = origin.accept().await;
    let again = second.head().await;
    assert_eq!((before.first, before.fields), (again.first, again.fields));
    second.send(OK).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "local")]
async fn a_post_is_never_repeated() {
    for post in [POST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"] {
        let origin = Origin::bind().await;
        let (_gateway, mut client, mut first) = kept_alive(&origin).await;
        client.send(post).await;
        first.head().await;
        drop(first);
        assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway");
        assert!(origin.is_left_alone().await);
    }
}

#[tokio::test(flavor = "local")]
async fn a_get_whose_response_had_begun_is_not_repeated() {
    let origin = Origin::bind().await;
    let (_gateway, mut client, mut first) = kept_alive(&origin).await;
    client.send(GET).await;
    first.head().await;
    first.send("HTTP/1.1 200").await;
    settled().await;
    drop(first);
    assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway");
    assert!(origin.is_left_alone().await);
}

#[tokio::test(flavor = "local")]
async fn a_post_uses_a_new_connection_if_the_idle_one_is_closed() {
    let origin = Origin::bind().await;
    let (_gateway, mut client, first) = kept_alive(&origin).await;
    drop(first);
    client.send(POST).await;
    let mut second = origin.accept().await;
    assert_eq!(second.head().await.first, "POST / HTTP/1.1");
    assert_eq!(second.until("hi").await, "hi");
    second.send(OK).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "local")]
async fn the_upstream_request_ends_when_the_client_leaves() {
    for said in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"] {
        let origin = Origin::bind().await;
        let gateway = InProcessGateway::to(&origin.url());
        let mut client = gateway.connect().await;
        client.send(GET).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        upstream.send(said).await;
        if !said.is_empty() {
            client.until("hello").await;
            // One that closes its side right behind its request may only half-close it.
            settled().await;
            StoppedClock::stop().advance(Duration::from_millis(501)).await;
        }
        drop(client);
        assert!(upstream.closes_within_a_second().await, "{said:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn the_upstream_request_ends_when_the_client_leaves_within_its_body_and_the_response() {
    for reset in [false, true] {
        let origin = Origin::bind().await;
        // On a used connection, no timer of the exchange hides that nothing else wakes it.
        let (_gateway, mut client, mut upstream) = kept_alive(&origin).await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await;
        upstream.until("hello").await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
        client.until("hello").await;
        if reset {
            client.reset();
        } else {
            drop(client);
        }
        assert!(upstream.closes_within_a_second().await, "{reset}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_body_that_is_malformed_within_the_response_is_never_read_as_a_head() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc").await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.until("abc").await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    client.until("hello").await;
    // A last chunk with an extension, a trailer, and a line that ends without CR.
    client.send("\r\n0 /smuggled HTTP/1.1\r\nHost: a\r\n\n").await;
    upstream.closed().await;
    assert_eq!(client.rest().await.0, "");
    assert!(origin.is_left_alone().await);
}
