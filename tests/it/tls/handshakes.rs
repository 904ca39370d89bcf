//! Handshakes: versions, protocols, resumption, and clients that speak something else.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;

use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ProtocolVersion};

use super::client::Settings;
use super::{Identity, any_gateway, config, connect, gateway};
use crate::http1::messages::RecordingUpstream;
use crate::support::http::{Client, read};
use crate::upstreams::ScriptedUpstream;

const NAME: &str = "site.example";
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[test]
fn tls_1_2_and_1_3_are_spoken() {
    let gateway = any_gateway();
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut client = Settings::new(NAME, &[version], &[]).connect(gateway.address);
        assert_eq!(client.version(), expected);
        for _ in 0..2 {
            assert_eq!(client.request("GET", "/", &[]).status, 200);
        }
    }
}

#[test]
fn a_session_is_resumed_also_after_a_reload() {
    let gateway = any_gateway();
    for version in [&TLS12, &TLS13] {
        let settings = Settings::new(NAME, &[version], &[]);
        let kind = || {
            let mut client = settings.connect(gateway.address);
            // TLS 1.3 sends tickets after the handshake.
            assert_eq!(client.request("GET", "/", &[]).status, 200);
            client.stream.conn.handshake_kind()
        };
        assert_eq!(kind(), Some(HandshakeKind::Full));
        assert_eq!(kind(), Some(HandshakeKind::Resumed));
        gateway.apply(&config(1, &format!("# {version:?}")));
        assert_eq!(kind(), Some(HandshakeKind::Resumed));
    }
}

#[test]
fn http_2_and_http_1_1_are_offered_and_only_what_was_agreed_on_is_spoken() {
    let gateway = any_gateway();
    let get = "GET / HTTP/1.1\r\nHost: site.example\r\n\r\n";
    for (offered, agreed, sent, expected) in [
        (&["h2", "http/1.1"][..], Some("h2"), PREFACE, ""),
        (&["http/1.1", "h2"], Some("h2"), PREFACE, ""),
        (&["http/1.1"], Some("http/1.1"), get, "HTTP/1.1 200 "),
        (&[], None, get, "HTTP/1.1 200 "),
        (&["h2"], Some("h2"), get, "HTTP/1.1 400 "),
        (&["http/1.1"], Some("http/1.1"), PREFACE, "HTTP/1.1 505 "),
        (&[], None, PREFACE, "HTTP/1.1 505 "),
    ] {
        let mut client = Settings::new(NAME, rustls::ALL_VERSIONS, offered).connect(gateway.address);
        let found = client.stream.conn.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(found.as_deref(), agreed.map(str::as_bytes), "{offered:?}");
        client.send(sent);
        let begin = client.take(9).unwrap_or_else(|error| panic!("{offered:?} {sent:?}: {error}"));
        if expected.is_empty() {
            assert_eq!(begin[3], 4, "SETTINGS");
        } else {
            client.unread.splice(..0, begin);
            let head = client.head().expect("a head");
            assert!(head.starts_with(expected), "{offered:?} {sent:?}: {head}");
        }
    }
}

#[test]
fn a_protocol_that_is_not_offered_fails_the_handshake() {
    let gateway = any_gateway();
    let refused = Settings::new(NAME, rustls::ALL_VERSIONS, &["spdy/1"]).try_connect(gateway.address);
    assert!(refused.is_err_and(|error| error.to_string().contains("NoApplicationProtocol")));
    assert_eq!(connect(&gateway).request("GET", "/", &[]).status, 200);
}

#[test]
fn http_without_tls_gets_an_explanation() {
    let gateway = any_gateway();
    for sent in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "P", PREFACE] {
        let mut client = Client::connect(gateway.address);
        client.send(sent);
        let response = client.response("GET");
        assert_eq!((response.status, response.field("connection")), (400, Some("close")));
        assert_eq!(response.text(), "this port speaks HTTPS: write https:// in the URL\n");
    }
}

#[test]
fn a_proxy_header_from_a_peer_that_is_not_listed_gets_an_explanation() {
    let gateway = any_gateway();
    for sent in ["PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let mut client = Client::connect(gateway.address);
        client.send(sent);
        let response = client.response("GET");
        assert_eq!((response.status, response.field("connection")), (400, Some("close")), "{sent:?}");
        let expected = "the connection begins with a header of the PROXY protocol, but its peer is not in `[server] proxy_protocol`";
        assert_eq!(response.text().trim_end(), expected, "{sent:?}");
    }
    gateway.log().wait_for("400 Bad Request: the connection begins with a header of the PROXY protocol");
}

