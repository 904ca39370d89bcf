//! Upstreams of HTTP/2 that fail, or send what HTTP/2 does not allow.

use std::io::Write as _;

use super::{FORMS, GET, POST, RequestForm, response, site};
use crate::gateway::http2::{frame, until};
use crate::support::closed_port::ClosedPort;
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const GOAWAY: u8 = 7;
pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEAD: u8 = 4;
/// `:status: 200` as an index.
pub(super) const OK: &[u8] = b"\x88";

/// A field as HPACK, without an index and without Huffman codes.
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).expect("a short text");
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

pub(super) fn start(upstream: &ScriptedUpstream, more: &str) -> GatewayProcess {
    GatewayProcess::start(&site(&upstream.url().replace("http:", "h2c:"), more))
}

/// Accepts a connection and its first request, which is on stream 1.
pub(super) fn accept(upstream: &ScriptedUpstream) -> Client {
    let mut connection = upstream.accept();
    connection.send(frame(SETTINGS, 0, 0, b""));
    connection.take(24).expect("a preface");
    assert_eq!(until(&mut connection, HEADERS).0, 1);
    connection.send(frame(SETTINGS, ACK, 0, b""));
    connection
}

pub(super) fn send(gateway: &GatewayProcess, form: &RequestForm) -> Client {
    let mut client = gateway.connect();
    client.send(form.request("/"));
    client
}

/// Serves `/` once on a connection, so that it is kept.
pub(super) fn kept(gateway: &GatewayProcess, upstream: &ScriptedUpstream) -> (Client, Client) {
    let mut client = send(gateway, &GET);
    let mut connection = accept(upstream);
    connection.send(frame(HEADERS, END_HEAD | END_STREAM, 1, OK));
    assert_eq!(response(&mut client, "GET", "the first").status, 200);
    (client, connection)
}

#[test]
fn a_malformed_response_gives_502_and_no_part_of_it_is_forwarded() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "when_unreachable = \"error\"");
    for (name, value) in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("Name", "a"),
        ("", "a"),
        ("na me", "a"),
        ("name", "a\r\nset-cookie: b=1"),
        ("name", "a\0b"),
        (":status", "201"),
        ("content-length", "+5"),
        ("content-length", "-1"),
        ("content-length", ""),
        ("content-length", "5,6"),
        ("content-length", "99999999999999999999999"),
    ] {
        let case = format!("{name:?}: {value:?}");
        let mut client = send(&gateway, &GET);
        let mut connection = accept(&upstream);
        connection.send(frame(HEADERS, END_HEAD, 1, &[OK, &field(name, value)].concat()));
        // The gateway may have closed the connection before.
        let _ = connection.stream.write_all(&frame(DATA, END_STREAM, 1, b"hello"));
        let found = response(&mut client, "GET", &case);
        assert_eq!((found.status, found.field("set-cookie")), (502, None), "{case}: {found:?}");
        assert!(!found.text().contains("hello"), "{case}: {found:?}");
        // The next case has a connection of its own.
        let _ = connection.stream.write_all(&frame(GOAWAY, 0, 0, &[0; 8]));
        let _ = connection.rest();
    }
}

#[test]
fn a_response_without_a_status_gives_502() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "when_unreachable = \"error\"");
    let mut client = send(&gateway, &GET);
    let mut connection = accept(&upstream);
    connection.send(frame(HEADERS, END_HEAD | END_STREAM, 1, &field("name", "a")));
    assert_eq!(response(&mut client, "GET", "no status").status, 502);
}

#[test]
fn content_of_another_length_than_announced_never_looks_complete() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "");
    for (length, sent) in [("5", "hell"), ("5", "hello!")] {
        let case = format!("{sent:?} of {length}");
        let mut client = send(&gateway, &GET);
        let mut connection = accept(&upstream);
        connection.send(frame(HEADERS, END_HEAD, 1, &[OK, &field("content-length", length)].concat()));
        connection.send(frame(DATA, END_STREAM, 1, sent.as_bytes()));
        if let Ok(found) = client.try_response("GET") {
            assert_eq!((found.status, found.downtime()), (503, Some("unreachable")), "{case}: {found:?}");
        }
        let _ = connection.stream.write_all(&frame(GOAWAY, 0, 0, &[0; 8]));
        let _ = connection.rest();
    }
}

