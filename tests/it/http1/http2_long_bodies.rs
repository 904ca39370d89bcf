//! Long bodies between a client and an upstream of HTTP/2: one that does not read holds the other back, and nothing is lost.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::sync::watch;
use tokio::time::timeout;

use super::http2::{Body, connect, full, post};
use super::http2_upstream::{Http2Upstream, Received, soon};
use crate::gateway::http2_limits::resident_kib;
use crate::support::process::GatewayProcess;

const LENGTH: usize = 64 << 20;
const PART: usize = 64 << 10;
/// How much of a body may be under way, and by how much the memory of the gateway may grow.
const MAX: usize = 8 << 20;

fn part(number: usize) -> Vec<u8> {
    vec![u8::try_from(number % 251).expect("small"); PART]
}

/// A body, and how much of it was sent.
fn long_body() -> (Body, watch::Receiver<usize>) {
    let (sender, sent) = watch::channel(0);
    let frames = futures_util::stream::iter(0..LENGTH / PART).map(move |number| {
        sender.send_replace((number + 1) * PART);
        Ok(Frame::data(Bytes::from(part(number))))
    });
    (StreamBody::new(frames).boxed_unsync(), sent)
}

/// Reads a body to its end, which must be as it was sent.
async fn read(mut body: Incoming, case: &str) {
    let mut read = 0;
    while let Some(frame) = soon(body.frame()).await {
        let mut data = frame.unwrap_or_else(|error| panic!("{case}: {error}")).into_data().expect("data");
        while !data.is_empty() {
            let length = data.len().min(PART - read % PART);
            assert!(data.split_to(length) == part(read / PART)[..length], "{case}: other bytes at {read}");
            read += length;
        }
    }
    assert_eq!(read, LENGTH, "{case}");
}

/// Waits until no more of a body is sent since nobody reads it. It must be little, also for the memory of the gateway.
async fn assert_held_back(
    mut sent: watch::Receiver<usize>,
    gateway: &GatewayProcess,
    before: usize,
    case: &str,
) {
    soon(sent.wait_for(|sent| *sent > 0)).await.expect("a body");
    while matches!(timeout(Duration::from_millis(300), sent.changed()).await, Ok(Ok(()))) {}
    let sent = *sent.borrow();
    assert!(sent < MAX, "{case}: {sent} bytes are under way");
    let growth = resident_kib(gateway.process.child.id()).saturating_sub(before) << 10;
    assert!(growth < MAX, "{case}: the memory has grown by {growth} bytes");
}

#[tokio::test]
async fn a_side_that_does_not_read_holds_the_other_back_and_then_gets_the_whole_body() {
    let mut upstream = Http2Upstream::start().await;
    let gateway = upstream.gateway();
    let mut client = connect(&gateway).await;
    let before = resident_kib(gateway.process.child.id());

    let request = Request::get("http://site.example/").body(full("")).expect("a request");
    let response = tokio::spawn(client.send_request(request));
    let Received { respond, .. } = upstream.request().await;
    let (body, sent) = long_body();
    respond.send(Response::new(body)).expect("sent");
    let response = soon(response).await.expect("a task").expect("a response");
    assert_held_back(sent, &gateway, before, "down").await;
    read(response.into_body(), "down").await;

    let (body, sent) = long_body();
    let response = tokio::spawn(client.send_request(post(body)));
    let Received { request, respond } = upstream.request().await;
    assert_held_back(sent, &gateway, before, "up").await;
    read(request.into_body(), "up").await;
    respond.send(Response::new(full(""))).expect("sent");
    assert_eq!(soon(response).await.expect("a task").expect("a response").status(), 200);
    let growth = resident_kib(gateway.process.child.id()).saturating_sub(before) << 10;
    assert!(growth < MAX, "the memory has grown by {growth} bytes");
}
