//! Upstreams that fail before their response, or on a kept connection, as clients of HTTP/2 see it.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt as _;
use tokio::task::spawn_blocking;

use super::h2c_failures::{DATA, END_HEAD, END_STREAM, HEADERS, OK, accept};
use super::http2::{Body, connect, exchange, full};
use super::http2_upstream::soon;
use super::messages::ReceivedRequest;
use super::{GET, POST, RequestForm, site};
use crate::gateway::http2::{frame, until};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const SCHEMES: [&str; 2] = ["http", "h2c"];
const ERRORS: &str = "when_unreachable = \"error\"";

#[derive(Clone, Copy, Debug)]
enum Failure {
    Refuses,
    Closes,
    Resets,
    IsSlow,
}

impl Failure {
    /// Fails after the request was received. One that is slow waits until the test has gone on.
    fn happen(self, connection: Client, is_over: &Receiver<()>) {
        if matches!(self, Self::Resets) {
            socket2::SockRef::from(&connection.stream).set_linger(Some(Duration::ZERO)).expect("set");
        }
        if matches!(self, Self::IsSlow) {
            // The other end is dropped.
            let _ = is_over.recv();
        }
        drop(connection);
    }
}

fn request(form: RequestForm) -> Request<Body> {
    let request = Request::builder().method(form.method).uri("http://site.example/");
    request.body(full(form.body)).expect("a request")
}

fn url(upstream: &ScriptedUpstream, scheme: &str) -> String {
    upstream.url().replace("http:", &format!("{scheme}:"))
}

/// Accepts a connection and its first request.
fn accept_over(scheme: &str, upstream: &ScriptedUpstream, form: RequestForm) -> Client {
    if scheme == "http" {
        let mut connection = upstream.accept();
        ReceivedRequest::read(&mut connection).expect("a request");
        return connection;
    }
    let mut connection = accept(upstream);
    read_body(&mut connection, form);
    connection
}

/// Reads the next request on a connection.
fn read_next(scheme: &str, connection: &mut Client, form: RequestForm) {
    if scheme == "http" {
        ReceivedRequest::read(connection).expect("a request");
    } else {
        until(connection, HEADERS);
        read_body(connection, form);
    }
}

fn read_body(connection: &mut Client, form: RequestForm) {
    if !form.body.is_empty() {
        assert_eq!(until(connection, DATA).1, form.body.as_bytes());
    }
}

/// Answers the first request on a connection.
fn answer(scheme: &str, connection: &mut Client) {
    if scheme == "http" {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    } else {
        connection.send(frame(HEADERS, END_HEAD | END_STREAM, 1, OK));
    }
}

#[tokio::test]
async fn an_upstream_that_refuses_resets_or_is_slow_gives_what_is_configured_in_time() {
    use Failure::{Closes, IsSlow, Refuses, Resets};
    for scheme in SCHEMES {
        for (policy, slow, other) in [("", 503, 503), (ERRORS, 504, 502)] {
            for failure in [Refuses, Closes, Resets, IsSlow] {
                let upstream = Arc::new(ScriptedUpstream::bind());
                let address = match failure {
                    Refuses => {
                        let unused = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
                        format!("{scheme}://{}", unused.expect("an address"))
                    }
                    _ => url(&upstream, scheme),
                };
                // For the other failures, a busy machine may take longer.
                let limit = if matches!(failure, IsSlow) { "response_timeout = \"200ms\"\n" } else { "" };
                let gateway = GatewayProcess::start(&site(&address, &format!("{limit}{policy}")));
                for form in [GET, POST] {
                    let case = format!("{scheme} {policy:?} {failure:?} {form:?}");
                    let (upstream, (over, is_over)) = (Arc::clone(&upstream), channel());
                    let script = spawn_blocking(move || {
                        if !matches!(failure, Refuses) {
                            failure.happen(accept_over(scheme, &upstream, form), &is_over);
                        }
                    });
                    // Its deadline is before the response time that is not configured.
                    let (status, fields, ..) = exchange(&gateway, request(form), &case).await;
                    drop(over);
                    soon(script).await.expect("a script");
                    let expected = if matches!(failure, IsSlow) { slow } else { other };
                    assert_eq!(status, expected, "{case}");
                    let downtime = fields.get("downtime").map(http::HeaderValue::as_bytes);
                    assert_eq!(downtime, (expected == 503).then_some(&b"unreachable"[..]), "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_request_on_a_connection_that_has_died_is_repeated_once_if_it_is_safe() {
    for scheme in SCHEMES {
        for (form, attempts, succeeds) in [(GET, 2, true), (GET, 2, false), (POST, 1, false)] {
            let case = format!("{scheme} {form:?}, succeeds: {succeeds}");
            let upstream = Arc::new(ScriptedUpstream::bind());
            // A busy machine may take longer than the two seconds for which an idle connection is kept by default.
            let keys = format!("{ERRORS}\n[limits]\nupstream_idle = \"1h\"\n");
            let gateway = GatewayProcess::start(&site(&url(&upstream, scheme), &keys));
            let script = Arc::clone(&upstream);
            let first = spawn_blocking(move || {
                let mut connection = accept_over(scheme, &script, GET);
                answer(scheme, &mut connection);
                connection
            });
            // All streams of a connection are on one worker.
            let mut client = connect(&gateway).await;
            let found = soon(client.send_request(request(GET))).await.expect("a response");
            assert_eq!(found.status(), 200, "{case}");
            soon(found.into_body().collect()).await.expect("a body");
            let mut first = soon(first).await.expect("a connection");
            let script = Arc::clone(&upstream);
            let second = spawn_blocking(move || {
                read_next(scheme, &mut first, form);
                drop(first);
                let mut again = (attempts == 2).then(|| accept_over(scheme, &script, form))?;
                if succeeds {
                    answer(scheme, &mut again);
                }
                succeeds.then_some(again)
            });
            let found = soon(client.send_request(request(form))).await.expect("a response");
            assert_eq!(found.status(), if succeeds { 200 } else { 502 }, "{case}");
            soon(second).await.expect("a script");
            assert!(upstream.accept_if_connected().is_none(), "{case}: it was sent once more");
        }
    }
}
