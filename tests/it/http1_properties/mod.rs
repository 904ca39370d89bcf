//! Whatever bytes a client or an upstream sends, the other side receives whole messages that a strict reader reads in the
//! same way, and nothing of a body is read as a head.
//!
//! `PROPTEST_CASES` sets the number of streams.

mod exchange;
mod generated;
mod strict;

use std::cell::Cell;
use std::io::Cursor;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use self::exchange::{Exchange, Received};
use self::generated::{GeneratedStream, requests, response};
use self::strict::Message;
use crate::http1::messages::ReceivedRequest;
use crate::support::http::Client;

/// Enough to reach every kind of message, within a few seconds.
const CASES: u32 = 400;

#[test]
fn the_upstream_receives_the_requests_that_a_strict_reader_reads_and_no_other() {
    let exchange = Exchange::start();
    run(requests(), |stream| check_requests(&exchange, stream));
}

#[test]
fn the_client_receives_the_response_that_a_strict_reader_reads_or_an_error() {
    let exchange = Exchange::start();
    run(response(), |stream| check_response(&exchange, stream));
}

/// Checks streams. `check` returns how many messages were forwarded: a good part must be.
fn run(streams: impl Strategy<Value = GeneratedStream>, check: impl Fn(&GeneratedStream) -> usize) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let forwarded = Cell::new(0);
    let ran = TestRunner::new(config).run(&streams, |stream| {
        forwarded.set(forwarded.get() + check(&stream));
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
    let forwarded = forwarded.get();
    assert!(forwarded > cases as usize / 4, "only {forwarded} messages of {cases} streams were forwarded");
}

/// Sends requests. Returns how many the upstream received.
fn check_requests(exchange: &Exchange, stream: &GeneratedStream) -> usize {
    let raw = exchange.send(stream);
    let expected = strict::requests(&stream.bytes);
    let mut count = 0;
    for received in exchange.received() {
        match received {
            Received::Request(bytes) => {
                let request = read_strictly(bytes).unwrap_or_else(|error| panic!("{stream:?}: {error}"));
                let Some(expected) = expected.get(count) else {
                    panic!("{stream:?}: {request:?} is not expected")
                };
                assert_same(&request, expected);
                count += 1;
            }
            // It may be of an earlier stream.
            Received::Rest(bytes) => {
                assert!(read_strictly(bytes).is_err_and(|error| is_end(&error)), "{stream:?}");
            }
        }
    }
    check_answers(&raw, &expected, count);
    count
}

fn read_strictly(bytes: Vec<u8>) -> Result<ReceivedRequest, String> {
    let mut client = Client { stream: Cursor::new(bytes), unread: Vec::new() };
    let request = ReceivedRequest::read(&mut client)?;
    let left = client.stream.get_ref().len() as u64 - client.stream.position() + client.unread.len() as u64;
    if left == 0 { Ok(request) } else { Err(format!("{left} bytes are left")) }
}

/// Returns true for the error that says that more bytes are needed.
fn is_end(error: &str) -> bool {
    error == std::io::Error::from(std::io::ErrorKind::UnexpectedEof).to_string()
}

/// Asserts that the upstream received what the client sent.
fn assert_same(received: &ReceivedRequest, sent: &Message) {
    let line = [&sent.line[0][..], b" ", &origin_form(&sent.line[0], &sent.line[1]), b" HTTP/1.1"].concat();
    assert_eq!(received.line().escape_ascii().to_string(), line.escape_ascii().to_string());
    assert_eq!(received.body.escape_ascii().to_string(), sent.body.escape_ascii().to_string());
    let options = sent.values("connection").join(&b',').to_ascii_lowercase();
    for name in ["x-a", "x-b"] {
        let is_option =
            options.split(|byte| *byte == b',').any(|option| option.trim_ascii() == name.as_bytes());
        let values = sent.values(name).into_iter().map(|value| String::from_utf8_lossy(value).into_owned());
        let expected: Vec<_> = if is_option { Vec::new() } else { values.collect() };
        assert_eq!(received.values(name), expected, "{name}");
    }
}

/// The target as it is forwarded (RFC 9112, section 3.2).
fn origin_form(method: &[u8], target: &[u8]) -> Vec<u8> {
    let scheme = target.windows(3).position(|window| window == b"://");
    let Some(at) = scheme.filter(|_| !target.starts_with(b"/")) else { return target.to_vec() };
    let rest = &target[at + 3..];
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    match &rest[end..] {
        [] if method == b"OPTIONS" => b"*".to_vec(),
        [b'/', ..] => rest[end..].to_vec(),
        rest => [b"/", rest].concat(),
    }
}

/// Asserts that each forwarded request was answered, and that the next one was refused if there is one.
fn check_answers(raw: &[u8], expected: &[Message], forwarded: usize) {
    let mut rest = raw;
    for request in &expected[..forwarded] {
        let answer = strict::response(&mut rest, &request.line[0], true);
        let answer = answer.unwrap_or_else(|| panic!("{}", raw.escape_ascii()));
        assert_eq!(answer.status(), 200, "{}", raw.escape_ascii());
    }
    let refusal = strict::response(&mut rest, b"GET", true);
    assert!(refusal.is_some() || forwarded == expected.len(), "{}", raw.escape_ascii());
    assert!(
        refusal.is_none_or(|refusal| refusal.status() >= 400 && refusal.closes()),
        "{}",
        raw.escape_ascii()
    );
    assert_eq!(rest, b"");
}

/// Lets the upstream send a response. Returns 1 if the client received it, 0 if it received an error.
fn check_response(exchange: &Exchange, stream: &GeneratedStream) -> usize {
    let raw = exchange.receive(stream);
    let case = || format!("{stream:?}: {}", raw.escape_ascii());
    let expected = strict::response(&mut stream.bytes.as_slice(), b"GET", true);
    let mut rest = raw.as_slice();
    let Some(first) = strict::response(&mut rest, b"GET", true) else {
        assert!(expected.is_none(), "{}", case());
        return 0;
    };
    let is_error = first.status() == 502;
    if !is_error {
        let same = expected.map(|expected| (expected.status(), expected.body));
        assert_eq!(same, Some((first.status(), first.body)), "{}", case());
    }
    let next = strict::response(&mut rest, b"GET", true).unwrap_or_else(|| panic!("{}", case()));
    assert_eq!((next.status(), next.body.as_slice(), rest), (200, &b"the site"[..], &b""[..]), "{}", case());
    usize::from(!is_error)
}
