use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::gateway::InProcessGateway;
use super::peer::{Origin, RawPeer, settled, soon};
use super::stopped_clock::StoppedClock;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test(flavor = "local")]
async fn every_kind_of_response_is_framed_exactly_and_its_connection_used_again() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    let mut upstream = None;
    for (method, response, head, body) in [
        ("GET", "200 OK\r\nContent-Length: 5\r\n\r\nhello", &["content-length: 5"][..], "hello"),
        ("GET", "200 OK\r\nContent-Length: 0\r\n\r\n", &["content-length: 0"], ""),
        (
            "GET",
            "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            &["transfer-encoding: chunked"],
            "3\r\nabc\r\n0\r\n\r\n",
        ),
        ("HEAD", "200 OK\r\nContent-Length: 5\r\n\r\n", &["content-length: 5"], ""),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &[], ""),
        ("GET", "204 No Content\r\nETag: e\r\n\r\n", &["etag: e"], ""),
        ("GET", "204 No Content\r\nContent-Length: 0\r\n\r\n", &[], ""),
        // A 304 may say the length that a 200 would have, and need not (RFC 9110 8.6).
        ("GET", "304 Not Modified\r\nContent-Length: 5\r\n\r\n", &[], ""),
        ("GET", "304 Not Modified\r\nETag: e\r\n\r\n", &["etag: e"], ""),
        ("DELETE", "418 Short And Stout\r\nContent-Length: 0\r\n\r\n", &["content-length: 0"], ""),
    ] {
        client.send(&format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let mut peer = match upstream.take() {
            Some(peer) => peer,
            None => origin.accept().await,
        };
        peer.head().await;
        peer.send(&format!("HTTP/1.1 {response}")).await;
        let answer = client.head().await;
        let status = response.rsplit("HTTP/1.1 ").next().and_then(|response| response.split("\r\n").next());
        assert_eq!(answer.first, format!("HTTP/1.1 {}", status.expect("a status")));
        assert_eq!(answer.fields, head, "{method} {response}");
        assert_eq!(client.until(body).await, body, "{method} {response}");
        assert!(client.is_silent().await, "{method} {response}");
        upstream = Some(peer);
    }
    assert!(origin.is_left_alone().await);
}

#[tokio::test(flavor = "local")]
async fn a_chunked_body_and_its_trailers_go_both_ways() {
    for method in ["POST", "GET"] {
        let origin = Origin::bind().await;
        let gateway = InProcessGateway::to(&origin.url());
        let mut client = gateway.connect().await;
        let fields =
            "Host: a\r\nTE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked";
        client
            .send(&format!("{method} / HTTP/1.1\r\n{fields}\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"))
            .await;
        let mut upstream = origin.accept().await;
        let head = upstream.head().await;
        assert_eq!(head.get("transfer-encoding"), ["chunked"], "{method}");
        assert_eq!(head.get("te"), ["trailers"]);
        assert_eq!(upstream.until("1\r\n\r\n").await, "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
        upstream
            .send("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nX-Sum: 2\r\n\r\n")
            .await;
        assert_eq!(client.head().await.fields, ["trailer: X-Sum", "transfer-encoding: chunked"]);
        assert_eq!(client.until("2\r\n\r\n").await, "2\r\nde\r\n0\r\nX-Sum: 2\r\n\r\n");
    }
}

#[tokio::test(flavor = "local")]
async fn a_length_beside_chunked_is_ignored() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    let chunks = "3\r\nabc\r\n0\r\n\r\n";
    upstream
        .send(&format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"))
        .await;
    assert_eq!(client.head().await.fields, ["transfer-encoding: chunked"]);
    assert_eq!(client.until(chunks).await, chunks);
    upstream.closed().await;
}

#[tokio::test(flavor = "local")]
async fn a_transfer_coding_other_than_chunked_is_refused() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 501 Not Implemented");
    assert!(origin.is_left_alone().await);
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 502 Bad Gateway");
}

#[tokio::test(flavor = "local")]
async fn the_response_of_an_http_1_0_upstream_is_sent_as_http_1_1() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.0 200 OK\r\n\r\nhello").await;
    drop(upstream);
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
    assert_eq!(client.until("0\r\n\r\n").await, "5\r\nhello\r\n0\r\n\r\n");
}

#[tokio::test(flavor = "local")]
async fn an_http_1_0_connection_gets_no_second_request() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let mut first = origin.accept().await;
    first.head().await;
    first.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n").await;
    client.head().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n").await;
    let mut second = origin.accept().await;
    assert_eq!(second.head().await.first, "POST / HTTP/1.1");
    assert_eq!(second.until("0\r\n\r\n").await, "1\r\na\r\n0\r\n\r\n");
}

#[tokio::test(flavor = "local")]
async fn a_100_continue_of_the_upstream_reaches_the_client() {
    let _clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    assert_eq!(upstream.head().await.get("expect"), ["100-continue"]);
    assert!(client.is_silent().await);
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 100 Continue");
    client.send("hello").await;
    assert_eq!(upstream.until("hello").await, "hello");
    upstream.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 201 Created");
}

