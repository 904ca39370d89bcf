//! The limit for connections to the upstream.

use super::h2c_failures::{DATA, END_HEAD, END_STREAM, HEADERS, OK as STATUS, accept, send};
use super::h2c_retries::{answer, end, goaway, ping};
use super::http2::{connect, full, post};
use super::{FORMS, GET, POST, response, site};
use crate::gateway::http2::{frame, until};
use crate::support::DEADLINE;
use crate::support::process::GatewayProcess;
use crate::upstreams::{ScriptedUpstream, StubUpstream};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// The response of an upstream that then closes.
fn closing() -> String {
    OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
}

/// A gateway whose requests wait for a connection for as long as the test takes, unless `more` says something else.
fn start(url: &str, connections: usize, more: &str) -> GatewayProcess {
    let wait = if more.contains("connect_timeout") { "" } else { "connect_timeout = \"1h\"\n" };
    let site = site(url, &format!("{wait}{more}"));
    GatewayProcess::start(&format!("{site}[limits]\nupstream_connections = {connections}\n"))
}

#[test]
fn requests_beyond_the_limit_wait_until_a_connection_closes() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url(), 2, "");
    let mut clients: Vec<_> = (0..6).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(POST.request("/"));
    }
    let mut served = 0;
    let mut open = vec![upstream.accept(), upstream.accept()];
    while let Some(mut connection) = open.pop() {
        assert!(upstream.accept_if_connected().is_none(), "more than two at once");
        connection.head().expect("a request");
        connection.take(5).expect("a body");
        connection.send(closing());
        served += 1;
        if served + open.len() < clients.len() {
            assert!(connection.is_closed());
            open.push(upstream.accept());
        }
    }
    for mut client in clients {
        assert_eq!(response(&mut client, "POST", "a request that waited").text(), "hello");
    }
}

#[test]
fn a_request_that_waits_too_long_gives_the_page_or_504_and_the_log_says_why() {
    let upstream = ScriptedUpstream::bind();
    for (policy, status) in [("", 503), ("when_unreachable = \"error\"", 504)] {
        let gateway = start(&upstream.url(), 1, &format!("connect_timeout = \"100ms\"\n{policy}"));
        let mut first = gateway.connect();
        first.send(GET.request("/"));
        let mut connection = upstream.accept();
        connection.head().expect("a request");
        assert_eq!(gateway.get("/", &[]).status, status);
        let line = gateway.log().wait_for("is unreachable: ");
        assert!(line.contains("allow were busy for 100ms"), "{line}");
        connection.send(OK);
        assert_eq!(response(&mut first, "GET", "the first").text(), "hello");
    }
}

#[test]
fn an_idle_connection_of_one_worker_is_closed_for_a_request_of_another() {
    let upstream = StubUpstream::start();
    let gateway = start(&upstream.url(), 1, "");
    for _ in 0..20 {
        assert_eq!(gateway.get("/", &[]).text(), "the site");
    }
}

#[test]
fn an_edit_changes_the_limit_and_the_connections_that_are_open_count() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url(), 0, "");
    let mut clients: Vec<_> = (0..3).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(GET.request("/"));
    }
    let mut open: Vec<_> = clients.iter().map(|_| upstream.accept()).collect();
    let site = site(&upstream.url(), "connect_timeout = \"1h\"\n");
    gateway.apply(&format!("{site}[limits]\nupstream_connections = 2\n"));
    let mut last = gateway.connect();
    last.send(GET.request("/last"));
    for number in [0, 1] {
        assert!(upstream.accept_if_connected().is_none(), "{number} of three are closed");
        let mut connection = open.pop().expect("a connection");
        connection.head().expect("a request");
        // Otherwise it may be kept, if the last request has not come yet.
        connection.send(closing());
        assert!(connection.is_closed());
    }
    let mut connection = upstream.accept();
    connection.head().expect("a request");
    connection.send(OK);
    assert_eq!(response(&mut last, "GET", "the last").text(), "hello");
}

#[tokio::test]
async fn a_worker_keeps_as_many_idle_connections_as_its_limit_allows() {
    let upstream = ScriptedUpstream::bind();
    let limits = "[limits]\nupstream_idle_connections = 1\nupstream_idle = \"1h\"\n";
    let gateway = GatewayProcess::start(&format!("{}{limits}", site(&upstream.url(), "")));
    let (received, is_received) = std::sync::mpsc::channel();
    let responding = std::thread::spawn(move || {
        let [mut kept, mut further] = [(); 2].map(|()| upstream.accept());
        for connection in [&mut kept, &mut further] {
            connection.head().expect("a request");
        }
        kept.send(OK);
        is_received.recv_timeout(DEADLINE).expect("the first response was received");
        further.send(OK);
        assert!(further.is_closed());
        kept.head().expect("the next request");
    });
    // All streams of a connection are on one worker.
    let mut sender = connect(&gateway).await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..2 {
        requests.spawn(sender.send_request(post(full(""))));
    }
    for _ in 0..2 {
        requests.join_next().await.expect("a request").expect("a task").expect("a response");
        received.send(()).expect("the upstream");
    }
    requests.spawn(sender.send_request(post(full(""))));
    let joined = tokio::task::spawn_blocking(move || responding.join());
    assert!(joined.await.expect("a thread").is_ok());
}

#[test]
fn a_connection_of_http2_that_goes_away_does_not_count() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url().replace("http:", "h2c:"), 1, "");
    for form in FORMS {
        let mut waiting = send(&gateway, &GET);
        let mut first = accept(&upstream);
        first.send(goaway(1, 0));
        ping(&mut first);
        let mut clients = [(); 2].map(|()| send(&gateway, &form));
        let mut second = accept(&upstream);
        assert_eq!(until(&mut second, HEADERS).0, 3, "{form:?}: the second one counts");
        for stream in [1, 3] {
            answer(&mut second, stream);
        }
        for client in &mut clients {
            assert_eq!(response(client, form.method, "beside").status, 200, "{form:?}");
        }
        answer(&mut first, 1);
        assert_eq!(response(&mut waiting, "GET", "the last").status, 200, "{form:?}");
        end(second);
    }
}

#[test]
fn a_request_that_waits_for_a_place_gets_another_connection_when_the_full_one_goes_away() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url().replace("http:", "h2c:"), 1, "");
    let mut waiting: Vec<_> = (0..100).map(|_| send(&gateway, &GET)).collect();
    let mut first = accept(&upstream);
    let last = waiting.iter().skip(1).map(|_| until(&mut first, HEADERS).0).last();
    // Responses that have begun and last.
    for stream in (1..200).step_by(2) {
        first.send(frame(HEADERS, END_HEAD, stream, STATUS));
    }
    for client in &mut waiting {
        client.head().expect("a head");
    }
    let mut clients = [GET, POST].map(|form| send(&gateway, &form));
    ping(&mut first);
    assert!(upstream.accept_if_connected().is_none(), "it would be one too many");
    let goaway = goaway(last.expect("a stream"), 0);
    // hyper notices it when it is complete, and only with another request.
    let (begin, rest) = goaway.split_at(9);
    first.send(begin);
    let mut second = accept(&upstream);
    first.send(rest);
    assert_eq!(until(&mut second, HEADERS).0, 3);
    for stream in [1, 3] {
        answer(&mut second, stream);
    }
    for client in &mut clients {
        assert_eq!(response(client, "GET", "one that waited").status, 200);
    }
    for stream in (1..200).step_by(2) {
        first.send(frame(DATA, END_STREAM, stream, b"hello"));
    }
    for client in &mut waiting {
        assert_eq!(client.chunks().expect("a response").0, b"hello");
    }
}
