//! The limits of `[limits]` for clients.

use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{DOWN, GET, in_process_with, refused, response, site};
use crate::proxy::gateway::Options;
use crate::proxy::peer::{Origin, settled};
use crate::proxy::stopped_clock::StoppedClock;
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const SHORT: &str = "200ms";

fn start(url: &str, limits: &str) -> GatewayProcess {
    GatewayProcess::start(&format!("{}[limits]\n{limits}\n", site(url, "")))
}

/// Sends a request, and returns the client and the upstream's end, which has read its head.
fn forwarded(gateway: &GatewayProcess, upstream: &ScriptedUpstream, request: &str) -> (Client, Client) {
    let mut client = gateway.connect();
    client.send(request);
    let mut received = upstream.accept();
    received.head().expect("a request");
    (client, received)
}

#[test]
fn the_longest_head_is_an_option_and_an_edit_changes_it_for_new_connections() {
    let config = |size: &str| format!("[limits]\nhead = \"{size}\"\n{DOWN}");
    let gateway = GatewayProcess::start(&config("1KiB"));
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(2000));
    refused(&gateway, &head, 431, "longer than 1 KiB");
    let line = gateway.log().wait_for("`[limits] head`");
    assert!(line.contains("127.0.0.1 sent a longer head than"), "{line}");
    let mut kept = gateway.connect();
    assert_eq!(kept.request("GET", "/", &[]).status, 503);
    gateway.apply(&config("1MiB"));
    kept.send(&head);
    assert_eq!(response(&mut kept, "GET", "a connection from before").status, 431);
    let mut client = gateway.connect();
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1_000_000)));
    assert_eq!(response(&mut client, "GET", "shorter than 1 MiB").status, 503);
    refused(&gateway, format!("GET /{}", "x".repeat(1 << 20)), 414, "longer than 1 MiB");
    assert_eq!(gateway.log().count("`[limits] head`"), 1, "one line a minute");
}

#[test]
fn an_idle_connection_is_closed_after_its_limit_and_a_slow_head_after_another() {
    let gateway = GatewayProcess::start(&format!(
        "[limits]\nidle_timeout = \"{SHORT}\"\nhead_timeout = \"{SHORT}\"\n{DOWN}"
    ));
    // It does not accept them before they have sent something, however long a busy machine takes for that.
    gateway.process.signal(Signal::STOP);
    let [mut idle, mut slow] = [gateway.connect(), gateway.connect()];
    idle.send(GET.request("/"));
    slow.send("GET / HTTP/1.1\r\n");
    gateway.process.signal(Signal::CONT);
    assert_eq!(response(&mut idle, "GET", "an idle connection").status, 503);
    assert!(idle.is_closed());
    assert_eq!(response(&mut slow, "GET", "a slow head").status, 408);
    gateway.log().wait_for("127.0.0.1 took longer for a head than `[limits] head_timeout`");
}

#[test]
fn a_connection_has_the_time_of_a_head_before_it_sends_anything() {
    let gateway = GatewayProcess::start(&format!("[limits]\nhead_timeout = \"{SHORT}\"\n{DOWN}"));
    assert!(gateway.connect().is_closed());
}

#[test]
fn a_client_that_reads_nothing_is_disconnected_and_its_request_ends_at_the_upstream() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url(), &format!("send_timeout = \"{SHORT}\""));
    let (_client, mut received) = forwarded(&gateway, &upstream, &GET.request("/"));
    received.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    let piece = vec![b'x'; 1 << 20];
    // The system takes some; then nobody takes more, and the gateway closes.
    while std::io::Write::write_all(&mut received.stream, &piece).is_ok() {}
    gateway
        .log()
        .wait_for("127.0.0.1 took less than 1 KiB of a response for longer than `[limits] send_timeout`");
}