#[tokio::test(flavor = "local")]
async fn a_body_that_the_upstream_refuses_is_not_read() {
    let _clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await;
    let head = client.head().await;
    assert_eq!(head.first, "HTTP/1.1 417 Expectation Failed");
    assert_eq!(head.get("connection"), ["close"]);
    assert_eq!(client.rest().await, ("no".to_owned(), true));
    upstream.closed().await;
}

#[tokio::test(flavor = "local")]
async fn the_client_gets_a_100_continue_if_the_upstream_is_silent_for_a_while() {
    let clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    assert!(client.is_silent().await);
    clock.advance(Duration::from_millis(1100)).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 100 Continue");
    client.send("hello").await;
    assert_eq!(upstream.until("hello").await, "hello");
}

#[tokio::test(flavor = "local")]
async fn a_body_whose_client_does_not_wait_for_a_100_continue_is_forwarded_at_once() {
    let _clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    client.send("hello").await;
    assert_eq!(upstream.until("hello").await, "hello");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
}

/// Sends until the other end reads no more. Returns the number of bytes.
async fn send_until_full(peer: &mut RawPeer) -> usize {
    let chunk = vec![b'x'; 65_536];
    let (mut sent, mut has_waited) = (0, false);
    loop {
        match peer.stream.try_write(&chunk) {
            Ok(written) => {
                sent += written;
                has_waited = false;
                assert!(sent < 256 << 20, "the gateway buffers without a limit");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                if std::mem::replace(&mut has_waited, true) {
                    return sent;
                }
                settled().await;
            }
        }
    }
}

/// The most bytes of a request that may be under way: 8 MiB in the gateway, and the kernel's buffers of four sockets.
const MAX_BUFFERED: usize = 16 << 20;

/// Returns the most bytes of a response that may be under way. The kernel enlarges the receive buffer of the gateway's own
/// connection to the upstream up to its limit (tcp(7)).
fn max_response_buffered() -> usize {
    let sizes = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_rmem").expect("a setting of the kernel");
    let limit = sizes.split_whitespace().next_back().and_then(|size| size.parse::<usize>().ok());
    MAX_BUFFERED + limit.expect("a size in bytes")
}

#[tokio::test(flavor = "local")]
async fn a_client_that_does_not_read_holds_the_upstream_back() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = RawPeer::connect_narrow(gateway.address).await;
    client.send(GET).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").await;
    let sent = send_until_full(&mut upstream).await;
    assert!(sent < max_response_buffered(), "{sent} bytes are buffered");
}

#[tokio::test(flavor = "local")]
async fn an_upstream_that_does_not_read_holds_the_client_back() {
    let origin = Origin::bind_narrow();
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n").await;
    let _upstream = origin.accept().await;
    let sent = send_until_full(&mut client).await;
    assert!(sent < MAX_BUFFERED, "{sent} bytes are buffered");
}

#[tokio::test(flavor = "local")]
async fn large_bodies_pass_both_ways() {
    const LENGTH: usize = 64 << 20;
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    pour(&mut client, &mut upstream, LENGTH).await;
    upstream.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    client.head().await;
    pour(&mut upstream, &mut client, LENGTH).await;
}

async fn pour(from: &mut RawPeer, to: &mut RawPeer, length: usize) {
    let sent = vec![b'x'; length];
    let mut got = Vec::with_capacity(length);
    let mut receiver = to.stream.split().0.take(length as u64);
    let (written, read) = soon("the body", async {
        tokio::join!(from.stream.write_all(&sent), receiver.read_to_end(&mut got))
    })
    .await;
    written.expect("written");
    assert_eq!(read.expect("read"), length);
    assert!(got == sent, "the bytes differ");
}

#[tokio::test(flavor = "local")]
async fn interim_responses_are_forwarded_before_the_final_one() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let mut client = gateway.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 103 Early Hints\r\nLink: a\r\nConnection: x\r\nX: y\r\n\r\n").await;
    let interim = client.head().await;
    assert_eq!(
        (&*interim.first, &interim.fields[..]),
        ("HTTP/1.1 103 Early Hints", &["link: a".to_owned()][..])
    );
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "local")]
async fn what_only_begins_like_the_preface_of_http_2_is_refused_however_it_is_split() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let preface = "PRI * HTTP/2.0\r\n\r\nSX";
    for at in 0..preface.len() {
        let (begun, rest) = preface.split_at(at);
        let mut client = gateway.connect().await;
        client.send(begun).await;
        settled().await;
        client.send(rest).await;
        assert_eq!(client.head().await.first, "HTTP/1.1 505 HTTP Version Not Supported", "split at {at}");
    }
}

#[tokio::test(flavor = "local")]
async fn an_empty_line_before_a_request_is_skipped_however_it_is_split() {
    let origin = Origin::bind().await;
    let gateway = InProcessGateway::to(&origin.url());
    let request = format!("\r\n{GET}");
    for at in 0..4 {
        let (begun, rest) = request.split_at(at);
        let mut client = gateway.connect().await;
        client.send(begun).await;
        settled().await;
        client.send(rest).await;
        let mut upstream = origin.accept().await;
        assert_eq!(upstream.head().await.first, "GET / HTTP/1.1", "split at {at}");
    }
}
