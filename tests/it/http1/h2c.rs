//! Upstreams that speak HTTP/2 in clear text, `h2c://`: requests are forwarded to them by the same rules.

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use hyper::body::Frame;

use super::http2::{connect, frames, full, post};
use super::http2_upstream::{Http2Upstream, Received, blocking, open_body, soon};
use super::messages::read_chunks;
use super::{FORMS, GET, POST, response, site};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::support::until;

fn trailers(name: &'static str, value: &'static str) -> Frame<Bytes> {
    Frame::trailers(HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))]))
}

#[tokio::test]
async fn a_request_of_any_form_is_forwarded_and_answered() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let address = gateway.address;
    for form in FORMS {
        let client = tokio::task::spawn_blocking(move || {
            let mut client = Client::connect(address);
            client.send(form.with_fields("/a?b", "X-Own: 1\r\nConnection: x-named\r\nX-Named: 2\r\n"));
            response(&mut client, form.method, "over h2c")
        });
        let Received { request, respond } = upstream.request().await;
        assert_eq!(
            (request.method().as_str(), request.uri().to_string()),
            (form.method, "http://site.example/a?b".to_owned())
        );
        let fields = request.headers().clone();
        assert!(fields["x-own"] == "1" && fields["x-forwarded-for"] == "127.0.0.1", "{form:?}: {fields:?}");
        for name in ["connection", "x-named", "host", "transfer-encoding", "keep-alive"] {
            assert!(!fields.contains_key(name), "{name} of {form:?}");
        }
        let body = soon(request.into_body().collect()).await.expect("a body").to_bytes();
        assert_eq!(&body[..], form.body.find("hel").map_or(&b""[..], |_| b"hello"), "{form:?}");
        let answer = Response::builder().status(201).header("x-mine", "3").body(full("the site"));
        respond.send(answer.expect("a response")).expect("sent");
        let found = soon(client).await.expect("a response");
        assert_eq!(
            (found.status, found.text(), found.field("x-mine")),
            (201, "the site", Some("3")),
            "{form:?}"
        );
        assert!(found.field("via").is_some_and(|via| via.starts_with("2.0 downtime-")), "{found:?}");
    }
}

#[tokio::test]
async fn grpc_streams_both_ways_with_trailers() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let (to_upstream, body) = open_body();
    let mut request = post(body);
    request.headers_mut().insert("te", "trailers".parse().expect("a value"));
    let mut client = connect(&gateway).await;
    let response = tokio::spawn(async move { client.send_request(request).await });
    let Received { request, respond } = upstream.request().await;
    assert_eq!(request.headers()["te"], "trailers");
    let mut received = request.into_body();
    let (to_client, body) = open_body();
    respond.send(Response::new(body)).expect("sent");
    let mut response = soon(response).await.expect("a task").expect("a response").into_body();
    for number in 0..10 {
        let message = Bytes::from(format!("message {number}"));
        for (sender, receiver) in [(&to_upstream, &mut received), (&to_client, &mut response)] {
            sender.send(Frame::data(message.clone())).expect("open");
            let frame = soon(receiver.frame()).await.expect("open").expect("a frame");
            assert_eq!(frame.into_data().expect("data"), message);
        }
    }
    for (sender, receiver) in [(to_upstream, &mut received), (to_client, &mut response)] {
        sender.send(trailers("grpc-status", "0")).expect("open");
        drop(sender);
        let frame = soon(receiver.frame()).await.expect("open").expect("a frame");
        assert_eq!(frame.into_trailers().expect("trailers")["grpc-status"], "0");
        assert!(soon(receiver.frame()).await.is_none());
    }
}

