//! Requests over HTTP/2 are forwarded and answered by the same rules.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::http2_upstream::{Http2Upstream, Received};
use super::messages::{ReceivedRequest, RecordingUpstream};
use super::{DOWN, site};
use crate::management::{query, with_management};
use crate::support::process::GatewayProcess;
use crate::support::{DEADLINE, until};
use crate::upstreams::ScriptedUpstream;

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

pub(super) fn full(text: &'static str) -> Body {
    Full::new(Bytes::from(text)).boxed_unsync()
}

/// A body of these frames, which then ends or stays open.
pub(super) fn frames(frames: Vec<Frame<Bytes>>, ends: bool) -> Body {
    let frames = futures_util::stream::iter(frames.into_iter().map(Ok));
    if ends {
        StreamBody::new(frames).boxed_unsync()
    } else {
        StreamBody::new(frames.chain(futures_util::stream::pending())).boxed_unsync()
    }
}

pub(super) async fn connect(gateway: &GatewayProcess) -> SendRequest<Body> {
    let stream = tokio::net::TcpStream::connect(gateway.address).await.expect("the gateway");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

async fn respond(gateway: &GatewayProcess, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
    let response = connect(gateway).await.send_request(request);
    tokio::time::timeout(DEADLINE, response).await.expect("in time")
}

/// Sends a request, and returns the status, the fields, the body and the trailers of the response.
pub(super) async fn exchange(
    gateway: &GatewayProcess,
    request: Request<Body>,
    case: &str,
) -> (u16, HeaderMap, Bytes, HeaderMap) {
    let response = respond(gateway, request).await.unwrap_or_else(|error| panic!("{case}: {error}"));
    let (head, body) = response.into_parts();
    let body = tokio::time::timeout(DEADLINE, body.collect()).await.expect("in time");
    let body = body.unwrap_or_else(|error| panic!("{case}: {error}"));
    let trailers = body.trailers().cloned().unwrap_or_default();
    (head.status.as_u16(), head.headers, body.to_bytes(), trailers)
}

pub(super) fn post(body: Body) -> Request<Body> {
    Request::post("http://site.example/form").body(body).expect("a request")
}

fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
        .collect()
}

#[tokio::test]
async fn a_post_is_forwarded_with_its_body() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for (body, framing) in [
        (full("hello"), "content-length"),
        (frames(vec![Frame::data("hel".into()), Frame::data("lo".into())], true), "transfer-encoding"),
    ] {
        let (status, fields, answer, _) = exchange(&gateway, post(body), framing).await;
        assert_eq!((status, &answer[..]), (200, &b"the site"[..]), "{framing}");
        for name in ["connection", "transfer-encoding", "keep-alive", "upgrade"] {
            assert!(!fields.contains_key(name), "{framing}: {fields:?}");
        }
        assert!(fields["via"].to_str().expect("text").contains(" downtime-"), "{framing}: {fields:?}");
        let request = upstream.request(framing);
        assert_eq!(
            (request.line(), &request.body[..]),
            (&b"POST /form HTTP/1.1"[..], &b"hello"[..]),
            "{framing}"
        );
        assert_eq!(request.values("host"), ["site.example"], "{framing}");
        assert_eq!(request.values("via").len(), 1, "{framing}");
        assert_eq!(request.values(framing).len(), 1, "{framing}: {:?}", request.names());
    }
}

