//! The request to the upstream ends within a second after the client has left.

use super::{FORMS, GET, POST, RequestForm, TRUSTED, in_process, in_process_with, site};
use crate::proxy::gateway::{InProcessGateway, Options};
use crate::proxy::peer::{Origin, RawPeer, settled};
use crate::support::process::GatewayProcess;
use crate::support::until;
use crate::upstreams::ScriptedUpstream;

/// What the upstream has sent when the client leaves.
const SAID: [&str; 3] = [
    "",
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
];

/// A gateway, and its upstream's end of a request whose client has left.
async fn abandoned(trusted: bool, sent: &str, said: &str, resets: bool) -> (InProcessGateway, RawPeer) {
    let origin = Origin::bind().await;
    let options = Options { trusted, ..Options::default() };
    let gateway = in_process_with(&origin.url(), options);
    let mut client = gateway.connect().await;
    client.send(sent).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send(said).await;
    if !said.is_empty() {
        client.until("hello").await;
    }
    if resets {
        client.reset();
    }
    (gateway, upstream)
}

#[tokio::test(flavor = "local")]
async fn the_upstream_request_of_a_client_that_closed_ends_within_a_second() {
    for trusted in [false, true] {
        for form in FORMS {
            for said in SAID {
                // Without an interim response, a client of HTTP/1.0 that closed looks like one that half-closed.
                if form.is_http_1_0() && said.is_empty() {
                    continue;
                }
                let (_gateway, mut upstream) = abandoned(trusted, &form.request("/"), said, false).await;
                if !said.is_empty() {
                    // The gateway notices that the client has left when it sends more.
                    for _ in 0..2 {
                        let more: &[u8] = if said.contains("chunked") { b"1\r\nx\r\n" } else { b"x" };
                        // It may have closed the connection already.
                        let _ = upstream.stream.try_write(more);
                        settled().await;
                    }
                }
                let case = format!("{form:?}, {said:?}, trusted: {trusted}");
                assert!(upstream.closes_within_a_second().await, "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "local")]
async fn the_upstream_request_of_a_client_that_reset_ends_within_a_second() {
    for trusted in [false, true] {
        for form in FORMS {
            for said in SAID {
                let (_gateway, mut upstream) = abandoned(trusted, &form.request("/"), said, true).await;
                let case = format!("{form:?}, {said:?}, trusted: {trusted}");
                assert!(upstream.closes_within_a_second().await, "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "local")]
async fn the_upstream_request_ends_when_the_client_leaves_within_its_body() {
    for (fields, part) in
        [("Content-Length: 10\r\n", "hello"), ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n")]
    {
        for resets in [false, true] {
            let form = RequestForm { fields, body: part, ..POST };
            let (_gateway, mut upstream) = abandoned(false, &form.request("/"), "", resets).await;
            assert!(upstream.closes_within_a_second().await, "{fields}, reset: {resets}");
        }
    }
}

/// More further requests than are read during the first one.
fn pipelined() -> String {
    let further = GET.request(&format!("/{}", "a".repeat(1000)));
    format!("{}{}", GET.request("/"), further.repeat(100))
}

#[tokio::test(flavor = "local")]
async fn further_requests_do_not_hide_that_a_client_has_left() {
    for said in SAID {
        for resets in [false, true] {
            // Nothing that could be sent before the rest of the content would tell.
            if said.contains("Content-Length") && !resets {
                continue;
            }
            let (_gateway, mut upstream) = abandoned(false, &pipelined(), said, resets).await;
            assert!(upstream.closes_within_a_second().await, "{said:?}, reset: {resets}");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn a_client_that_has_sent_many_further_requests_gets_all_responses() {
    let origin = Origin::bind().await;
    let gateway = in_process(&origin.url());
    let mut client = gateway.connect().await;
    client.send(&pipelined()).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    assert!(!upstream.closes_within_a_second().await);
    for number in 0..=100 {
        if number > 0 {
            upstream.head().await;
        }
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let mut first = client.head().await.first;
        while first == "HTTP/1.1 100 Continue" {
            first = client.head().await.first;
        }
        assert_eq!(first, "HTTP/1.1 200 OK", "{number}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_client_that_only_waits_is_not_mistaken_for_one_that_left() {
    for form in FORMS {
        let origin = Origin::bind().await;
        let gateway = in_process(&origin.url());
        let mut client = gateway.connect().await;
        client.send(&form.request("/")).await;
        let mut upstream = origin.accept().await;
        upstream.head().await;
        assert!(!upstream.closes_within_a_second().await, "{form:?}");
        assert!(client.is_silent().await, "{form:?}");
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(client.head().await.first, "HTTP/1.1 200 OK", "{form:?}");
    }
}

#[test]
fn the_process_ends_the_upstream_request_of_a_client_that_left() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for server in ["", TRUSTED] {
        gateway.apply(&format!("{server}{}# {server:?}", site(&upstream.url(), "")));
        for form in FORMS.iter().filter(|form| !form.is_http_1_0()) {
            let mut client = gateway.connect();
            client.send(form.request("/"));
            let mut received = upstream.accept();
            received.head().expect("a request");
            drop(client);
            received.stream.set_nonblocking(true).expect("set");
            // Long before the time limits of the gateway.
            until("the end of the request", || has_ended(&mut received.stream));
        }
    }
}

fn has_ended(stream: &mut impl std::io::Read) -> Option<()> {
    loop {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return Some(()),
            Ok(_) => {}
            Err(error) => return (error.kind() != std::io::ErrorKind::WouldBlock).then_some(()),
        }
    }
}