#[tokio::test]
async fn announced_trailers_of_a_response_with_a_length_pass() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let said = || {
        let body = frames(vec![Frame::data("ok".into()), trailers("grpc-status", "0")], true);
        let response = Response::builder().header("content-length", "2").header("trailer", "grpc-status");
        response.body(body).expect("a response")
    };
    let mut client = connect(&gateway).await;
    let response = tokio::spawn(async move { client.send_request(post(full(""))).await });
    upstream.request().await.respond.send(said()).expect("sent");
    let response = soon(response).await.expect("a task").expect("a response");
    let body = soon(response.into_body().collect()).await.expect("a body");
    assert_eq!(body.trailers().expect("trailers")["grpc-status"], "0");
    assert_eq!(body.to_bytes(), "ok");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    upstream.request().await.respond.send(said()).expect("sent");
    let received = blocking(move || {
        client.head().expect("a head");
        read_chunks(&mut client)
    });
    let expected = (b"ok".to_vec(), vec!["grpc-status: 0".to_owned()]);
    assert_eq!(received.await, Ok(expected));
    // It gets no trailers, and needs the length.
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    upstream.request().await.respond.send(said()).expect("sent");
    let received = blocking(move || super::response(&mut client, "GET", "HTTP/1.0")).await;
    assert_eq!((received.field("content-length"), received.field("trailer")), (Some("2"), None));
    assert_eq!(received.text(), "ok");
}

#[tokio::test]
async fn a_client_that_leaves_resets_its_stream_only() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    for has_response in [false, true] {
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        let Received { request, respond } = upstream.request().await;
        let mut received = request.into_body();
        assert_eq!(
            &soon(received.frame()).await.expect("open").expect("a frame").into_data().expect("data")[..],
            b"one"
        );
        let (sender, body) = open_body();
        let mut unsent = None;
        if has_response {
            respond.send(Response::new(body)).expect("sent");
            client = blocking(move || {
                client.head().expect("a head");
                client
            })
            .await;
        } else {
            unsent = Some(respond);
        }
        drop(client);
        assert!(soon(received.frame()).await.expect("not the end").is_err(), "{has_response}");
        match unsent {
            Some(mut respond) => soon(respond.closed()).await,
            None => soon(sender.closed()).await,
        }
    }
    assert!(upstream.connections() <= 2, "one per worker");
}

#[tokio::test]
async fn an_upstream_that_resets_a_stream_cuts_the_response_or_gives_the_page() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let mut client = gateway.connect();
    client.send(POST.request("/"));
    drop(upstream.request().await);
    let found = blocking(move || response(&mut client, "POST", "a reset")).await;
    assert_eq!((found.status, found.downtime()), (503, Some("unreachable")));
}

#[tokio::test]
async fn a_connection_that_goes_away_is_replaced_for_every_method() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let address = gateway.address;
    for round in 1..=10 {
        for form in [GET, POST] {
            let client = tokio::task::spawn_blocking(move || {
                let mut client = Client::connect(address);
                client.send(form.request("/"));
                response(&mut client, form.method, "after GOAWAY").status
            });
            let Received { respond, .. } = upstream.request().await;
            respond.send(Response::new(full("the site"))).expect("sent");
            assert_eq!(soon(client).await.expect("a status"), 200, "round {round}");
            upstream.going_away.send_modify(|times| *times += 1);
        }
    }
    assert!(upstream.connections() > 1);
}

