//! Connections from proxies that speak the PROXY protocol: the address in the header takes the peer's place, and anything
//! else is closed.

use super::DOWN;
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls::identity;
use crate::tls::client::Settings;

/// The tests are such a proxy.
const PROXY: &str = "proxy_protocol = [\"127.0.0.1/32\"]\n";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: site.example\r\n\r\n";
const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 127.0.0.1 56324 80\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The addresses of a client, 192.0.2.1, and of the proxy, with their ports.
const ADDRESSES: &[u8] = &[192, 0, 2, 1, 127, 0, 0, 1, 0, 1, 0, 80];

/// A gateway over TCP without TLS, with these keys of `[server]`, which is down for all but 192.0.2.0/24.
fn gateway(keys: &str) -> GatewayProcess {
    GatewayProcess::start(&config(keys))
}

fn config(keys: &str) -> String {
    let listen = if keys.contains("listen") { "" } else { "listen = [\"127.0.0.1:0\"]\n" };
    format!("[server]\n{listen}{keys}[exempt]\nnetworks = [\"192.0.2.0/24\"]\n{DOWN}")
}

/// A header of version 2 with this version and command, family and transport, and content.
fn binary(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("short").to_be_bytes();
    [SIGNATURE, &[command, family], &length, content].concat()
}

fn send(gateway: &GatewayProcess, bytes: &[u8]) -> Client {
    let mut client = Client::connect(gateway.address);
    client.send(bytes);
    client
}

/// Sends a header and a request, and returns the status.
fn status(gateway: &GatewayProcess, header: &[u8]) -> u16 {
    send(gateway, &[header, REQUEST].concat()).response("GET").status
}

