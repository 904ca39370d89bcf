//! How many requests an upstream of HTTP/2 allows at a time on one connection.

use std::sync::Arc;
use std::time::Duration;

use http::Response;

use super::h2c_failures::{ACK, SETTINGS, start};
use super::h2c_retries::{answer, ping};
use super::http2::full;
use super::http2_upstream::{Http2Upstream, blocking};
use super::{GET, in_process_with, response};
use crate::gateway::http2::{frame, until};
use crate::proxy::gateway::{InProcessGateway, Options};
use crate::proxy::peer::settled;
use crate::proxy::stopped_clock::StoppedClock;
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const HEADERS: u8 = 1;

/// `SETTINGS_MAX_CONCURRENT_STREAMS`.
fn streams(count: u8) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, count])
}

fn send(gateway: &GatewayProcess) -> Client {
    let mut client = gateway.connect();
    client.send(GET.request("/"));
    client
}

/// Accepts a connection, of which nothing was read.
fn accept(upstream: &ScriptedUpstream) -> Client {
    let mut connection = upstream.accept();
    connection.take(24).expect("a preface");
    connection
}

#[tokio::test(flavor = "local")]
async fn requests_beyond_what_the_upstream_allows_get_another_connection() {
    const WORKERS: usize = 2;
    let mut upstream = Http2Upstream::start_with_streams(4).await;
    let options = Options { workers: WORKERS, ..Options::default() };
    let gateway = in_process_with(&format!("h2c://{}", upstream.address), options);
    for _ in 0..3 {
        // They would wait for a second only until it is known how many it allows.
        let _clock = StoppedClock::stop();
        let clients = send_to(&gateway, 40).await;
        let mut requests = Vec::new();
        for _ in &clients {
            // All of them are there before the first has a response.
            requests.push(upstream.request().await);
        }
        for received in requests {
            received.respond.send(Response::new(full("the site"))).expect("sent");
        }
        blocking(move || {
            for mut client in clients {
                assert_eq!(response(&mut client, "GET", "one of many").text(), "the site");
            }
        })
        .await;
    }
    // Each round, the workers may get other shares of the requests.
    assert!((10..=10 * WORKERS).contains(&upstream.connections()), "{}", upstream.connections());
}

/// A gateway of two workers that share one connection to the upstream.
fn two_workers(upstream: &ScriptedUpstream, connect_timeout: Duration) -> InProcessGateway {
    let limits = "upstream_connections = 1\n";
    let options = Options { connect_timeout, workers: 2, limits, ..Options::default() };
    in_process_with(&upstream.url().replace("http:", "h2c:"), options)
}

/// Sends requests on connections of their own, while the gateway runs on this thread.
async fn send_to(gateway: &InProcessGateway, count: usize) -> Vec<Client> {
    let address = gateway.address;
    let send = move || {
        let mut client = Client::connect(address);
        client.send(GET.request("/"));
        client
    };
    blocking(move || (0..count).map(|_| send()).collect()).await
}

#[tokio::test(flavor = "local")]
async fn requests_wait_until_a_new_connection_has_said_how_many_it_takes() {
    let upstream = Arc::new(ScriptedUpstream::bind());
    let gateway = two_workers(&upstream, Duration::from_mins(1));
    for count in [1, 3, 200] {
        // They would wait for a second only.
        let _clock = StoppedClock::stop();
        let clients = send_to(&gateway, 4).await;
        let upstream = Arc::clone(&upstream);
        blocking(move || serve_some(&upstream, clients, count)).await;
    }
}

/// Serves four requests on a connection that takes `count` at a time.
fn serve_some(upstream: &ScriptedUpstream, mut clients: Vec<Client>, count: u8) {
    let mut connection = accept(upstream);
    let mut taken = vec![until(&mut connection, HEADERS).0];
    connection.send(streams(count));
    for _ in 1..count.min(4) {
        taken.push(until(&mut connection, HEADERS).0);
    }
    // The gateway answers when it has sent what may be sent.
    ping(&mut connection);
    connection.send(frame(SETTINGS, ACK, 0, b""));
    for stream in taken {
        answer(&mut connection, stream);
    }
    for _ in count..4 {
        let (stream, _) = until(&mut connection, HEADERS);
        answer(&mut connection, stream);
    }
    for client in &mut clients {
        assert_eq!(response(client, "GET", "one of some").status, 200, "{count}");
    }
    super::h2c_retries::end(connection);
}

#[test]
fn a_connection_that_takes_more_requests_later_gets_them() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "[limits]\nupstream_connections = 1\n");
    let mut clients = vec![send(&gateway)];
    let mut connection = accept(&upstream);
    connection.send(streams(1));
    let mut taken = vec![until(&mut connection, HEADERS).0];
    ping(&mut connection);
    clients.push(send(&gateway));
    connection.send(streams(2));
    taken.push(until(&mut connection, HEADERS).0);
    for stream in taken {
        answer(&mut connection, stream);
    }
    for client in &mut clients {
        assert_eq!(response(client, "GET", "one of two").status, 200);
    }
}

#[tokio::test(flavor = "local")]
async fn an_upstream_that_says_nothing_gets_requests_all_the_same() {
    let clock = StoppedClock::stop();
    let upstream = ScriptedUpstream::bind();
    // Shorter than the longest wait for what it says.
    let connect_timeout = Duration::from_millis(990);
    let gateway = two_workers(&upstream, connect_timeout);
    let mut clients = send_to(&gateway, 4).await;
    let (mut connection, first) = blocking(move || {
        let mut connection = accept(&upstream);
        let first = until(&mut connection, HEADERS).0;
        (connection, first)
    })
    .await;
    settled().await;
    clock.advance(connect_timeout * 9 / 10).await;
    blocking(move || {
        let mut taken = vec![first];
        taken.extend((1..clients.len()).map(|_| until(&mut connection, HEADERS).0));
        connection.send(frame(SETTINGS, 0, 0, b""));
        for stream in taken {
            answer(&mut connection, stream);
        }
        for client in &mut clients {
            assert_eq!(response(client, "GET", "one of some").status, 200);
        }
    })
    .await;
}
