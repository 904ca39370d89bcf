//! Requests over HTTP/2 whose client or upstream does not wait for the end.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use tokio::sync::oneshot;

use super::http2::{connect, exchange, frames, full, post};
use super::site;
use crate::support::DEADLINE;
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

#[tokio::test]
async fn an_early_response_reaches_the_client() {
    let script = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&script.url(), ""));
    let responding = std::thread::spawn(move || {
        for _ in 0..25 {
            let mut received = script.accept();
            received.head().expect("a request");
            received.take(100_000).expect("a part of the body");
            received.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
        }
    });
    for attempt in 0..25 {
        let data = Bytes::from(vec![b'x'; 1 << 16]);
        let body = frames((0..320).map(|_| Frame::data(data.clone())).collect(), true);
        let (status, _, body, _) = exchange(&gateway, post(body), &format!("attempt {attempt}")).await;
        assert_eq!((status, &body[..]), (413, &b"no"[..]), "attempt {attempt}");
    }
    responding.join().expect("responded");
}

/// Accepts a request on a thread, responds with these bytes, and then does this with the connection. The first receiver
/// tells when the response was sent, the second what came of it.
fn responding<T: Send + 'static>(
    script: &Arc<ScriptedUpstream>,
    said: &'static str,
    then: impl FnOnce(Client) -> T + Send + 'static,
) -> (oneshot::Receiver<()>, oneshot::Receiver<T>) {
    let script = Arc::clone(script);
    let ((sent, is_sent), (done, is_done)) = (oneshot::channel(), oneshot::channel());
    std::thread::spawn(move || {
        let mut received = script.accept();
        received.head().expect("a request");
        received.send(said);
        // The test may have failed already.
        let _ = sent.send(());
        let _ = done.send(then(received));
    });
    (is_sent, is_done)
}

#[tokio::test]
async fn a_reset_of_the_client_ends_the_upstream_request() {
    let script = Arc::new(ScriptedUpstream::bind());
    let gateway = GatewayProcess::start(&site(&script.url(), ""));
    for (said, ends) in
        [("", true), ("", false), ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", true)]
    {
        let case = format!("{said:?}, the body ends: {ends}");
        let (is_sent, end) = responding(&script, said, |mut received| received.rest());
        // The connection stays, so that only the stream ends.
        let mut sender = connect(&gateway).await;
        let body = frames(vec![Frame::data("hello".into())], ends);
        let mut response = Box::pin(sender.send_request(post(body)));
        if said.is_empty() {
            tokio::select! {
                found = &mut response => panic!("{case}: {found:?}"),
                sent = is_sent => sent.expect("sent"),
            }
        } else {
            response.as_mut().await.expect("a response");
        }
        drop(response);
        // Long before the time limits of the gateway.
        let end = tokio::time::timeout(DEADLINE, end).await.expect("in time").expect("an end");
        if let Err(error) = end {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{case}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_breaks_off_resets_the_stream() {
    let script = Arc::new(ScriptedUpstream::bind());
    let gateway = GatewayProcess::start(&site(&script.url(), ""));
    for said in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let (proceed, may_proceed) = std::sync::mpsc::channel();
        let _end = responding(&script, said, move |received| {
            // The client has read what was sent, or has failed.
            let _ = may_proceed.recv();
            drop(received);
        });
        let mut sender = connect(&gateway).await;
        let request = Request::get("http://site.example/").body(full("")).expect("a request");
        let mut body = sender.send_request(request).await.expect("a response").into_body();
        let first = body.frame().await.expect("a frame").expect("data");
        assert_eq!(first.into_data().expect("data"), "hello", "{said:?}");
        proceed.send(()).expect("the upstream");
        let end = tokio::time::timeout(DEADLINE, body.frame()).await.expect("in time");
        assert!(matches!(end, Some(Err(_))), "{said:?}: it looks complete");
    }
}

#[tokio::test]
async fn a_body_that_stops_gets_408_unless_it_is_grpc() {
    let script = Arc::new(ScriptedUpstream::bind());
    let config = format!("{}[limits]\nbody_timeout = \"200ms\"\n", site(&script.url(), ""));
    let gateway = GatewayProcess::start(&config);
    let body = || frames(vec![Frame::data("he".into())], false);
    let mut grpc = post(body());
    grpc.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc+proto"));
    let ended = |mut received: Client| drop(received.rest());
    let (_, grpc_ended) = responding(&script, "", ended);
    let mut sender = connect(&gateway).await;
    let pausing = tokio::spawn(sender.send_request(grpc));
    sender.ready().await.expect("a connection");
    let (_, other_ended) = responding(&script, "", ended);
    let (status, ..) = exchange(&gateway, post(body()), "stalled").await;
    assert_eq!(status, 408);
    let first = tokio::select! {
        ended = grpc_ended => ended,
        ended = other_ended => ended,
    };
    first.expect("an upstream whose request has ended");
    assert!(!pausing.is_finished());
}

#[tokio::test]
async fn no_trickle_of_a_body_extends_its_limit() {
    let script = Arc::new(ScriptedUpstream::bind());
    let config = format!("{}[limits]\nbody_timeout = \"200ms\"\n", site(&script.url(), ""));
    let gateway = GatewayProcess::start(&config);
    for length in [None, Some("1000")] {
        let (_, ended) = responding(&script, "", |mut received| received.rest());
        let bytes = futures_util::stream::iter(0..400).then(|_| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from("x")))
        });
        let mut request = post(http_body_util::StreamBody::new(bytes).boxed_unsync());
        if let Some(length) = length {
            request.headers_mut().insert("content-length", http::HeaderValue::from_static(length));
        }
        let (status, ..) = exchange(&gateway, request, "a trickle").await;
        assert_eq!(status, 408, "{length:?}");
        let sent = ended.await.expect("an end").expect("no reset");
        assert!(sent.len() < 2000, "{length:?}: {} bytes", sent.len());
    }
}