#[tokio::test]
async fn trailers_pass_both_ways_through_the_filter() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let trailers = map(&[
        ("x-sum", "1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
        ("x_forwarded_for", "192.0.2.1"),
        ("x-original-url", "/admin"),
        ("content-length", "5"),
        ("host", "b"),
    ]);
    let mut request = post(frames(vec![Frame::data("hello".into()), Frame::trailers(trailers)], true));
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    let responding = std::thread::spawn(move || {
        let mut received = upstream.accept();
        let request = ReceivedRequest::read(&mut received).expect("a request");
        received.send(
            "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 2\r\n\
             Connection: close\r\nKeep-Alive: 5\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        request
    });
    let (status, _, body, trailers) = exchange(&gateway, request, "trailers").await;
    assert_eq!((status, &body[..]), (200, &b"ok"[..]));
    assert_eq!(trailers, map(&[("x-sum", "2")]));
    let request = responding.join().expect("a request");
    assert_eq!(request.values("te"), ["trailers"]);
    assert_eq!((&request.body[..], request.trailers), (&b"hello"[..], vec!["x-sum: 1".to_owned()]));
}

#[tokio::test]
async fn announced_trailers_pass_in_chunks_instead_of_a_length() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for is_announced in [true, false] {
        let trailers = map(&[("x-sum", "1")]);
        let mut request = post(frames(vec![Frame::data("hello".into()), Frame::trailers(trailers)], true));
        request.headers_mut().insert("content-length", HeaderValue::from_static("5"));
        if is_announced {
            request.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
        }
        let case = format!("announced: {is_announced}");
        assert_eq!(exchange(&gateway, request, &case).await.0, 200, "{case}");
        let request = upstream.request(&case);
        assert_eq!(request.body, b"hello", "{case}");
        assert_eq!(request.values("content-length").is_empty(), is_announced, "{case}");
        assert_eq!(request.trailers, if is_announced { &["x-sum: 1"][..] } else { &[] }, "{case}");
    }
}

#[tokio::test]
async fn equal_lengths_are_forwarded_as_one() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let mut request = post(full("hello"));
    for _ in 0..2 {
        request.headers_mut().append("content-length", HeaderValue::from_static("5"));
    }
    assert_eq!(exchange(&gateway, request, "equal lengths").await.0, 200);
    let request = upstream.request("equal lengths");
    assert_eq!((request.values("content-length"), &request.body[..]), (vec!["5".to_owned()], &b"hello"[..]));
}

#[tokio::test]
async fn lengths_that_differ_are_refused() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for lengths in [&["5", "6"][..], &["6", "5"], &["5, 6"], &["+5"], &["5", "x"]] {
        let mut request = post(full("hello"));
        for length in lengths {
            request.headers_mut().append("content-length", HeaderValue::from_static(length));
        }
        // The library may refuse it by an error of the stream.
        if let Ok(response) = respond(&gateway, request).await {
            assert_eq!(response.status(), 400, "{lengths:?}");
        }
    }
    upstream.assert_no_request("lengths that differ");
}

#[tokio::test]
async fn a_host_that_differs_from_the_authority_is_refused() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for config in [site(&upstream.url(), "# up"), DOWN.to_owned()] {
        gateway.apply(&config);
        for (hosts, status) in [
            (&["site.example"][..], if config == DOWN { 503 } else { 200 }),
            (&["other.example"], 400),
            (&["site.example:81"], 400),
            (&["site.example", "other.example"], 400),
            (&["a:b"], 400),
            (&[""], 400),
        ] {
            let mut request = Request::get("http://site.example/").body(full("")).expect("a request");
            for host in hosts {
                request.headers_mut().append("host", HeaderValue::from_static(host));
            }
            let case = format!("{hosts:?} to {config}");
            let (found, fields, body, _) = exchange(&gateway, request, &case).await;
            assert_eq!(found, status, "{case}");
            if status == 400 {
                assert_eq!(fields["content-type"], "text/plain; charset=utf-8", "{case}");
                assert!(!body.is_empty() && !fields.contains_key("connection"), "{case}: {fields:?}");
            }
            if status == 200 {
                assert_eq!(upstream.request(&case).values("host"), ["site.example"], "{case}");
            }
        }
    }
    upstream.assert_no_request("a Host that differs");
}

#[tokio::test]
async fn an_invalid_authority_is_refused() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let mut sent = 0;
    for config in [site(&upstream.url(), "# up"), DOWN.to_owned()] {
        gateway.apply(&config);
        for host in [
            "a:b",
            "a:-1",
            "a:99999",
            "a:65536",
            "extra[::1]:98",
            "[::1].",
            ".",
            ":80",
            "me@a",
            "a b",
            "a%zz",
            "%73ite.example",
            "site%2eexample",
        ] {
            // Some cannot be sent by this library.
            let Ok(request) = Request::get(format!("http://{host}/")).body(full("")) else { continue };
            sent += 1;
            // Some are refused by the library of the gateway, by an error of the stream.
            if let Ok(response) = respond(&gateway, request).await {
                assert_eq!(response.status(), 400, "{host:?} to {config}");
            }
        }
    }
    assert!(sent > 4, "only {sent} were sent");
    upstream.assert_no_request("an invalid authority");
}

