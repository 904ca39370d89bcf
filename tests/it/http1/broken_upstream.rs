//! An upstream that breaks off never gives an empty or a shortened response that looks complete.

use std::io::ErrorKind;

use rustix::net::sockopt::set_tcp_cork;

use super::messages::{ReceivedRequest, read_chunks};
use super::{FORMS, GET, RequestForm, SERVERS, response, site};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

/// Sends these bytes and the end of the connection as one segment.
fn send_and_close(mut client: Client, bytes: &[u8]) {
    set_tcp_cork(&client.stream, true).expect("set");
    client.send(bytes);
    drop(client);
}

/// Closes a connection with a reset.
fn reset(client: Client) {
    let linger = Some(std::time::Duration::ZERO);
    socket2::SockRef::from(&client.stream).set_linger(linger).expect("linger");
    drop(client);
}

/// Sends a request of this form, and returns the client and the upstream's end, which has read the request.
fn forwarded(gateway: &GatewayProcess, upstream: &ScriptedUpstream, form: &RequestForm) -> (Client, Client) {
    let mut client = gateway.connect();
    client.send(form.request("/"));
    let mut received = upstream.accept();
    ReceivedRequest::read(&mut received).unwrap_or_else(|error| panic!("{form:?}: {error}"));
    (client, received)
}

/// Responses whose connection ends right after the head, or whose first chunk is malformed.
const BROKEN_AT_THE_START: [&str; 16] = [
    "200 OK\r\nContent-Length: 5\r\n\r\n",
    "500 Internal Server Error\r\nContent-Length: 5\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n<html>hello</html>",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n\r\n",
];

#[test]
fn an_upstream_that_breaks_off_after_its_head_gives_the_page_or_502() {
    let upstream = ScriptedUpstream::bind();
    for server in SERVERS {
        for (policy, status, downtime) in
            [("", 503, Some("unreachable")), ("when_unreachable = \"error\"", 502, None)]
        {
            let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), policy)));
            for said in BROKEN_AT_THE_START {
                for form in FORMS {
                    let case = format!("{said:?} to {form:?} with {policy:?}");
                    let (mut client, received) = forwarded(&gateway, &upstream, &form);
                    send_and_close(received, format!("HTTP/1.1 {said}").as_bytes());
                    let found = response(&mut client, form.method, &case);
                    assert_eq!((found.status, found.downtime()), (status, downtime), "{case}");
                    assert!(!found.body.is_empty(), "{case}");
                }
            }
            gateway.log().wait_for("is unreachable: ");
        }
    }
}

/// Parts of a response, all of which the client gets before the upstream breaks off.
const PARTS: [&str; 3] = [
    "Content-Length: 10\r\n\r\nhello",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "Transfer-Encoding: chunked\r\n\r\na\r\nhello",
];

/// Waits for the head of a response and the `hello` after it. Returns the head in lower case, and keeps the rest unread.
fn head_and_hello(client: &mut Client, case: &str) -> String {
    let head = client.head().unwrap_or_else(|error| panic!("{case}: {error}")).to_lowercase();
    while !client.unread.windows(5).any(|window| window == b"hello") {
        let begun = client.take(client.unread.len() + 1).unwrap_or_else(|error| panic!("{case}: {error}"));
        client.unread.splice(..0, begun);
    }
    head
}

/// Reads the rest of the response with this head. Returns true if it looks complete.
fn looks_complete(client: &mut Client, head: &str, case: &str) -> bool {
    if head.contains("\r\ntransfer-encoding: chunked\r\n") {
        return read_chunks(client).is_ok();
    }
    match client.rest() {
        Ok(body) => {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.is_none_or(|length| body.len() >= length.parse().expect("a length"))
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{case}");
            false
        }
    }
}

