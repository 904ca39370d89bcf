//! A client that half-closes its connection after a request has a right to its response (RFC 9112, section 9.6).

use std::net::Shutdown;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::messages::RecordingUpstream;
use super::{DOWN, FORMS, GET, POST, RequestForm, in_process, in_process_with, response, site};
use crate::proxy::gateway::{InProcessGateway, Options};
use crate::proxy::peer::{Origin, RawPeer, settled};
use crate::support::http::{Response, read};
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::upstreams::ScriptedUpstream;

/// How often each case is tried: the response used to depend on which came first.
const TRIES: usize = 20;

/// Sends a request of this form, half-closes the connection if told to, and returns the response without what says when it
/// was sent and how the connection ends, and without the validators, which a file has only some time after it was written.
fn answer(gateway: &GatewayProcess, form: &RequestForm, target: &str, half_closes: bool) -> Response {
    let case = format!("{form:?} {target}, half-closed: {half_closes}");
    let mut client = gateway.connect();
    client.send(form.request(target));
    if half_closes {
        client.stream.shutdown(Shutdown::Write).expect("half-closed");
    }
    let mut answer = response(&mut client, form.method, &case);
    if half_closes {
        assert_eq!(read(&mut client.stream, &mut [0]).expect(&case), 0, "{case}");
    }
    let varies = |name: &str| matches!(name, "date" | "connection" | "etag" | "last-modified");
    answer.fields.retain(|(name, _)| !varies(name));
    answer
}

fn assert_same_answer(gateway: &GatewayProcess, target: &str) {
    for form in FORMS {
        let expected = answer(gateway, &form, target, false);
        for attempt in 0..TRIES {
            let found = answer(gateway, &form, target, true);
            assert_eq!(found.status, expected.status, "{form:?} {target}, attempt {attempt}");
            assert_eq!(found.fields, expected.fields, "{form:?} {target}, attempt {attempt}");
            assert!(found.body == expected.body, "{form:?} {target}, attempt {attempt}: the bodies differ");
        }
    }
}

#[test]
fn a_half_closed_client_gets_the_down_page_and_the_status() {
    let gateway = GatewayProcess::start(DOWN);
    for target in ["/", "/.downtime/status"] {
        assert_same_answer(&gateway, target);
    }
}

#[test]
fn a_half_closed_client_gets_its_redirect() {
    let gateway =
        GatewayProcess::start(&format!("[response]\nredirect = \"https://status.example/\"\n{DOWN}"));
    assert_same_answer(&gateway, "/");
}

#[test]
fn a_half_closed_client_gets_its_file() {
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/index.html", "home");
    directory.write("public/long.txt", &"x".repeat(3_000_000));
    let gateway = GatewayProcess::on(directory);
    for target in ["/", "/long.txt", "/none"] {
        assert_same_answer(&gateway, target);
    }
}

#[test]
fn a_half_closed_client_gets_the_response_of_the_upstream() {
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n{}", "x".repeat(3_000_000));
    let upstream = RecordingUpstream::start(&[
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nuntil it closes",
        "HTTP/1.1 204 No Content\r\n\r\n",
        &long,
    ]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for target in ["/0", "/1", "/2", "/3", "/4"] {
        assert_same_answer(&gateway, target);
    }
}

#[test]
fn a_half_closed_client_gets_the_responses_to_all_its_requests() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway =
        GatewayProcess::start(&format!("{}{DOWN}[exempt]\nexact = [\"/open\"]\n", site(&upstream.url(), "")));
    for attempt in 0..TRIES {
        let mut client = gateway.connect();
        let sent = ["/open", "/down", "/open", "/down"].map(|path| GET.request(path) + &POST.request(path));
        client.send(sent.concat());
        client.stream.shutdown(Shutdown::Write).expect("half-closed");
        for (number, status) in [200, 200, 503, 503, 200, 200, 503, 503].into_iter().enumerate() {
            let case = format!("response {number} of attempt {attempt}");
            assert_eq!(response(&mut client, "GET", &case).status, status, "{case}");
        }
        assert!(client.is_closed(), "attempt {attempt}");
    }
}

/// Lets twenty seconds pass.
async fn pause() {
    tokio::time::pause();
    for _ in 0..20 {
        tokio::time::advance(Duration::from_secs(1)).await;
        settled().await;
    }
    tokio::time::resume();
}

