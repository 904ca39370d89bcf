//! Requests that an upstream of HTTP/2 has not processed, as it says itself, are sent again (RFC 9113, section 8.7).

use super::h2c_failures::{
    DATA, END_HEAD, END_STREAM, GOAWAY, HEADERS, OK, RST_STREAM, SETTINGS, accept, kept, send, start,
};
use super::{FORMS, GET, POST, response};
use crate::gateway::http2::{frame, until};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::ScriptedUpstream;

const PING: u8 = 6;
const REFUSED_STREAM: u8 = 7;
const CANCEL: u8 = 8;
/// Answers a failure with 502.
const ERRORS: &str = "when_unreachable = \"error\"";

/// Says that streams after `last` were not processed, for this reason.
pub(super) fn goaway(last: u8, reason: u8) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, reason])
}

fn reset(stream: u8, reason: u8) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &[0, 0, 0, reason])
}

/// What an upstream can send to say that it has not processed stream 1.
fn refusals() -> [Vec<u8>; 3] {
    [goaway(0, 0), goaway(0, 2), reset(1, REFUSED_STREAM)]
}

/// Reads the rest of a request whose head was read, and returns its body.
fn body(connection: &mut Client) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let header = connection.take(9).expect("a frame");
        let payload =
            connection.take(usize::from(header[1]) << 8 | usize::from(header[2])).expect("a payload");
        if header[3] == DATA {
            body.extend(payload);
        }
        if matches!(header[3], DATA | HEADERS) && header[4] & END_STREAM != 0 {
            return body;
        }
    }
}

/// Where a request comes that was refused on stream 1: on another stream, or on a connection of its own.
fn again(upstream: &ScriptedUpstream, mut refused: Client, refusal: &[u8]) -> (Client, u8) {
    if refusal[3] == GOAWAY {
        return (accept(upstream), 1);
    }
    let (stream, _) = until(&mut refused, HEADERS);
    (refused, stream)
}

pub(super) fn ping(connection: &mut Client) {
    connection.send(frame(PING, 0, 0, &[0; 8]));
    until(connection, PING);
}

pub(super) fn answer(connection: &mut Client, stream: u8) {
    connection.send(frame(HEADERS, END_HEAD | END_STREAM, stream, OK));
}

/// Ends the connection, so that the next request has one of its own.
pub(super) fn end(mut connection: Client) {
    connection.send(goaway(3, 0));
    let _ = connection.rest();
}

#[test]
fn a_request_with_a_body_is_sent_again_as_it_was() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    for form in FORMS.iter().filter(|form| form.method == "POST") {
        for refusal in refusals() {
            let case = format!("{form:?} {refusal:?}");
            let mut client = send(&gateway, form);
            let mut first = accept(&upstream);
            assert_eq!(body(&mut first), b"hello", "{case}");
            first.send(&refusal);
            let (mut second, stream) = again(&upstream, first, &refusal);
            assert_eq!(body(&mut second), b"hello", "{case}");
            answer(&mut second, stream);
            assert_eq!(response(&mut client, "POST", &case).status, 200, "{case}");
            end(second);
        }
    }
}

/// Sends the head of a request, and accepts it at the upstream.
fn send_head(gateway: &GatewayProcess, upstream: &ScriptedUpstream, fields: &str) -> (Client, Client) {
    let mut client = gateway.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    (client, accept(upstream))
}

#[test]
fn a_body_that_has_not_come_yet_goes_to_the_connection_that_takes_the_request() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    for (fields, sent) in
        [("Content-Length: 5\r\n", "hello"), ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")]
    {
        for refusal in refusals() {
            let case = format!("{fields} {refusal:?}");
            let (mut client, mut first) = send_head(&gateway, &upstream, fields);
            first.send(&refusal);
            let (mut second, stream) = again(&upstream, first, &refusal);
            client.send(sent);
            assert_eq!(body(&mut second), b"hello", "{case}");
            answer(&mut second, stream);
            assert_eq!(response(&mut client, "POST", &case).status, 200, "{case}");
            end(second);
        }
    }
}

