//! How long an idle connection to the upstream is used again, and that it keeps nobody else waiting.

use std::io::{ErrorKind, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use super::messages::ReceivedRequest;
use super::{GET, POST, in_process, in_process_with};
use crate::proxy::gateway::{InProcessGateway, Options};
use crate::proxy::peer::{Origin, RawPeer, settled};
use crate::proxy::stopped_clock::StoppedClock;
use crate::support::http::Client;

/// A gateway with one idle connection to its upstream, whose last response had these fields.
async fn idle_connection(origin: &Origin, fields: &str) -> (InProcessGateway, RawPeer, RawPeer) {
    let gateway = in_process(&origin.url());
    let mut client = gateway.connect().await;
    client.send(&GET.request("/")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await;
    upstream.send(&format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n")).await;
    assert_eq!(client.head().await.first, "HTTP/1.1 200 OK");
    settled().await;
    (gateway, client, upstream)
}

/// Returns true if a request that is sent after this time uses the idle connection.
async fn is_used_again(fields: &str, after: Duration) -> bool {
    let mut uses = Vec::new();
    for form in [GET, POST] {
        let clock = StoppedClock::stop();
        let origin = Origin::bind().await;
        let (_gateway, mut client, mut upstream) = idle_connection(&origin, fields).await;
        clock.advance(after).await;
        settled().await;
        client.send(&form.request("/again")).await;
        let is_used = tokio::select! {
            _ = origin.accept() => false,
            is_used = receives(&mut upstream) => {
                if !is_used {
                    origin.accept().await;
                }
                is_used
            }
        };
        uses.push(is_used);
    }
    assert_eq!(uses[0], uses[1], "a GET and a POST differ: {fields:?} after {after:?}");
    uses[0]
}

/// Waits until the peer receives something. Returns false if its connection ends instead.
pub(super) async fn receives(peer: &mut RawPeer) -> bool {
    loop {
        peer.stream.readable().await.expect("readable");
        match peer.stream.try_read(&mut [0; 64]) {
            Ok(length) => return length > 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
}

#[tokio::test(flavor = "local")]
async fn an_idle_connection_is_used_again_for_two_seconds_only() {
    for (after, expected) in [
        (Duration::ZERO, true),
        (Duration::from_millis(1500), true),
        (Duration::from_millis(2100), false),
        (Duration::from_secs(20), false),
    ] {
        assert_eq!(is_used_again("", after).await, expected, "{after:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_connection_is_not_used_in_the_last_second_that_the_upstream_grants() {
    for (fields, milliseconds, expected) in [
        ("Keep-Alive: timeout=1\r\n", 0, false),
        ("Keep-Alive: timeout=0\r\n", 0, false),
        ("Keep-Alive: timeout=2\r\n", 500, true),
        ("Keep-Alive: timeout=2\r\n", 1100, false),
        ("keep-alive: max=5, TIMEOUT=2\r\n", 1100, false),
        ("Connection: keep-alive\r\nKeep-Alive: timeout=2, max=5\r\n", 1100, false),
        // A longer one does not extend our own limit.
        ("Keep-Alive: timeout=60\r\n", 1500, true),
        ("Keep-Alive: timeout=nonsense\r\n", 1500, true),
        ("Keep-Alive: 1\r\n", 1500, true),
    ] {
        let found = is_used_again(fields, Duration::from_millis(milliseconds)).await;
        assert_eq!(found, expected, "{fields:?} after {milliseconds} ms");
    }
}

#[tokio::test(flavor = "local")]
async fn an_idle_connection_closes_after_its_time() {
    for (fields, seconds) in [("", 2), ("Keep-Alive: timeout=2\r\n", 1)] {
        let clock = StoppedClock::stop();
        let origin = Origin::bind().await;
        let (_gateway, _client, mut upstream) = idle_connection(&origin, fields).await;
        clock.advance(Duration::from_millis(seconds * 1000 - 500)).await;
        assert!(upstream.is_silent().await, "{fields:?}: it closed early");
        // Expired connections may be closed a few seconds later.
        for _ in 0..10 {
            clock.advance(Duration::from_secs(1)).await;
            settled().await;
        }
        upstream.closed().await;
    }
}

/// An upstream that serves one connection at a time, for as long as the other end keeps it.
fn one_at_a_time() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut client = Client::on(stream);
            while ReceivedRequest::read(&mut client).is_ok() {
                let sent = client.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                if sent.is_err() {
                    break;
                }
            }
        }
    });
    url
}

#[tokio::test(flavor = "local")]
async fn an_idle_connection_of_one_worker_does_not_starve_the_others() {
    let options = Options { workers: 2, limits: "upstream_idle = \"1h\"\n", ..Options::default() };
    let gateway = in_process_with(&one_at_a_time(), options);
    let mut clients = [gateway.connect().await, gateway.connect().await];
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            let clock = StoppedClock::stop();
            client.send(&GET.request("/")).await;
            // The idle connection of the other worker would be kept for an hour.
            let eight_seconds = async {
                for _ in 0..80 {
                    settled().await;
                    clock.advance(Duration::from_millis(100)).await;
                }
            };
            let head = {
                let mut head = std::pin::pin!(client.head());
                tokio::select! {
                    biased;
                    head = &mut head => head,
                    () = eight_seconds => head.await,
                }
            };
            assert_eq!(head.first, "HTTP/1.1 200 OK", "client {number}, round {round}");
            assert_eq!(client.until("ok").await, "ok");
        }
    }
}