#[tokio::test(flavor = "local")]
async fn a_half_closed_client_gets_the_response_of_a_slow_upstream() {
    for form in FORMS {
        let origin = Origin::bind().await;
        let gateway = in_process(&origin.url());
        let mut client = gateway.connect().await;
        client.send(&form.request("/")).await;
        client.stream.shutdown().await.expect("half-closed");
        let mut upstream = origin.accept().await;
        upstream.head().await;
        pause().await;
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
        let mut head = client.head().await;
        while head.first == "HTTP/1.1 100 Continue" {
            assert!(!form.is_http_1_0(), "{form:?}: HTTP/1.0 has no interim responses");
            head = client.head().await;
        }
        assert_eq!(head.first, "HTTP/1.1 200 OK", "{form:?}");
        assert_eq!(client.rest().await, ("hello".to_owned(), true), "{form:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_half_closed_client_gets_the_rest_of_a_response_that_pauses() {
    for form in FORMS {
        for (framing, parts) in [
            ("Content-Length: 10\r\n", ["hello", "world"]),
            ("Transfer-Encoding: chunked\r\n", ["5\r\nhello\r\n", "5\r\nworld\r\n0\r\n\r\n"]),
            ("Connection: close\r\n", ["hello", "world"]),
        ] {
            let case = format!("{framing:?} to {form:?}");
            let origin = Origin::bind().await;
            let gateway = in_process(&origin.url());
            let mut client = gateway.connect().await;
            client.send(&form.request("/")).await;
            client.stream.shutdown().await.expect("half-closed");
            let mut upstream = origin.accept().await;
            upstream.head().await;
            upstream.send(&format!("HTTP/1.1 200 OK\r\n{framing}\r\n{}", parts[0])).await;
            client.until("hello").await;
            pause().await;
            // The gateway may have closed the connection.
            let _ = upstream.stream.write_all(parts[1].as_bytes()).await;
            drop(upstream);
            let (rest, is_clean) = client.rest().await;
            assert!(rest.contains("world") && is_clean, "{case}: {rest:?}");
        }
    }
}

/// A gateway with a connection to its upstream that has carried a request, and the other end of that.
async fn with_kept_connection(origin: &Origin) -> (InProcessGateway, RawPeer) {
    // A busy machine may take longer than the two seconds of the default.
    let options = Options { limits: "upstream_idle = \"1h\"\n", ..Options::default() };
    let gateway = in_process_with(&origin.url(), options);
    let mut client = gateway.connect().await;
    client.send(&GET.request("/first")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst").await;
    client.until("first").await;
    settled().await;
    (gateway, upstream)
}

#[tokio::test(flavor = "local")]
async fn a_client_that_half_closes_soon_after_its_request_gets_the_rest_of_a_response_that_pauses() {
    // As early as it can, and when the response has begun.
    for awaits_response in [false, true] {
        for form in FORMS {
            let case = format!("{form:?}, awaits the response: {awaits_response}");
            let origin = Origin::bind().await;
            let (gateway, mut upstream) = with_kept_connection(&origin).await;
            let mut client = gateway.connect().await;
            client.send(&form.request("/")).await;
            if !awaits_response {
                client.stream.shutdown().await.expect("half-closed");
            }
            upstream.head().await;
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
            client.until("hello").await;
            if awaits_response {
                client.stream.shutdown().await.expect("half-closed");
            }
            settled().await;
            pause().await;
            // The gateway may have closed the connection.
            let _ = upstream.stream.write_all(b"world").await;
            assert_eq!(client.rest().await, ("world".to_owned(), true), "{case}");
        }
    }
}

#[tokio::test(flavor = "local")]
async fn a_client_that_half_closes_within_a_response_gets_those_to_its_further_requests() {
    for (framing, parts) in [
        ("Content-Length: 10\r\n", ["hello", "world"]),
        ("Transfer-Encoding: chunked\r\n", ["5\r\nhello\r\n", "5\r\nworld\r\n0\r\n\r\n"]),
    ] {
        for form in FORMS {
            let case = format!("{framing:?}, then {form:?}");
            let origin = Origin::bind().await;
            let gateway = in_process(&origin.url());
            let mut client = gateway.connect().await;
            client.send(&GET.request("/first")).await;
            let mut upstream = origin.accept().await;
            upstream.head().await;
            upstream.send(&format!("HTTP/1.1 200 OK\r\n{framing}\r\n{}", parts[0])).await;
            client.until("hello").await;
            client.send(&form.request("/second")).await;
            client.stream.shutdown().await.expect("half-closed");
            pause().await;
            upstream.send(parts[1]).await;
            client.until("world").await;
            upstream.head().await;
            pause().await;
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
            client.until("\r\n\r\nhello").await;
            pause().await;
            upstream.send("again").await;
            assert_eq!(client.rest().await, ("again".to_owned(), true), "{case}");
        }
    }
}

#[test]
fn a_half_close_within_a_body_is_never_a_complete_request() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (field, part) in [("Content-Length: 10", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n")] {
        let mut client = gateway.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n{part}"));
        client.stream.shutdown(Shutdown::Write).expect("half-closed");
        let mut received = upstream.accept();
        received.head().expect("a head");
        // The connection may end in a reset.
        let _ = received.rest().map(|rest| received.unread = rest);
        let body = String::from_utf8_lossy(&received.unread);
        assert!(body.trim_end() == part.trim_end() || body.is_empty(), "{field}: {body:?}");
        let rest = client.rest().unwrap_or_else(|error| panic!("{field}: {error}"));
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.starts_with("HTTP/1.1 400 "), "{field}: {rest}");
        assert!(rest.ends_with("the connection ended within the body of the request\n"), "{field}: {rest}");
    }
    gateway.log().wait_for("400 Bad Request: the connection ended within the body of the request");
}

#[test]
fn a_half_close_within_a_head_ends_the_connection() {
    let gateway = GatewayProcess::start(DOWN);
    for sent in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = gateway.connect();
        client.send(sent);
        client.stream.shutdown(Shutdown::Write).expect("half-closed");
        let rest = client.rest().unwrap_or_else(|error| panic!("{sent:?}: {error}"));
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 "), "{sent:?}");
    }
}