/// Begins a response, lets `break_off` end it after the client has read the part, and asserts that the client can tell.
fn assert_cut(said: &str, what: &str, break_off: impl Fn(Client)) {
    let upstream = ScriptedUpstream::bind();
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            let case = format!("{what} after {said:?} to {form:?}");
            let (mut client, mut received) = forwarded(&gateway, &upstream, &form);
            received.send(format!("HTTP/1.1 200 OK\r\n{said}"));
            let head = head_and_hello(&mut client, &case);
            break_off(received);
            assert!(!looks_complete(&mut client, &head, &case), "{case}: it looks complete");
        }
    }
}

#[test]
fn a_response_that_ends_early_never_looks_complete() {
    for said in PARTS {
        assert_cut(said, "a close", drop);
    }
}

#[test]
fn the_first_broken_response_is_logged_with_its_reason() {
    let upstream = ScriptedUpstream::bind();
    let gateway = GatewayProcess::start(&site(&upstream.url(), ""));
    for _ in 0..5 {
        let mut client = gateway.connect();
        client.send(GET.request("/"));
        let mut connection = upstream.accept();
        connection.head().expect("a request");
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        client.read_through(b"hello").expect("the beginning");
        drop(connection);
        assert!(client.rest().unwrap_or_default().is_empty());
    }
    let line = gateway.log().wait_for("a response to 127.0.0.1 was cut off: ");
    assert!(line.contains("WARN") && line.contains("; more are counted each minute"), "{line}");
    gateway.apply(&site(&upstream.url(), "# again"));
    assert_eq!(gateway.log().count("was cut off"), 1, "{}", gateway.log().text());
}

#[test]
fn a_response_that_ends_in_a_reset_never_looks_complete() {
    for said in PARTS {
        assert_cut(said, "a reset", reset);
    }
    // Without a length, a clean end is the end of the body, and a reset is not.
    assert_cut("Connection: close\r\n\r\nhello", "a reset", reset);
}

#[test]
fn a_response_with_a_malformed_chunk_never_looks_complete() {
    for malformed in
        ["nonsense\r\n", "\r\n", "5\nhello\r\n0\r\n\r\n", "-0\r\n\r\n", "0\n\n", "0\r\nX : y\r\n\r\n"]
    {
        let said = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
        assert_cut(said, malformed, |mut upstream| {
            upstream.send(malformed);
            // The gateway ends both connections although the upstream leaves its own open.
            let _ = upstream.rest();
        });
    }
}

#[test]
fn a_response_until_close_is_complete_at_a_clean_end() {
    let upstream = ScriptedUpstream::bind();
    for server in SERVERS {
        let gateway = GatewayProcess::start(&format!("{server}{}", site(&upstream.url(), "")));
        for form in FORMS {
            for said in ["HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.0 200 OK\r\n\r\nhello"] {
                let (mut client, mut received) = forwarded(&gateway, &upstream, &form);
                received.send(said);
                drop(received);
                let head = head_and_hello(&mut client, said);
                assert!(looks_complete(&mut client, &head, said), "{said:?} to {form:?}");
            }
        }
    }
}

#[test]
fn an_upstream_that_closes_before_its_head_gives_the_page_or_502_in_every_form() {
    let upstream = ScriptedUpstream::bind();
    for (policy, status) in [("", 503), ("when_unreachable = \"error\"", 502)] {
        let gateway = GatewayProcess::start(&site(&upstream.url(), policy));
        for form in FORMS {
            for said in [
                "",
                "H",
                "HTTP/1.1 200 OK\r\nContent-",
                "nonsense\r\n\r\n",
                "HTTP/1.1 103 Early Hints\r\n\r\n",
            ] {
                for resets in [false, true] {
                    let case = format!("{said:?} to {form:?}, reset: {resets}");
                    let (mut client, mut received) = forwarded(&gateway, &upstream, &form);
                    received.send(said);
                    if resets {
                        reset(received);
                    } else {
                        drop(received);
                    }
                    assert_eq!(response(&mut client, form.method, &case).status, status, "{case}");
                }
            }
        }
    }
}