#[test]
fn a_response_that_stops_is_cut_off_and_the_log_says_so() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url(), &format!("body_timeout = \"{SHORT}\""));
    for (fields, version) in [
        ("Content-Length: 10\r\n", "HTTP/1.1"),
        ("Transfer-Encoding: chunked\r\n", "HTTP/1.1"),
        ("Content-Length: 10\r\n", "HTTP/1.0"),
    ] {
        let request = format!("GET / {version}\r\nHost: a\r\n\r\n");
        let (mut client, mut received) = forwarded(&gateway, &upstream, &request);
        received.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n2\r\nhe"));
        client.head().expect("a head");
        client.take(5).expect("what came");
        let rest = client.rest();
        assert_eq!(rest.is_err(), version == "HTTP/1.0", "{fields}{version}: {rest:?}");
        assert!(received.is_closed(), "{fields}{version}");
    }
    let line = "a response to 127.0.0.1 was cut off: nothing came from the upstream for 200ms";
    gateway.log().wait_for(line);
    assert_eq!(gateway.log().count(line), 1, "one line a minute");
}

#[test]
fn events_may_be_silent_for_longer_than_a_body() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url(), &format!("body_timeout = \"{SHORT}\""));
    let start = |content_type: &str| {
        let (mut client, mut received) = forwarded(&gateway, &upstream, &GET.request("/"));
        received.send(format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n\r\ndata: 1\n\n"));
        client.head().expect("a head");
        (client, received)
    };
    let (mut events, mut source) = start("Text/Event-Stream; charset=utf-8");
    let (mut other, mut stalled) = start("text/plain");
    assert!(stalled.is_closed());
    assert!(other.rest().is_ok());
    source.send("data: 2\n\n");
    drop(source);
    let (content, _) = events.chunks().expect("all of it");
    assert_eq!(String::from_utf8_lossy(&content), "data: 1\n\ndata: 2\n\n");
}

#[test]
fn clients_beyond_the_limit_wait_until_another_one_leaves() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url(), "connections = 2");
    let busy = [(), ()].map(|()| forwarded(&gateway, &upstream, &GET.request("/")));
    let mut waiting = gateway.connect();
    waiting.send(GET.request("/"));
    let line = gateway.log().wait_for("`[limits] connections`");
    assert!(line.contains("2 connections are open"), "{line}");
    assert!(upstream.accept_if_connected().is_none());
    drop(busy);
    let mut received = upstream.accept();
    received.head().expect("a request");
    received.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(response(&mut waiting, "GET", "the one that waited").text(), "hello");
}

#[test]
fn an_idle_connection_makes_room_for_a_new_client() {
    let gateway = GatewayProcess::start(&format!("[limits]\nconnections = 1\n{DOWN}"));
    let mut idle = gateway.connect();
    assert_eq!(idle.request("GET", "/", &[]).status, 503);
    assert_eq!(gateway.get("/", &[]).status, 503);
    assert!(idle.is_closed());
}

#[test]
fn the_connections_of_a_client_beyond_its_limit_are_closed_before_it_sends_anything() {
    let config = |limit: usize| format!("[limits]\nconnections_per_client = {limit}\n{DOWN}");
    let gateway = GatewayProcess::start(&config(2));
    let mut admitted = [gateway.connect(), gateway.connect()];
    for client in &mut admitted {
        assert_eq!(client.request("GET", "/", &[]).status, 503);
    }
    for _ in 0..3 {
        assert!(gateway.connect().is_closed());
    }
    let line = gateway.log().wait_for("`[limits] connections_per_client`");
    assert!(line.contains("127.0.0.1 has opened more connections"), "{line}");
    gateway.apply(&config(3));
    assert_eq!(gateway.get("/", &[]).status, 503);
    for client in &mut admitted {
        assert_eq!(client.request("GET", "/", &[]).status, 503);
    }
    assert_eq!(gateway.log().count("`[limits] connections_per_client`"), 1);
}

