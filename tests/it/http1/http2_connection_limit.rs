//! The limit for connections to an upstream that speaks HTTP/2: the requests of all workers share them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Frame;

use super::http2::full;
use super::http2_upstream::{Http2Upstream, Received, blocking, open_body, soon};
use super::{FORMS, GET, POST, response, site};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::support::tls::Authority;

/// How many requests one connection carries.
const MAX_STREAMS: usize = 100;
const LIMIT: &str = "connect_timeout = \"20s\"\n[limits]\nupstream_connections = 1\n";

fn config(upstream: &Http2Upstream) -> String {
    site(&format!("h2c://{}", upstream.address), LIMIT)
}

/// Sends requests on connections of their own, so that each worker gets some.
fn send(gateway: &GatewayProcess, count: usize) -> Vec<Client> {
    let send = |number| {
        let mut client = gateway.connect();
        client.send(GET.request(&format!("/{number}")));
        client
    };
    (0..count).map(send).collect()
}

async fn received(upstream: &mut Http2Upstream, count: usize) -> Vec<Received> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(upstream.request().await);
    }
    all
}

fn respond(requests: impl IntoIterator<Item = Received>) {
    for Received { respond, .. } in requests {
        respond.send(Response::new(full("the site"))).expect("sent");
    }
}

async fn expect_the_site(clients: Vec<Client>) {
    blocking(move || {
        for mut client in clients {
            assert_eq!(response(&mut client, "GET", "one of many").text(), "the site");
        }
    })
    .await;
}

#[tokio::test]
async fn all_workers_use_one_connection_while_a_long_response_is_open_on_it() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = GatewayProcess::start(&config(&upstream));
    let _long = send(&gateway, 1);
    let (_open, body) = open_body();
    upstream.request().await.respond.send(Response::new(body)).expect("sent");
    for form in FORMS {
        for _ in 0..10 {
            let mut client = gateway.connect();
            let client = tokio::task::spawn_blocking(move || {
                client.send(form.request("/"));
                response(&mut client, form.method, "beside a long one").text().to_owned()
            });
            respond([upstream.request().await]);
            assert_eq!(soon(client).await.expect("a response"), "the site", "{form:?}");
        }
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn requests_beyond_the_streams_of_the_connection_wait_until_others_end() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = GatewayProcess::start(&config(&upstream));
    let clients = send(&gateway, 3 * MAX_STREAMS);
    let mut open = received(&mut upstream, MAX_STREAMS).await;
    for left in (0..2 * MAX_STREAMS).rev() {
        respond(open.pop());
        assert_eq!(open.len(), MAX_STREAMS - 1);
        open.push(upstream.request().await);
        assert!(upstream.requests.try_recv().is_err(), "{left} wait, and more came than one for one");
    }
    respond(open);
    expect_the_site(clients).await;
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_body_goes_both_ways_and_a_client_that_leaves_resets_its_stream() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = GatewayProcess::start(&config(&upstream));
    let _first = send(&gateway, 1);
    let _held = upstream.request().await;
    // Some of them are of the worker that has the connection, some are not.
    for _ in 0..10 {
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        let Received { request, respond } = upstream.request().await;
        let mut request = request.into_body();
        let part = soon(request.frame()).await.expect("open").expect("a frame");
        assert_eq!(part.into_data().expect("data"), "one");
        let (to_client, body) = open_body();
        respond.send(Response::new(body)).expect("sent");
        to_client.send(Frame::data(Bytes::from("two"))).expect("open");
        blocking(move || {
            client.head().expect("a head");
            assert_eq!(client.take(8).expect("a chunk"), b"3\r\ntwo\r\n");
        })
        .await;
        assert!(soon(request.frame()).await.expect("not the end").is_err());
        soon(to_client.closed()).await;
    }
}

#[tokio::test]
async fn a_connection_that_goes_away_lets_the_requests_of_all_workers_have_another() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = GatewayProcess::start(&config(&upstream));
    // Those that the upstream has not taken are repeated; a POST would not be.
    for _ in 0..6 {
        let clients = send(&gateway, 10);
        let mut site = tokio::spawn(expect_the_site(clients));
        loop {
            tokio::select! {
                received = upstream.request() => {
                    // It may be of a request that is repeated.
                    let _ = received.respond.send(Response::new(full("the site")));
                }
                ended = &mut site => break ended.expect("responses"),
            }
        }
        upstream.going_away.send_modify(|times| *times += 1);
    }
}

#[tokio::test]
async fn a_connection_to_another_upstream_closes_for_a_request_as_soon_as_its_last_one_ends() {
    let (mut old, mut new) = (Http2Upstream::start().await, Http2Upstream::start().await);
    let gateway = GatewayProcess::start(&config(&old));
    let old_clients = send(&gateway, 3);
    let old_requests = received(&mut old, 3).await;
    gateway.apply(&config(&new));
    let new_clients = send(&gateway, 10);
    let sent = Instant::now();
    respond(old_requests);
    respond(received(&mut new, 10).await);
    assert!(sent.elapsed() < Duration::from_secs(10), "{:?}", sent.elapsed());
    expect_the_site(old_clients).await;
    expect_the_site(new_clients).await;
}

#[tokio::test]
async fn requests_to_an_https_upstream_share_its_connection_of_http2_and_a_tunnel_waits() {
    let authority = Authority::new();
    let mut upstream = Http2Upstream::start_over_tls(&authority).await;
    let tls = format!("tls = {{ ca = '{}' }}\n", authority.path("ca.pem"));
    let url = format!("https://{}", upstream.address);
    let gateway = GatewayProcess::start(&site(&url, &format!("{tls}{LIMIT}")));
    let mut call = gateway.connect();
    call.send(POST.with_fields("/call", "Content-Type: application/grpc\r\n"));
    let held = upstream.request().await;
    assert_eq!(held.request.version(), http::Version::HTTP_2);
    for form in FORMS {
        for _ in 0..4 {
            let mut client = gateway.connect();
            let client = tokio::task::spawn_blocking(move || {
                client.send(form.request("/"));
                response(&mut client, form.method, "beside a call").text().to_owned()
            });
            let received = upstream.request().await;
            assert_eq!(received.request.version(), http::Version::HTTP_2, "{form:?}");
            respond([received]);
            assert_eq!(soon(client).await.expect("a response"), "the site", "{form:?}");
        }
    }
    let mut tunnel = gateway.connect();
    tunnel.send(GET.with_fields("/tunnel", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    respond([held]);
    let received = upstream.request().await;
    assert_eq!(received.request.version(), http::Version::HTTP_11);
    respond([received]);
    blocking(move || {
        assert_eq!(response(&mut call, "POST", "the call").text(), "the site");
        assert_eq!(response(&mut tunnel, "GET", "the tunnel").text(), "the site");
    })
    .await;
}