#[test]
fn a_body_that_came_after_the_head_in_parts_is_sent_again_as_a_whole() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    for refusal in refusals() {
        let (mut client, mut first) = send_head(&gateway, &upstream, "Content-Length: 5\r\n");
        for part in ["h", "el"] {
            client.send(part);
            assert_eq!(until(&mut first, DATA).1, part.as_bytes());
        }
        first.send(&refusal);
        let (mut second, stream) = again(&upstream, first, &refusal);
        client.send("lo");
        assert_eq!(body(&mut second), b"hello", "{refusal:?}");
        answer(&mut second, stream);
        assert_eq!(response(&mut client, "POST", "in parts").status, 200, "{refusal:?}");
        end(second);
    }
}

#[test]
fn a_client_that_waited_for_100_continue_need_not_know_of_it() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    for refusal in refusals() {
        let (mut client, mut first) =
            send_head(&gateway, &upstream, "Content-Length: 5\r\nExpect: 100-continue\r\n");
        assert_eq!(client.head().expect("a head"), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello");
        assert_eq!(body(&mut first), b"hello");
        first.send(&refusal);
        let (mut second, stream) = again(&upstream, first, &refusal);
        assert_eq!(body(&mut second), b"hello", "{refusal:?}");
        answer(&mut second, stream);
        assert_eq!(response(&mut client, "POST", "after 100").status, 200, "{refusal:?}");
        end(second);
    }
}

/// `SETTINGS_INITIAL_WINDOW_SIZE` of 0: no content may be sent.
const NO_WINDOW: &[u8] = &[0, 4, 0, 0, 0, 0];
/// `SETTINGS_MAX_CONCURRENT_STREAMS` of 1.
const ONE_STREAM: &[u8] = &[0, 3, 0, 0, 0, 1];

#[test]
fn a_body_that_the_upstream_has_not_taken_is_not_lost() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    let long = "x".repeat(60_000);
    for is_split in [false, true] {
        for refusal in [goaway(1, 0), goaway(1, 2)] {
            let case = format!("{is_split} {refusal:?}");
            let (mut client, mut first) = kept(&gateway, &upstream);
            first.send(frame(SETTINGS, 0, 0, NO_WINDOW));
            ping(&mut first);
            let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
            let (now, later) =
                if is_split { (head.to_owned(), &*long) } else { (format!("{head}{long}"), "") };
            client.send(now);
            assert_eq!(until(&mut first, HEADERS).0, 3);
            client.send(later);
            // The gateway answers when it has read what came before.
            for _ in 0..2 {
                ping(&mut first);
            }
            first.send(&refusal);
            let mut second = accept(&upstream);
            assert_eq!(body(&mut second), long.as_bytes(), "{case}");
            answer(&mut second, 1);
            assert_eq!(response(&mut client, "POST", &case).status, 200, "{case}");
            end(second);
        }
    }
}

#[test]
fn a_connection_that_goes_away_and_serves_its_last_request_takes_no_other() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    for form in FORMS {
        let mut waiting = send(&gateway, &GET);
        let mut first = accept(&upstream);
        first.send(goaway(1, 0));
        // The gateway answers when it has read the GOAWAY.
        ping(&mut first);
        let mut client = send(&gateway, &form);
        let mut second = accept(&upstream);
        answer(&mut second, 1);
        assert_eq!(response(&mut client, form.method, "the next").status, 200, "{form:?}");
        answer(&mut first, 1);
        assert_eq!(response(&mut waiting, "GET", "the last").status, 200, "{form:?}");
        end(second);
    }
}