#[test]
fn garbage_ends_the_connection() {
    let gateway = any_gateway();
    let mut client = Client::connect(gateway.address);
    client.send([0x16, 3, 1, 0xff, 0xff, 1, 2, 3]);
    let mut got = Vec::new();
    // An alert may come before the end.
    let _ = client.stream.read_to_end(&mut got);
    assert!(!got.starts_with(b"HTTP"), "{got:?}");
}

#[test]
fn a_client_within_its_handshake_does_not_keep_others_waiting() {
    let gateway = any_gateway();
    let silent: Vec<_> = (0..64).map(|_| Client::connect(gateway.address)).collect();
    let mut begun = Client::connect(gateway.address);
    begun.send([0x16, 3, 1]);
    assert_eq!(connect(&gateway).request("GET", "/", &[]).status, 200);
    drop(silent);
}

#[test]
fn the_end_is_announced_so_that_it_is_not_taken_for_a_cut() {
    let gateway = any_gateway();
    for (version, field) in [(&TLS12, "Connection: close"), (&TLS13, "Connection: close")] {
        let mut client = Settings::new(NAME, &[version], &[]).connect(gateway.address);
        assert_eq!(client.request("GET", "/", &[field]).status, 200);
        // Without close_notify this is an error.
        assert_eq!(read(&mut client.stream, &mut [0]).expect("close_notify"), 0);
    }
    let mut client = connect(&gateway);
    client.send("BAD\r\n\r\n");
    assert_eq!(client.response("GET").status, 400);
    assert_eq!(read(&mut client.stream, &mut [0]).expect("close_notify"), 0);
}

#[test]
fn a_client_that_announces_its_end_early_gets_its_response() {
    let upstream = RecordingUpstream::start(&[]);
    let site = format!("[site]\nupstream = \"{}\"\n", upstream.url());
    let gateway = gateway(&[&Identity::new(&[NAME])], &site);
    for _ in 0..20 {
        let mut client = connect(&gateway);
        client.send("GET / HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n");
        client.stream.conn.send_close_notify();
        client.stream.flush().expect("sent");
        client.stream.sock.shutdown(Shutdown::Write).expect("shut down");
        upstream.request("a request");
        // A close with unread bytes would reset the connection, and the system would drop what was not read yet.
        assert_eq!(client.response("GET").text(), "the site");
        assert_eq!(read(&mut client.stream, &mut [0]).expect("close_notify"), 0);
    }
}

#[test]
fn a_response_that_is_cut_ends_without_an_announcement() {
    let upstream = ScriptedUpstream::bind();
    let site = format!("[site]\nupstream = \"{}\"\n", upstream.url());
    let gateway = gateway(&[&Identity::new(&[NAME])], &site);
    let mut client = connect(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: site.example\r\n\r\n");
    let mut connection = upstream.accept();
    connection.head().expect("a request");
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    client.head().expect("a head");
    drop(connection);
    let mut got = Vec::new();
    let error = client.stream.read_to_end(&mut got).expect_err("a cut");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn the_upstream_sees_that_the_request_came_over_https() {
    let upstream = RecordingUpstream::start(&[]);
    let site = format!("[site]\nupstream = \"{}\"\n", upstream.url());
    let gateway = gateway(&[&Identity::new(&[NAME])], &site);
    let mut client = connect(&gateway);
    assert_eq!(client.request("GET", "/", &["X-Forwarded-Proto: http"]).text(), "the site");
    assert_eq!(upstream.request("a request").values("x-forwarded-proto"), ["https"]);
}

#[test]
fn a_large_body_passes_both_ways() {
    let upstream = RecordingUpstream::start(&[]);
    let site = format!("[site]\nupstream = \"{}\"\n", upstream.url());
    let gateway = gateway(&[&Identity::new(&[NAME])], &site);
    let mut client = connect(&gateway);
    let body = vec![b'x'; 1 << 20];
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    client.stream.write_all(&body).expect("sent");
    assert_eq!(client.response("POST").text(), "the site");
    assert_eq!(upstream.request("a request").body.len(), body.len());
}

#[test]
fn a_client_that_does_not_complete_its_handshake_is_disconnected_and_the_log_says_so() {
    let limits = "[limits]\nhandshake_timeout = \"1s\"\n";
    let gateway = gateway(&[&Identity::new(&[NAME])], limits);
    for begin in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut client = Client::connect(gateway.address);
        client.send(begin);
        // Closing with bytes that were not read resets the connection.
        let _ = client.rest();
    }
    let line = "127.0.0.1 took longer for a TLS handshake than `[limits] handshake_timeout`";
    gateway.log().wait_for(line);
    assert_eq!(gateway.log().count(line), 1, "one line a minute");
}
