//! `Expect: 100-continue` and interim responses (RFC 9110, sections 10.1.1 and 15.2).

use std::time::Duration;

use super::messages::RecordingUpstream;
use super::{FORMS, in_process, response, site};
use crate::proxy::peer::{Origin, RawPeer};
use crate::proxy::stopped_clock::StoppedClock;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const EXPECTING: &str = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
const EXPECTING_CHUNKS: &str =
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n";
const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

/// Returns a client and the upstream's end of its request, whose head was read.
async fn expecting(
    origin: &Origin,
    url: &str,
    sent: &str,
) -> (crate::proxy::gateway::InProcessGateway, RawPeer, RawPeer) {
    let gateway = in_process(url);
    let mut client = gateway.connect().await;
    client.send(sent).await;
    let mut upstream = origin.accept().await;
    assert_eq!(upstream.head().await.get("expect").len(), 1, "{sent}");
    (gateway, client, upstream)
}

#[tokio::test(flavor = "local")]
async fn interim_responses_reach_the_client_in_their_order_before_its_body_is_read() {
    for (sent, body) in [(EXPECTING, "hello"), (EXPECTING_CHUNKS, "5\r\nhello\r\n0\r\n\r\n")] {
        let _clock = StoppedClock::stop();
        let origin = Origin::bind().await;
        let (_gateway, mut client, mut upstream) = expecting(&origin, &origin.url(), sent).await;
        assert!(client.is_silent().await, "{sent}");
        upstream.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(client.head().await.first, "HTTP/1.1 102 Processing", "{sent}");
        assert_eq!(client.head().await.first, "HTTP/1.1 100 Continue", "{sent}");
        client.send(body).await;
        assert_eq!(upstream.until(body).await, body, "{sent}");
        upstream
            .send(&format!(
                "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n{CREATED}"
            ))
            .await;
        let hints = client.head().await;
        assert_eq!(hints.first, "HTTP/1.1 103 Early Hints", "{sent}");
        assert_eq!((hints.get("link").len(), hints.get("x-hop").len()), (1, 0), "{hints:?}");
        assert_eq!(client.head().await.first, "HTTP/1.1 201 Created", "{sent}");
    }
}

#[test]
fn early_hints_reach_clients_of_http_1_1_only() {
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for form in FORMS {
        let case = format!("{form:?}");
        let mut client = gateway.connect();
        client.send(form.request("/"));
        let mut received = upstream.accept();
        received.head().expect(&case);
        received.take(form.body.len()).expect(&case);
        received.send(HINTS.replacen("200 OK\r\n", "200 OK\r\nConnection: close\r\n", 1));
        if !form.is_http_1_0() {
            for link in ["</a.css>", "</b.css>"] {
                let hint = client.head().unwrap_or_else(|error| panic!("{case}: {error}")).to_lowercase();
                assert!(hint.starts_with("http/1.1 103 "), "{case}: {hint}");
                assert!(hint.contains(&format!("\r\nlink: {link}\r\n")), "{case}: {hint}");
            }
        }
        let last = response(&mut client, form.method, &case);
        assert_eq!((last.status, last.text()), (200, "ok"), "{case}");
    }
}

#[tokio::test(flavor = "local")]
async fn the_gateway_sends_the_100_itself_if_the_upstream_is_silent_for_a_second() {
    let clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let (_gateway, mut client, mut upstream) = expecting(&origin, &origin.url(), EXPECTING).await;
    clock.advance(Duration::from_millis(900)).await;
    assert!(client.is_silent().await);
    clock.advance(Duration::from_millis(200)).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 100 Continue");
    // The upstream's own comes too late.
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("hello").await;
    assert_eq!(upstream.until("hello").await, "hello");
    upstream.send(CREATED).await;
    let mut head = client.head().await;
    if head.first == "HTTP/1.1 100 Continue" {
        head = client.head().await;
    }
    assert_eq!(head.first, "HTTP/1.1 201 Created");
}

#[tokio::test(flavor = "local")]
async fn nobody_waits_for_a_100_if_the_body_was_already_sent() {
    for (head, body) in [
        (EXPECTING, "hello"),
        // A part of it is enough.
        (EXPECTING, "h"),
        (EXPECTING_CHUNKS, "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let _clock = StoppedClock::stop();
        let origin = Origin::bind().await;
        let gateway = in_process(&origin.url());
        let mut client = gateway.connect().await;
        client.send(&format!("{head}{body}")).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        assert_eq!(upstream.until(body).await, body);
    }
}

#[tokio::test(flavor = "local")]
async fn a_final_response_instead_of_a_100_reaches_the_client_at_once() {
    for (sent, connection) in [
        (EXPECTING.to_owned(), ""),
        (EXPECTING_CHUNKS.to_owned(), ""),
        (EXPECTING.to_owned(), "Connection: close\r\n"),
        (EXPECTING.replace("Host: a", "Host: a\r\nConnection: close"), ""),
    ] {
        for status in ["413 Content Too Large", "417 Expectation Failed", "200 OK", "302 Found"] {
            let _clock = StoppedClock::stop();
            let origin = Origin::bind().await;
            let (_gateway, mut client, mut upstream) = expecting(&origin, &origin.url(), &sent).await;
            upstream.send(&format!("HTTP/1.1 {status}\r\n{connection}Content-Length: 2\r\n\r\nno")).await;
            let head = client.head().await;
            assert_eq!(head.first, format!("HTTP/1.1 {status}"), "{sent}");
            // The client may send the body or not, so the next request could not be told from it.
            assert_eq!(head.get("connection"), ["close"], "{status} to {sent}");
            assert_eq!(client.rest().await, ("no".to_owned(), true), "{status} to {sent}");
            upstream.closed().await;
        }
    }
}

#[test]
fn http_1_0_has_no_expectations() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for connection in ["", "Connection: keep-alive\r\n"] {
        let mut client = gateway.connect();
        client.send(format!(
            "POST / HTTP/1.0\r\nHost: a\r\n{connection}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        ));
        client.send("hello");
        let answer = response(&mut client, "POST", connection);
        assert_eq!((answer.status, answer.text()), (200, "the site"), "{connection}");
        let request = upstream.request(connection);
        assert_eq!(request.values("expect"), [""; 0], "{connection}");
        assert_eq!(request.body, b"hello", "{connection}");
    }
}

#[test]
fn nobody_waits_for_a_100_without_a_body() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for length in ["", "Content-Length: 0\r\n"] {
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{length}\r\n"));
        assert_eq!(response(&mut client, "GET", length).status, 200, "{length}");
        client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(response(&mut client, "GET", length).status, 200, "the next after {length}");
        assert_eq!(upstream.request(length).line(), b"GET / HTTP/1.1");
        assert_eq!(upstream.request(length).line(), b"GET /next HTTP/1.1");
    }
}