#[test]
fn a_body_that_is_forwarded_has_a_limit_that_no_response_timeout_extends() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url(), &format!("body_timeout = \"{SHORT}\""));
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    for _ in 0..2 {
        let begun = std::time::Instant::now();
        let (mut client, mut received) = forwarded(&gateway, &upstream, request);
        assert_eq!(response(&mut client, "POST", "no body").status, 408);
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert!(received.is_closed());
    }
    let line = "127.0.0.1 sent less than 1 KiB of a request's body for longer than `[limits] body_timeout`";
    gateway.log().wait_for(line);
    assert_eq!(gateway.log().count(line), 1, "one line a minute");
}

/// Sends `piece` again and again at this pace, up to `count` times, while the gateway takes it.
fn trickle(
    client: &Client,
    piece: &'static [u8],
    count: usize,
    pace: Duration,
) -> std::thread::JoinHandle<()> {
    let mut stream = client.stream.try_clone().expect("a clone");
    std::thread::spawn(move || {
        for _ in 0..count {
            if std::io::Write::write_all(&mut stream, piece).is_err() {
                return;
            }
            std::thread::sleep(pace);
        }
    })
}

#[test]
fn no_trickle_of_a_body_extends_its_limit() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream.url(), &format!("body_timeout = \"{SHORT}\""));
    for (framing, begin, piece) in [
        ("Content-Length: 1000", "", &b"x"[..]),
        ("Transfer-Encoding: chunked", "", b"1\r\nx\r\n"),
        ("Transfer-Encoding: chunked", "3e8\r\n", b"x"),
        ("Transfer-Encoding: chunked", "1;", b"x"),
        ("Transfer-Encoding: chunked", "0\r\nX: ", b"x"),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{begin}");
        let (mut client, mut received) = forwarded(&gateway, &upstream, &request);
        let trickling = trickle(&client, piece, 200, Duration::from_millis(20));
        assert_eq!(response(&mut client, "POST", &request).status, 408, "{request}");
        assert!(received.rest().is_ok_and(|body| body.len() < 2000), "{request}");
        client.stream.shutdown(std::net::Shutdown::Both).expect("the end");
        trickling.join().expect("a client");
    }
    gateway.log().wait_for("127.0.0.1 sent less than 1 KiB of a request's body for longer");
}

#[tokio::test(flavor = "local")]
async fn a_slow_body_is_forwarded_if_each_kib_of_it_comes_in_time() {
    let clock = StoppedClock::stop();
    let origin = Origin::bind().await;
    let body_timeout = Duration::from_millis(1500);
    let gateway = in_process_with(&origin.url(), Options { body_timeout, ..Options::default() });
    let mut client = gateway.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2660\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    // A KiB takes 1.4 s. The last part is shorter.
    for piece in [&["x"; 256].concat()[..]; 10].into_iter().chain([&["y"; 100].concat()[..]]) {
        clock.advance(Duration::from_millis(350)).await;
        client.send(piece).await;
        assert_eq!(upstream.until(piece).await, piece);
    }
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "local")]
async fn a_body_that_the_upstream_does_not_read_has_no_limit_for_the_client() {
    const LENGTH: usize = 16 << 20;
    let clock = StoppedClock::stop();
    let origin = Origin::bind_narrow();
    let body_timeout = Duration::from_millis(200);
    let gateway = in_process_with(&origin.url(), Options { body_timeout, ..Options::default() });
    let mut client = gateway.connect().await;
    client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    let (sent, mut received) = (vec![b'x'; LENGTH], vec![0; LENGTH]);
    let reading = async {
        for _ in 0..5 {
            settled().await;
            clock.advance(body_timeout).await;
        }
        upstream.stream.read_exact(&mut received).await
    };
    let (sending, reading) = tokio::join!(client.stream.write_all(&sent), reading);
    sending.expect("sent");
    assert_eq!(reading.expect("all of it"), LENGTH);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
}