#[tokio::test]
async fn requests_share_a_connection() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = gateway.connect();
        client.send(GET.request("/"));
        clients.push(client);
    }
    let mut waiting = Vec::new();
    for _ in &clients {
        waiting.push(upstream.request().await);
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    assert!(upstream.connections() <= workers, "{} connections", upstream.connections());
    for Received { respond, .. } in waiting {
        respond.send(Response::new(full("the site"))).expect("sent");
    }
    blocking(move || {
        for mut client in clients {
            assert_eq!(response(&mut client, "GET", "one of many").text(), "the site");
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_asked_at_once() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let client = tokio::task::spawn_blocking(move || {
        assert_eq!(client.head().expect("a head"), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello");
        response(&mut client, "POST", "after 100").status
    });
    let Received { request, respond } = upstream.request().await;
    assert!(!request.headers().contains_key("expect"));
    assert_eq!(&soon(request.into_body().collect()).await.expect("a body").to_bytes()[..], b"hello");
    respond.send(Response::new(full(""))).expect("sent");
    assert_eq!(soon(client).await.expect("a status"), 200);
}

#[tokio::test]
async fn a_response_without_content_is_forwarded() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let address = gateway.address;
    for (method, status, length) in [("GET", 204, None), ("GET", 200, None), ("HEAD", 200, Some("8"))] {
        let client = tokio::task::spawn_blocking(move || Client::connect(address).request(method, "/", &[]));
        let Received { respond, .. } = upstream.request().await;
        let mut answer = Response::builder().status(status);
        if method == "HEAD" {
            answer = answer.header("content-length", "8");
        }
        respond.send(answer.body(frames(Vec::new(), true)).expect("a response")).expect("sent");
        let found = soon(client).await.expect("a response");
        assert_eq!(
            (found.status, found.field("content-length"), found.text()),
            (status, length, ""),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_target_that_cannot_be_sent_over_http2_is_refused_by_the_gateway() {
    let mut upstream = Http2Upstream::start().await;
    let more = "[log]\nlevel = \"debug\"\naccess = true\n[limits]\nhead = \"128KiB\"\n";
    let gateway = GatewayProcess::start(&site(&format!("h2c://{}", upstream.address), more));
    let refused = blocking(move || {
        let characters = "the target of the request has characters that cannot be sent over HTTP/2";
        let length = "the target of the request is longer than 65534 bytes, so it cannot be sent over HTTP/2";
        let long = format!("/{}", "a".repeat(65_534));
        let mut count = 0;
        for (target, status, reason) in [
            (&b"/<script>"[..], "400 Bad Request", characters),
            (b"/`", "400 Bad Request", characters),
            (b"/\xff", "400 Bad Request", characters),
            (b"/?q=\"a\"", "400 Bad Request", characters),
            (b"/?\xff", "400 Bad Request", characters),
            (long.as_bytes(), "414 URI Too Long", length),
        ] {
            let line = format!("refused a request of 127.0.0.1: {status}: {reason}");
            for (number, form) in FORMS.iter().enumerate() {
                let case = format!("{} of {form:?}", target[..target.len().min(20)].escape_ascii());
                let request = form.request("/TARGET");
                let (before, after) = request.split_once("/TARGET").expect("the target");
                let mut client = gateway.connect();
                client.send([before.as_bytes(), target, after.as_bytes()].concat());
                let found = response(&mut client, form.method, &case);
                let head = (found.status.to_string(), found.field("connection"), found.field("via"));
                assert_eq!(head, (status[..3].to_owned(), Some("close"), None), "{case}");
                assert_eq!(found.text(), format!("{reason}\n"), "{case}");
                assert!(client.is_closed(), "{case}");
                count += 1;
                // With the decision and the cause, as in the metrics.
                until("counted request", || {
                    let counted = gateway.log().count(" refused invalid ");
                    let logged = gateway.log().count(&line);
                    (counted == count && logged > number).then_some(())
                });
            }
        }
        gateway
    });
    let gateway = refused.await;
    let mut client = gateway.connect();
    client.send(GET.request("/"));
    assert_eq!(upstream.request().await.request.uri().path(), "/", "the first request that it gets");
}

#[tokio::test]
async fn a_request_with_as_many_fields_as_clients_may_send_is_forwarded() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    for (first, count) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n", 254),
        ("GET http://a/ HTTP/1.0\r\nTE: trailers\r\n", 255),
    ] {
        let mut client = gateway.connect();
        client.send(format!("{first}{}\r\n", "X: y\r\n".repeat(count)));
        let client =
            tokio::task::spawn_blocking(move || response(&mut client, "GET", first).text().to_owned());
        let Received { request, respond } = upstream.request().await;
        assert_eq!(request.headers().get_all("x").iter().count(), count, "{first:?}");
        respond.send(Response::new(full("the site"))).expect("sent");
        assert_eq!(soon(client).await.expect("a response"), "the site", "{first:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_speaks_http_1_only_gives_the_page() {
    let upstream = crate::upstreams::StubUpstream::start();
    let gateway =
        GatewayProcess::start(&site(&format!("h2c://{}", upstream.address), "response_timeout = \"5s\""));
    let found = blocking(move || {
        let found = gateway.get("/", &[]);
        gateway.log().wait_for("it answered in HTTP/1: write `http://` instead of `h2c://`");
        found
    });
    let found = found.await;
    assert_eq!((found.status, found.downtime()), (503, Some("unreachable")));
}
