//! An upstream that responds before it has read the request.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use super::messages::{ReceivedRequest, read_chunks};
use super::{SERVERS, response, site};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

/// How often a response is awaited during an upload: it used to get lost at times.
const TRIES: usize = 25;
const LENGTH: usize = 20 << 20;

/// The length of a refused upload's response. A reset drops what the upstream has not sent yet, so that response must fit into
/// the first window, which is below 64 KiB.
fn response_length(resets: bool) -> usize {
    if resets { 30_000 } else { 70_000 }
}

/// Sends an upload from a thread, for as long as it is read.
fn upload(client: &Client, head: String, is_chunked: bool) -> std::thread::JoinHandle<()> {
    let mut stream = client.stream.try_clone().expect("a clone");
    std::thread::spawn(move || {
        let part = vec![b'x'; 1 << 16];
        let mut write = |bytes: &[u8]| stream.write_all(bytes);
        let mut sent = write(head.as_bytes());
        for _ in 0..LENGTH / part.len() {
            if is_chunked {
                sent = sent.and_then(|()| write(b"10000\r\n"));
            }
            sent = sent.and_then(|()| write(&part));
            if is_chunked {
                sent = sent.and_then(|()| write(b"\r\n"));
            }
            // The gateway may have closed the connection.
            if sent.is_err() {
                return;
            }
        }
    })
}

/// Reads some of the upload, responds, and closes the connection, with a reset or after reading the rest.
fn refuse(mut upstream: Client, resets: bool) {
    upstream.head().expect("a request");
    upstream.take(1 << 20).expect("a part of the body");
    let length = response_length(resets);
    let head = format!("HTTP/1.1 413 Content Too Large\r\nContent-Length: {length}\r\n\r\n");
    upstream.send(head + &"y".repeat(length));
    if !resets {
        upstream.stream.shutdown(Shutdown::Write).expect("closed");
        drain(&mut upstream.stream);
    }
}

fn drain(stream: &mut TcpStream) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(1..) = stream.read(&mut buffer) {}
}

#[test]
fn a_response_during_an_upload_reaches_the_client_every_time() {
    let script = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&script.url(), ""));
    for (version, is_chunked) in [("1.1", false), ("1.1", true), ("1.0", false)] {
        for resets in [true, false] {
            for attempt in 0..TRIES {
                let case = format!("HTTP/{version}, chunked: {is_chunked}, resets: {resets}, {attempt}");
                let mut client = gateway.connect();
                let framing = if is_chunked {
                    "Transfer-Encoding: chunked".to_owned()
                } else {
                    format!("Content-Length: {LENGTH}")
                };
                let head = format!("POST / HTTP/{version}\r\nHost: a\r\n{framing}\r\n\r\n");
                let sending = upload(&client, head, is_chunked);
                let upstream = script.accept();
                let refusing = std::thread::spawn(move || refuse(upstream, resets));
                let answer = response(&mut client, "POST", &case);
                assert_eq!((answer.status, answer.body.len()), (413, response_length(resets)), "{case}");
                drop(client);
                sending.join().expect("sent");
                refusing.join().expect("refused");
            }
        }
    }
}

#[test]
fn a_body_flows_both_ways_at_the_same_time() {
    for server in SERVERS {
        // The last request of one gateway may be repeated over a new connection, which the next one must not take for its own.
        let script = ScriptedUpstream::bind();
        let site = site(&script.url(), "[limits]\nupstream_idle = \"1m\"");
        let gateway = GatewayProcess::start(&format!("{server}{site}"));
        let mut client = gateway.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        let mut upstream = script.accept();
        upstream.head().expect("a request");
        upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = |client: &mut Client| client.take("1\r\na\r\n".len()).expect("a chunk");
        let mut has_head = false;
        for letter in ["a", "b", "c"] {
            let expected = format!("1\r\n{letter}\r\n");
            if letter != "a" {
                client.send(&expected);
            }
            assert_eq!(chunk(&mut upstream), expected.as_bytes());
            upstream.send(&expected);
            if !has_head {
                assert!(client.head().expect("a head").starts_with("HTTP/1.1 200 "));
                has_head = true;
            }
            assert_eq!(chunk(&mut client), expected.as_bytes());
        }
        client.send("0\r\n\r\n");
        assert_eq!(upstream.take(5).expect("the end"), b"0\r\n\r\n");
        upstream.send("0\r\n\r\n");
        assert_eq!(read_chunks(&mut client).expect("the end"), (Vec::new(), Vec::new()));
        client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        let next = ReceivedRequest::read(&mut upstream).expect("the next request");
        assert_eq!(next.line(), b"GET /next HTTP/1.1");
    }
}

#[test]
fn an_upload_that_the_upstream_did_not_want_never_becomes_a_request() {
    const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let script = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&script.url(), ""));
    let mut client = gateway.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", SMUGGLED.len()));
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    upstream.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(client.response("POST").text(), "no");
    // The gateway may have closed the connection.
    let _ = client.stream.write_all(SMUGGLED.as_bytes());
    let _ = client.stream.shutdown(Shutdown::Write);
    let rest = client.rest().unwrap_or_default();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    // The body may have been forwarded or not.
    let received = upstream.take(SMUGGLED.len()).unwrap_or_default();
    assert!(received.is_empty() || received == SMUGGLED.as_bytes(), "{}", String::from_utf8_lossy(&received));
    assert!(script.accept_if_connected().is_none());
}
