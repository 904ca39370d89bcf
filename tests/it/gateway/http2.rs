//! HTTP/2 with prior knowledge.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::DOWN;
use crate::support::DEADLINE;
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

pub(super) async fn connect(gateway: &GatewayProcess) -> SendRequest<Empty<Bytes>> {
    let stream = tokio::net::TcpStream::connect(gateway.address).await.expect("the gateway");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

async fn get(sender: &mut SendRequest<Empty<Bytes>>, path: &str) -> (u16, Option<String>, Bytes) {
    let request = Request::get(format!("http://site.example{path}")).body(Empty::new()).expect("a request");
    let response = tokio::time::timeout(DEADLINE, sender.send_request(request)).await;
    let response = response.expect("in time").expect("a response");
    let (head, body) = response.into_parts();
    let downtime = head.headers.get("downtime").and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    (head.status.as_u16(), downtime, body.collect().await.expect("a body").to_bytes())
}

#[tokio::test]
async fn the_page_the_status_and_the_site_are_served_over_http2() {
    let origin = StubUpstream::start();
    let site = format!("[site]\nupstream = \"{}\"\n", origin.url());
    let gateway = GatewayProcess::start(&site);
    let mut sender = connect(&gateway).await;
    assert_eq!(get(&mut sender, "/a//b?c").await, (200, None, Bytes::from("the site")));
    let head = origin.head();
    assert!(head.starts_with("GET /a//b?c HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("host: site.example\r\n"), "{head}");
    gateway.apply(&format!("{site}[exempt]\npaths = [\"/open/**\"]\n{DOWN}message = \"We move.\""));
    let (status, downtime, body) = get(&mut sender, "/").await;
    assert_eq!((status, downtime.as_deref()), (503, Some("planned")));
    assert!(body.windows(8).any(|window| window == b"We move."));
    let (status, _, body) = get(&mut sender, "/.downtime/status").await;
    assert_eq!((status, body.starts_with(b"{\"state\":\"down\"")), (200, true));
    assert_eq!(get(&mut sender, "/open/x").await.2, "the site");
    assert_eq!(get(&mut sender, "/open/../x").await.0, 503);
}

/// A connection on which the client has sent its preface.
pub(super) fn raw(gateway: &GatewayProcess) -> Client {
    let mut client = gateway.connect();
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.send(frame(4, 0, 0, b""));
    client
}

pub(super) fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Reads frames until one of this type comes, and returns its stream and payload.
pub(super) fn until(client: &mut Client, kind: u8) -> (u8, Vec<u8>) {
    loop {
        let header = client.take(9).expect("a frame");
        let payload = client.take(usize::from(header[1]) << 8 | usize::from(header[2])).expect("a payload");
        if header[3] == kind {
            return (header[8], payload);
        }
    }
}

#[test]
fn a_flood_of_frames_ends_the_connection_with_one_line_of_the_log() {
    let gateway = GatewayProcess::start(DOWN);
    for (kind, payload, name) in
        [(6, &[0; 8][..], "PING"), (4, b"", "SETTINGS"), (2, &[0, 0, 0, 0, 1], "PRIORITY")]
    {
        for _ in 0..3 {
            let mut client = raw(&gateway);
            client.send(frame(kind, 0, u8::from(kind == 2), payload).repeat(1200));
            // Closing with bytes that were not read resets the connection.
            let _ = client.rest();
        }
        gateway.log().wait_for(&format!("too many {name} frames"));
        assert_eq!(gateway.log().count(&format!("too many {name} frames")), 1);
    }
    assert_eq!(gateway.get("/", &[]).status, 503);
}

#[test]
fn a_head_in_too_many_frames_ends_the_connection() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = raw(&gateway);
    client.send(frame(1, 1, 1, &[0x82]));
    client.send(frame(9, 0, 1, b"").repeat(20));
    let (_, payload) = until(&mut client, 7);
    assert_eq!(payload[4..8], [0, 0, 0, 11], "ENHANCE_YOUR_CALM");
}

#[test]
fn extended_connect_is_not_announced_and_is_refused_on_its_stream() {
    let gateway = GatewayProcess::start(DOWN);
    let mut client = raw(&gateway);
    let (_, settings) = until(&mut client, 4);
    assert!(settings.chunks(6).all(|setting| setting[..2] != [0, 8]), "{settings:?}");
    let connect = b"\x02\x07CONNECT\x86\x84\x01\x01a\x00\x09:protocol\x09websocket";
    client.send(frame(1, 4, 1, connect));
    let (stream, error) = until(&mut client, 3);
    assert_eq!((stream, &error[..]), (1, &[0, 0, 0, 1][..]), "PROTOCOL_ERROR");
    client.send(frame(1, 5, 3, b"\x82\x86\x84\x01\x01a"));
    assert_eq!(until(&mut client, 1).0, 3);
}
