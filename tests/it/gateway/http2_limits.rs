//! Limits over HTTP/2.

use std::io::Write as _;
use std::net::TcpListener;

use rustix::process::Signal;

use super::DOWN;
use super::http2::{frame, raw, until};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::upstreams::ScriptedUpstream;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
/// A whole request for `/` with the host `a`.
const REQUEST: &[u8] = b"\x82\x86\x84\x01\x01a";
/// HEADERS that end the head and the stream.
const WHOLE: u8 = 5;

fn start(limits: &str) -> GatewayProcess {
    GatewayProcess::start(&format!("[limits]\n{limits}\n{DOWN}"))
}

#[test]
fn an_idle_connection_ends_with_a_goaway_after_its_limit() {
    let gateway = start("idle_timeout = \"200ms\"");
    let mut client = raw(&gateway);
    client.send(frame(HEADERS, WHOLE, 1, REQUEST));
    let (_, payload) = until(&mut client, GOAWAY);
    assert_eq!(payload[4..8], [0; 4], "NO_ERROR");
    client.rest().expect("the end");
}

#[test]
fn a_client_that_sends_no_request_or_half_of_a_head_is_disconnected() {
    let gateway = start("head_timeout = \"200ms\"");
    for half in [&[][..], &frame(HEADERS, 1, 1, b"\x82")] {
        // It does not accept the client before all is sent, however long a busy machine takes for that.
        gateway.process.signal(Signal::STOP);
        let mut client = raw(&gateway);
        client.send(half);
        gateway.process.signal(Signal::CONT);
        // Closing with bytes that were not read resets the connection.
        let _ = client.rest();
    }
    gateway.log().wait_for("127.0.0.1 took longer for a head than `[limits] head_timeout`");
}

#[test]
fn a_stream_whose_client_takes_nothing_is_reset_and_others_go_on() {
    let gateway = start("send_timeout = \"200ms\"");
    let mut client = raw(&gateway);
    client.send(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    client.send(frame(HEADERS, WHOLE, 1, REQUEST));
    let (stream, payload) = until(&mut client, RST_STREAM);
    assert_eq!((stream, &payload[..]), (1, &[0, 0, 0, 8][..]), "CANCEL");
    gateway.log().wait_for("`[limits] send_timeout`, and its stream was reset");
    client.send(frame(HEADERS, WHOLE, 3, REQUEST));
    assert_eq!(until(&mut client, HEADERS).0, 3);
}

#[test]
fn streams_beyond_the_limit_are_refused_and_an_edit_changes_it_for_new_connections() {
    let upstream = ScriptedUpstream::bind();
    let config =
        |streams: u8| format!("[site]\nupstream = \"{}\"\n[limits]\nstreams = {streams}\n", upstream.url());
    let gateway = GatewayProcess::start(&config(3));
    for limit in [1, 2] {
        gateway.apply(&config(limit));
        let mut client = raw(&gateway);
        let (_, settings) = until(&mut client, SETTINGS);
        assert!(settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, limit]), "{settings:?}");
        client.send(frame(SETTINGS, ACK, 0, b""));
        for number in 0..=limit {
            client.send(frame(HEADERS, WHOLE, 2 * number + 1, REQUEST));
        }
        let (stream, payload) = until(&mut client, RST_STREAM);
        assert_eq!((stream, &payload[..]), (2 * limit + 1, &[0, 0, 0, 7][..]), "REFUSED_STREAM");
        if limit == 1 {
            gateway.log().wait_for("127.0.0.1 has opened more streams of HTTP/2 than `[limits] streams`");
        }
        let mut received: Vec<_> = (0..limit).map(|_| upstream.accept()).collect();
        for request in &mut received {
            request.head().expect("a request");
        }
    }
}

#[test]
fn an_upstream_that_sends_interim_responses_or_settings_without_end_is_disconnected() {
    let upstream = ScriptedUpstream::bind();
    let url = upstream.url().replace("http:", "h2c:");
    let gateway =
        GatewayProcess::start(&format!("[site]\nupstream = \"{url}\"\nresponse_timeout = \"1h\"\n"));
    for flood in [frame(HEADERS, 4, 1, b"\x08\x03103"), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255])] {
        let mut client = gateway.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut connection = upstream.accept();
        connection.send(frame(SETTINGS, 0, 0, b""));
        connection.take(24).expect("a preface");
        until(&mut connection, HEADERS);
        let flood = flood.repeat(1000);
        let mut sent = 0;
        while connection.stream.write_all(&flood).is_ok() {
            sent += 1000;
            assert!(sent < 1_000_000, "{sent}");
        }
        assert_eq!(client.response("GET").downtime(), Some("unreachable"));
    }
    let line = "the upstream sent too many interim responses (1xx) or SETTINGS; more are not logged";
    gateway.log().wait_for(line);
    assert_eq!(gateway.log().count(line), 1, "one line a minute");
}

/// Clients of gRPC do, to measure the bandwidth.
#[test]
fn a_client_may_answer_each_part_of_a_response_with_a_ping() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&format!("[site]\nupstream = \"{}\"\n", upstream.url()));
    let mut client = raw(&gateway);
    client.send(frame(HEADERS, WHOLE, 1, REQUEST));
    let mut connection = upstream.accept();
    connection.head().expect("a request");
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    // More than the connection has for other frames in this time.
    for _ in 0..3000 {
        connection.send("1\r\nx\r\n");
        until(&mut client, DATA);
        client.send(frame(PING, 0, 0, &[0; 8]));
    }
    connection.send("0\r\n\r\n");
    until(&mut client, DATA);
    assert!(!gateway.log().text().contains("PING"), "{}", gateway.log().text());
}

/// Serves a long body on each connection, as fast as it is taken.
fn serve_long_bodies(listener: &TcpListener) {
    for stream in listener.incoming().map_while(Result::ok) {
        std::thread::spawn(move || {
            let mut client = Client::on(stream);
            client.head().expect("a request");
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
            let body = vec![b'x'; 1_000_000];
            // The test ends before that.
            let _ = client.stream.write_all(head.as_bytes()).and_then(|()| client.stream.write_all(&body));
        });
    }
}

#[test]
fn streams_whose_clients_take_nothing_hold_little_memory() {
    const CONNECTIONS: usize = 8;
    const STREAMS: usize = 100;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let upstream = format!("[site]\nupstream = \"http://{}\"\n", listener.local_addr().expect("an address"));
    std::thread::spawn(move || serve_long_bodies(&listener));
    let files = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(files.join("public")).expect("a directory");
    std::fs::write(files.join("public/index.html"), vec![b'x'; 1_000_000]).expect("a file");
    // A build for tests takes some more than a release.
    for (what, gateway, most) in [
        ("page", GatewayProcess::start(DOWN), 10),
        ("file", GatewayProcess::on(files), 32),
        ("response", GatewayProcess::start(&upstream), 48),
    ] {
        let process = gateway.process.child.id();
        gateway.get("/.downtime/status", &[]);
        let before = resident_kib(process);
        let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| raw(&gateway)).collect();
        for client in &mut clients {
            client.send(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
            for stream in 0..STREAMS {
                client.send(frame(HEADERS, WHOLE, u8::try_from(2 * stream + 1).expect("small"), REQUEST));
            }
        }
        for client in &mut clients {
            for _ in 0..STREAMS {
                until(client, HEADERS);
            }
        }
        let each = resident_kib(process).saturating_sub(before) / (CONNECTIONS * STREAMS);
        assert!(each < most, "{each} KiB for each stream of a {what}");
    }
}

pub(crate) fn resident_kib(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("KiB")
}