#[test]
fn the_address_in_the_header_counts_for_networks() {
    let gateway = gateway(PROXY);
    for (header, expected) in [
        (LINE, 200),
        (b"PROXY TCP4 198.51.100.1 127.0.0.1 56324 80\r\n", 503),
        (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 56324 80\r\n", 200),
        (b"PROXY UNKNOWN\r\n", 503),
        (&binary(0x21, 0x11, ADDRESSES), 200),
        (&binary(0x21, 0x11, &[ADDRESSES, &[3, 0, 4, 0, 0, 0, 0]].concat()), 200),
        (&binary(0x21, 0x11, &[127; 12]), 503),
        (&binary(0x20, 0x11, ADDRESSES), 503),
        (&binary(0x21, 0x00, &[]), 503),
    ] {
        assert_eq!(status(&gateway, header), expected, "{}", header.escape_ascii());
    }
}

#[test]
fn a_header_may_be_torn_anywhere() {
    let gateway = gateway(PROXY);
    for header in [LINE, &binary(0x21, 0x11, &[ADDRESSES, &[4, 0, 100], &[0; 100]].concat())] {
        let bytes = [header, REQUEST].concat();
        for at in 1..header.len() + 3 {
            let (first, last) = bytes.split_at(at);
            let mut client = send(&gateway, first);
            client.send(last);
            assert_eq!(client.response("GET").status, 200, "cut at {at}");
            // The connection is kept, and its client stays the same.
            client.send(REQUEST);
            assert_eq!(client.response("GET").status, 200);
        }
        let mut client = Client::connect(gateway.address);
        for byte in &bytes {
            client.send([*byte]);
        }
        assert_eq!(client.response("GET").status, 200);
    }
}

#[test]
fn the_address_in_the_header_is_the_peer_for_forwarding_fields() {
    let forwarded = |trusted: &str, header: &[u8]| {
        let keys = format!("{PROXY}trusted_proxies = [{trusted}]\n");
        let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n".as_bytes();
        send(&gateway(&keys), &[header, request].concat()).response("GET").status
    };
    let client = b"PROXY TCP4 10.0.0.1 127.0.0.1 1 2\r\n";
    assert_eq!(forwarded("\"10.0.0.1\"", client), 200);
    assert_eq!(forwarded("\"127.0.0.1\"", client), 503);
    // An unknown client is trusted by no entry, not even as a peer on a Unix socket.
    assert_eq!(forwarded("\"127.0.0.1\", \"unix:\"", b"PROXY UNKNOWN\r\n"), 503);
}

#[test]
fn anything_else_from_such_a_proxy_is_closed_with_one_line_in_the_log() {
    let gateway = gateway(PROXY);
    let long = [b"PROXY UNKNOWN ", &[b'f'; 100][..], b"\r\n"].concat();
    let huge = binary(0x21, 0x11, &[0; 5000]);
    for bytes in [
        REQUEST,
        b"PROXY TCP4 192.0.2.1 127.0.0.1 56324\r\n",
        b"PROXY TCP4 192.0.2.1 127.0.0.1 56324 80\n",
        b"\x16\x03\x01\x02\x00\x01",
        &binary(0x22, 0x11, ADDRESSES),
        &binary(0x21, 0x11, &ADDRESSES[..11]),
        &long,
        &huge,
    ] {
        let mut client = Client::connect(gateway.address);
        // The gateway may close before it has read everything.
        let _ = std::io::Write::write_all(&mut client.stream, bytes);
        let got = client.rest().unwrap_or_default();
        assert!(got.is_empty(), "{}: {}", bytes.escape_ascii(), got.escape_ascii());
    }
    gateway.log().wait_for("closed a connection from 127.0.0.1, which is in proxy_protocol");
    assert_eq!(status(&gateway, LINE), 200);
    assert_eq!(gateway.log().count("closed a connection"), 1);
}

#[test]
fn a_header_from_a_stranger_is_a_malformed_request() {
    let gateway = gateway("proxy_protocol = [\"192.0.2.0/24\", \"unix:\"]\n");
    for header in [LINE, &binary(0x21, 0x11, ADDRESSES)] {
        assert_eq!(status(&gateway, header), 400, "{}", header.escape_ascii());
    }
    assert_eq!(status(&gateway, b""), 503);
}

#[test]
fn a_header_has_the_time_of_a_handshake() {
    let config = format!("{}[limits]\nhandshake_timeout = \"200ms\"\n", config(PROXY));
    let gateway = GatewayProcess::start(&config);
    assert!(send(&gateway, b"PROXY TCP4").is_closed());
    gateway.log().wait_for("it is not complete after `[limits] handshake_timeout`, 200ms;");
}

#[test]
fn an_edit_counts_for_new_connections() {
    let gateway = gateway("");
    let mut kept = send(&gateway, REQUEST);
    assert_eq!(kept.response("GET").status, 503);
    gateway.apply(&config(PROXY));
    kept.send(REQUEST);
    assert_eq!(kept.response("GET").status, 503);
    assert_eq!(status(&gateway, LINE), 200);
    gateway.apply(&config(""));
    assert_eq!(status(&gateway, LINE), 400);
}

#[test]
fn a_peer_on_a_unix_socket_may_be_such_a_proxy() {
    let gateway = gateway("listen = [\"127.0.0.1:0\", \"unix:http.sock\"]\nproxy_protocol = [\"unix:\"]\n");
    let status = |header: &[u8]| {
        let mut client = Client::connect_unix(&gateway.directory.join("http.sock"));
        client.send([header, REQUEST].concat());
        client.response("GET").status
    };
    assert_eq!(status(LINE), 200);
    assert_eq!(status(b"PROXY TCP4 198.51.100.1 127.0.0.1 1 2\r\n"), 503);
    assert_eq!(gateway.get("/", &[]).status, 503);
}

#[test]
fn the_header_comes_before_tls() {
    let tls = "listen = [\"https://127.0.0.1:0\"]\ntls = [{ cert = \"cert.pem\", key = \"key.pem\" }]\n";
    let directory = ConfigDirectory::with(&config(&format!("{tls}{PROXY}")));
    let (cert, key) = identity(&["site.example"]);
    directory.write("cert.pem", &cert);
    directory.write("key.pem", &key);
    let gateway = GatewayProcess::on(directory);
    for header in [LINE, &binary(0x21, 0x11, ADDRESSES)] {
        let mut client = Settings::default().connect_after(header, gateway.address).expect("a handshake");
        client.send(REQUEST);
        assert_eq!(client.response("GET").status, 200);
    }
    assert!(Settings::default().connect_after(b"", gateway.address).is_err());
}