#[tokio::test]
async fn max_forwards_and_a_loop_have_the_same_rules() {
    let upstream = RecordingUpstream::start(&[]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let options = |limit: &'static str| {
        let request = Request::options("http://site.example/").header("max-forwards", limit);
        request.body(full("")).expect("a request")
    };
    let (status, _, body, _) = exchange(&gateway, options("0"), "0").await;
    assert_eq!((status, body.len()), (200, 0));
    upstream.assert_no_request("Max-Forwards: 0");
    let (status, fields, _, _) = exchange(&gateway, options("5"), "5").await;
    assert_eq!((status, upstream.request("5").values("max-forwards")), (200, vec!["4".to_owned()]));
    let via = fields["via"].clone();
    let request = Request::get("http://site.example/").header("via", via).body(full(""));
    assert_eq!(exchange(&gateway, request.expect("a request"), "a loop").await.0, 508);
    upstream.assert_no_request("a loop");
}

#[tokio::test]
async fn the_head_has_the_limit_of_http_1() {
    let gateway = GatewayProcess::start(DOWN);
    for (length, status) in [(15 << 10, 503), (17 << 10, 431)] {
        let request = Request::get("http://site.example/").header("x-long", "x".repeat(length));
        let request = request.body(full("")).expect("a request");
        let (found, ..) = exchange(&gateway, request, &length.to_string()).await;
        assert_eq!(found, status, "{length}");
    }
    gateway.log().wait_for("127.0.0.1 sent a longer head over HTTP/2 than `[limits] head`");
}

#[tokio::test]
async fn each_head_that_is_too_long_is_counted_and_the_log_has_one_line_a_minute() {
    let config = with_management(&format!("{DOWN}[log]\nlevel = \"debug\"\n"));
    let gateway = GatewayProcess::start(&config);
    let mut sender = connect(&gateway).await;
    for (number, length) in [17 << 10, 15 << 10, 17 << 10, 17 << 10].into_iter().enumerate() {
        let request = Request::get("http://site.example/").header("x-long", "x".repeat(length));
        let response = sender.send_request(request.body(full("")).expect("a request"));
        let response = tokio::time::timeout(DEADLINE, response).await.expect("in time").expect("a response");
        assert_eq!(response.status(), if length > 16 << 10 { 431 } else { 503 }, "{number}");
    }
    let is_logged =
        || (gateway.log().count("sent a longer head over HTTP/2 than `[limits] head`") == 3).then_some(());
    until("three lines", is_logged);
    assert_eq!(gateway.log().count("more are not logged for a minute"), 1);
    let refused = "downtime_requests_total{decision=\"refused\",cause=\"invalid\",status=\"4xx\"} 3";
    // The last one is counted after its line is logged.
    until("three counted requests", || query(&gateway, "/metrics").text().contains(refused).then_some(()));
}

#[tokio::test]
async fn via_names_the_version_of_the_request() {
    let upstream = RecordingUpstream::start(&["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let request = Request::get("http://site.example/").body(full("")).expect("a request");
    assert_eq!(exchange(&gateway, request, "GET").await.0, 200);
    let via = upstream.request("GET").values("via");
    assert!(via.len() == 1 && via[0].starts_with("2.0 downtime-"), "{via:?}");
}

#[tokio::test]
async fn a_response_with_as_many_fields_as_upstreams_may_send_is_forwarded() {
    const COUNT: usize = 256;
    let request = || Request::get("http://a/0").body(full("")).expect("a request");
    let fields = "X: y\r\n".repeat(COUNT - 1);
    let upstream =
        RecordingUpstream::start(&[&format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{fields}\r\nhello")]);
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    let (status, fields, body, _) = exchange(&gateway, request(), "from HTTP/1.1").await;
    assert_eq!((status, fields.get_all("x").iter().count(), &body[..]), (200, COUNT - 1, &b"hello"[..]));
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let answer = async {
        let Received { respond, .. } = upstream.request().await;
        let mut response = Response::new(full("the site"));
        for _ in 0..COUNT {
            response.headers_mut().append("x", HeaderValue::from_static("y"));
        }
        respond.send(response).expect("sent");
    };
    let ((status, fields, body, _), ()) = tokio::join!(exchange(&gateway, request(), "from HTTP/2"), answer);
    assert_eq!((status, fields.get_all("x").iter().count(), &body[..]), (200, COUNT, &b"the site"[..]));
}