#[test]
fn a_request_is_refused_twice_at_most() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    for form in [GET, POST] {
        for refusal in [goaway(0, 0), goaway(0, 2)] {
            let mut client = send(&gateway, &form);
            for _ in 0..2 {
                let mut connection = accept(&upstream);
                connection.send(&refusal);
                let _ = connection.rest();
            }
            assert_eq!(response(&mut client, form.method, "refused").status, 502, "{form:?} {refusal:?}");
            assert!(upstream.accept_if_connected().is_none(), "{form:?} {refusal:?}: a third time");
        }
    }
}

#[test]
fn a_post_that_the_upstream_may_have_processed_is_not_sent_again() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    for said in [goaway(3, 0), goaway(3, 2), reset(3, CANCEL), reset(3, 0), reset(3, 2), Vec::new()] {
        let (mut client, mut connection) = kept(&gateway, &upstream);
        client.send(POST.request("/"));
        assert_eq!(body(&mut connection), b"hello");
        connection.send(&said);
        drop(connection);
        assert_eq!(response(&mut client, "POST", "processed").status, 502, "{said:?}");
        assert!(upstream.accept_if_connected().is_none(), "{said:?}: a second time");
    }
}

/// `SETTINGS_INITIAL_WINDOW_SIZE` of 1 MiB.
const LARGE_WINDOW: &[u8] = &[0, 4, 0, 0x10, 0, 0];
const WINDOW_UPDATE: u8 = 8;

/// Lets the gateway send 1 MiB on each stream of a connection.
fn open_window(connection: &mut Client) {
    connection.send(frame(SETTINGS, 0, 0, LARGE_WINDOW));
    connection.send(frame(WINDOW_UPDATE, 0, 0, &[0, 0x10, 0, 0]));
}

#[test]
fn a_long_body_is_kept_for_another_attempt_up_to_256_kib() {
    let upstream = ScriptedUpstream::bind();
    let gateway = start(&upstream, ERRORS);
    for (length, is_kept) in [(20_000, true), (250_000, true), (600_000, false)] {
        let body_of_it: Vec<u8> = (0..length).map(|number: usize| (number / 7).to_le_bytes()[0]).collect();
        for refusal in refusals() {
            let case = format!("{length} {refusal:?}");
            let mut client = gateway.connect();
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
            let mut first = accept(&upstream);
            open_window(&mut first);
            client.send(&body_of_it);
            assert!(body(&mut first) == body_of_it, "{case}");
            first.send(&refusal);
            if is_kept {
                let is_new = refusal[3] == GOAWAY;
                let (mut second, stream) = again(&upstream, first, &refusal);
                if is_new {
                    open_window(&mut second);
                }
                assert!(body(&mut second) == body_of_it, "{case}");
                answer(&mut second, stream);
                assert_eq!(response(&mut client, "POST", &case).status, 200, "{case}");
                end(second);
            } else {
                assert_eq!(response(&mut client, "POST", &case).status, 502, "{case}");
                assert!(upstream.accept_if_connected().is_none(), "{case}: a second time");
                end(first);
            }
        }
    }
}

#[test]
fn a_request_that_waits_for_a_stream_is_sent_over_another_connection() {
    let upstream = ScriptedUpstream::bind();
    // All workers share one connection.
    let gateway = start(&upstream, &format!("{ERRORS}\n[limits]\nupstream_connections = 1"));
    for form in FORMS {
        let (mut waiting, mut first) = kept(&gateway, &upstream);
        first.send(frame(SETTINGS, 0, 0, ONE_STREAM));
        ping(&mut first);
        waiting.send(GET.request("/"));
        assert_eq!(until(&mut first, HEADERS).0, 3, "{form:?}");
        let mut client = send(&gateway, &form);
        // It may also come later.
        for _ in 0..3 {
            ping(&mut first);
        }
        first.send(goaway(3, 0));
        answer(&mut first, 3);
        let _ = first.rest();
        let mut second = accept(&upstream);
        answer(&mut second, 1);
        assert_eq!(response(&mut client, form.method, "the next").status, 200, "{form:?}");
        end(second);
    }
}