#[test]
fn a_response_that_breaks_off_never_looks_complete() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "");
    let reset: &[u8] = &frame(RST_STREAM, 0, 1, &[0, 0, 0, 2]);
    let goes_away: &[u8] = &frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 2]);
    for (length, end) in
        [(None, reset), (Some("10"), reset), (None, goes_away), (None, b""), (Some("10"), b"")]
    {
        let case = format!("{length:?} {end:?}");
        let mut client = send(&gateway, &GET);
        let mut connection = accept(&upstream);
        let fields = length.map_or_else(Vec::new, |length| field("content-length", length));
        connection.send(frame(HEADERS, END_HEAD, 1, &[OK, &fields].concat()));
        connection.send(frame(DATA, 0, 1, b"hello"));
        let head = client.head().expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{case}: {head}");
        connection.send(end);
        if end == reset {
            connection.send(frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]));
        }
        drop(connection);
        let body = client.rest();
        let is_whole = match length {
            Some(_) => body.as_ref().is_ok_and(|body| body.len() == 10),
            None => body.as_ref().is_ok_and(|body| body.ends_with(b"0\r\n\r\n")),
        };
        assert!(!is_whole, "{case}: {body:?}");
    }
}

#[test]
fn an_upstream_that_refuses_resets_or_is_slow_gives_what_is_configured() {
    let upstream = ScriptedUpstream::bind();
    for (policy, codes) in [("", [503, 503]), ("when_unreachable = \"error\"\n", [502, 504])] {
        // A busy machine may take longer than 200 ms until the connection is dropped.
        for (ends, timeout) in [(true, ""), (false, "response_timeout = \"200ms\"\n")] {
            let gateway = start(&upstream, &format!("{policy}{timeout}"));
            let mut client = send(&gateway, &POST);
            let connection = accept(&upstream);
            let expected = codes[usize::from(!ends)];
            // Dropped long before a minute is over, or kept beyond the response time.
            let kept = (!ends).then_some(connection);
            assert_eq!(response(&mut client, "POST", "it fails").status, expected, "{policy:?} {ends}");
            drop(kept);
        }
        let port = ClosedPort::bind();
        let gateway = GatewayProcess::start(&site(&port.url().replace("http:", "h2c:"), policy));
        assert_eq!(gateway.get("/", &[]).status, codes[0], "{policy:?}");
    }
}

#[test]
fn a_request_on_a_connection_that_has_died_is_repeated_once_if_it_is_safe() {
    for (form, is_repeated) in [(GET, true), (POST, false)] {
        let upstream = ScriptedUpstream::bind();
        let gateway = start(&upstream, "when_unreachable = \"error\"");
        let (mut client, mut connection) = kept(&gateway, &upstream);
        client.send(form.request("/"));
        assert_eq!(until(&mut connection, HEADERS).0, 3);
        drop(connection);
        if is_repeated {
            // It dies again.
            drop(accept(&upstream));
        }
        assert_eq!(response(&mut client, form.method, "no second time").status, 502, "{form:?}");
        assert!(upstream.accept_if_connected().is_none(), "{form:?}");
    }
}

#[test]
fn a_request_of_any_form_uses_a_new_connection_if_the_upstream_has_closed_the_idle_one() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "");
    for form in FORMS {
        let (_, mut connection) = kept(&gateway, &upstream);
        connection.send(frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]));
        let _ = connection.rest();
        let mut client = send(&gateway, &form);
        let mut connection = accept(&upstream);
        connection.send(frame(HEADERS, END_HEAD | END_STREAM, 1, OK));
        assert_eq!(response(&mut client, form.method, "a new one").status, 200, "{form:?}");
        connection.send(frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]));
        let _ = connection.rest();
    }
}

#[test]
fn trailers_of_the_upstream_are_filtered_like_fields() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, "");
    let mut client = gateway.connect();
    client.send(GET.with_fields("/", "TE: trailers\r\n"));
    let mut connection = accept(&upstream);
    connection.send(frame(HEADERS, END_HEAD, 1, OK));
    connection.send(frame(DATA, 0, 1, b"hello"));
    let trailers = [
        ("x-sum", "1"),
        ("content-length", "9"),
        ("set-cookie", "a=1"),
        ("proxy-authenticate", "a"),
        ("host", "b"),
    ];
    let trailers: Vec<_> = trailers.iter().flat_map(|(name, value)| field(name, value)).collect();
    connection.send(frame(HEADERS, END_HEAD | END_STREAM, 1, &trailers));
    let found = response(&mut client, "GET", "trailers");
    assert_eq!(found.text(), "hello");
    assert!(found.trailers.contains(&"x-sum: 1".to_owned()), "{found:?}");
    for name in ["content-length", "proxy-authenticate"] {
        assert!(found.trailers.iter().all(|trailer| !trailer.starts_with(name)), "{name}: {found:?}");
    }
}
