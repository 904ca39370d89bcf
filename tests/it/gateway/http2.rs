//! HTTP/2 with prior knowledge.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::DOWN;
use crate::support::DEADLINE;
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::upstreams::{ScriptedUpstream, StubUpstream};

pub(super) async fn connect(gateway: &GatewayProcess) -> SendRequest<Empty<Bytes>> {
    let stream = tokio::net::TcpStream::connect(gateway.address).await.expect("the gateway");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

async fn get(sender: &mut SendRequest<Empty<Bytes>>, path: &str) -> (u16, Option<String>, Bytes) {
    let request = Request::get(format!("http://site.example{path}")).body(Empty::new()).expect("a request");
    let response = timeout(DEADLINE, sender.send_request(request)).await;
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

pub(crate) fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Reads frames until one of this type comes, and returns its stream and payload.
pub(crate) fn until(client: &mut Client, kind: u8) -> (u8, Vec<u8>) {
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
    for _ in 0..3 {
        let mut client = raw(&gateway);
        client.send(frame(1, 1, 1, &[0x82]));
        client.send(frame(9, 0, 1, b"").repeat(20));
        let (_, payload) = until(&mut client, 7);
        assert_eq!(payload[4..8], [0, 0, 0, 11], "ENHANCE_YOUR_CALM");
    }
    gateway.log().wait_for("has reached a limit of HTTP/2, and was disconnected");
    assert_eq!(gateway.log().count("has reached a limit of HTTP/2"), 1);
}

#[test]
fn mistakes_of_clients_that_the_library_finds_are_not_logged_one_by_one() {
    let gateway = GatewayProcess::start(DOWN);
    let before = gateway.log().text();
    let mut client = raw(&gateway);
    client.send(frame(PING, ACK, 0, &[1; 8]).repeat(100));
    client.send(frame(PING, 0, 0, &[2; 8]));
    while until(&mut client, PING).1 != [2; 8] {}
    assert_eq!(gateway.log().text(), before);
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

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;
/// The flag of the last frame of a stream, and of the answer to PING.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;

/// Reads frames until one of these types has this flag. No stream may be reset before it.
fn until_flag(client: &mut Client, kinds: &[u8], flag: u8) {
    loop {
        let header = client.take(9).expect("a frame");
        client.take(usize::from(header[1]) << 8 | usize::from(header[2])).expect("a payload");
        assert_ne!(header[3], RST_STREAM);
        if kinds.contains(&header[3]) && header[4] & flag != 0 {
            return;
        }
    }
}

/// curl before 8.0 drops a response if its stream is reset behind it, whatever the code of the reset says.
#[test]
fn a_client_that_gets_the_response_before_it_has_sent_the_body_may_still_send_it() {
    let script = ScriptedUpstream::bind();
    let files = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(files.join("public")).expect("a directory");
    let redirect = format!("[response]\nredirect = \"https://status.example/\"\n{DOWN}");
    for (gateway, upstream) in [
        (GatewayProcess::start(DOWN), None),
        (GatewayProcess::start(&redirect), None),
        (GatewayProcess::on(files), None),
        (GatewayProcess::start(""), None),
        (GatewayProcess::start(&format!("[site]\nupstream = \"{}\"\n", script.url())), Some(&script)),
    ] {
        for response in
            ["Content-Length: 2\r\n\r\nhi", "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"]
        {
            let mut client = raw(&gateway);
            client.send(frame(HEADERS, 4, 1, b"\x83\x86\x84\x01\x01a"));
            let upstream = upstream.map(|upstream| {
                let mut upstream = upstream.accept();
                upstream.head().expect("a request");
                upstream.send(format!("HTTP/1.1 200 OK\r\n{response}"));
                upstream
            });
            until_flag(&mut client, &[HEADERS, DATA], END_STREAM);
            client.send(frame(PING, 0, 0, b"12345678"));
            until_flag(&mut client, &[PING], ACK);
            client.send(frame(DATA, END_STREAM, 1, b"text"));
            client.send(frame(HEADERS, 5, 3, b"\x82\x86\x04\x11/.downtime/status\x01\x01a"));
            until_flag(&mut client, &[DATA], END_STREAM);
            drop(upstream);
        }
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_broken_off_when_it_is_long() {
    let gateway = GatewayProcess::start(DOWN);
    let stream = tokio::net::TcpStream::connect(gateway.address).await.expect("the gateway");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.expect("a handshake");
    tokio::spawn(connection);
    let (dropped_with_body, body_dropped) = oneshot::channel::<()>();
    let parts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&parts);
    let part = Bytes::from(vec![b'x'; 1 << 20]);
    let endless = futures_util::stream::repeat_with(move || {
        let _ = &dropped_with_body;
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Infallible>(Frame::data(part.clone()))
    });
    let request = Request::post("http://site.example/").body(StreamBody::new(endless)).expect("a request");
    let response = sender.send_request(request).await.expect("a response");
    assert_eq!(response.status(), 503);
    assert!(timeout(DEADLINE, body_dropped).await.expect("in time").is_err());
    let sent = parts.load(Ordering::Relaxed);
    assert!((32..40).contains(&sent), "{sent} MiB");
}
