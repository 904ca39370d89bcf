//! The messages that upstreams and clients receive are the ones that h11 reads, an independent implementation in Python:
//! the streams are those of `tests/it/http1_properties`.
//!
//! `PROPTEST_CASES` sets the number of streams. Without h11 the tests are ignored; under CI they fail.

#[path = "../it/http1_properties/exchange.rs"]
mod exchange;
#[path = "../it/http1_properties/generated.rs"]
mod generated;
#[path = "../it/http1_properties/strict.rs"]
mod strict;

use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use libtest_mimic::{Failed, Trial};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use self::exchange::{Exchange, Received};
use self::generated::{GeneratedStream, requests, response};
use self::strict::Message;
use crate::debian::{PYTHON, with_python_module};

const SCRIPT: &str = include_str!("../../fuzz/fuzz_targets/differential/h11_reader.py");
/// Enough to reach every kind of message, within a few seconds.
const CASES: u32 = 400;
/// The share of the streams, in per cent, in which h11 must have read a message at least. Many are malformed.
const MIN_READ: u32 = 25;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn() -> Result<(), Failed>| {
        Trial::ignorable_test(format!("h11::{name}"), move || {
            with_python_module(("h11", "python3-h11"), test)
        })
    };
    vec![
        trial("the_upstream_receives_requests_that_h11_reads_as_they_were_sent", check_requests),
        trial("the_client_receives_a_response_that_h11_reads_as_it_was_sent", check_responses),
    ]
}

fn check_requests() -> Result<(), Failed> {
    let (exchange, h11) = (Exchange::start(), RefCell::new(H11::start()?));
    run(&requests(), |stream| {
        exchange.send(stream);
        let mut is_read = false;
        let expected = strict::requests(&stream.bytes);
        let mut expected = expected.iter();
        for received in exchange.received() {
            match received {
                Received::Request(bytes) => {
                    let expected = expected.next().ok_or("a request that was not sent")?;
                    is_read |= check_request(&mut h11.borrow_mut(), &bytes, expected)?;
                }
                // It may be of an earlier stream.
                Received::Rest(bytes) => {
                    assert!(h11.borrow_mut().read("Requests", &bytes)?.is_empty(), "{stream:?}");
                }
            }
        }
        Ok(is_read)
    })
}

/// Returns true if h11 could read the request.
fn check_request(h11: &mut H11, bytes: &[u8], expected: &Message) -> Result<bool, Failed> {
    // h11 refuses bytes in a target that are forwarded as they are.
    if bytes.iter().take_while(|byte| **byte != b'\r').any(|byte| !byte.is_ascii()) {
        return Ok(false);
    }
    let messages = h11.read("Requests", bytes)?;
    let [message] = messages.as_slice() else { return Err(format!("{messages:?}").into()) };
    let found = (message["start"][0].as_str(), message["body"].as_str());
    let (method, body) = (text(&expected.line[0]), text(&expected.body));
    assert_eq!(found, (Some(method.as_str()), Some(body.as_str())), "{}", bytes.escape_ascii());
    Ok(true)
}

fn check_responses() -> Result<(), Failed> {
    let (exchange, h11) = (Exchange::start(), RefCell::new(H11::start()?));
    run(&response(), |stream| {
        let raw = exchange.receive(stream);
        let expected = strict::response(&mut stream.bytes.as_slice(), b"GET", true);
        let messages = h11.borrow_mut().read("ResponseToGet", &raw)?;
        let is_final = |message: &&Value| message["start"][0].as_u64().is_some_and(|status| status >= 200);
        let found = messages.iter().find(is_final);
        let found = found.map(|message| (message["start"][0].as_u64(), message["body"].as_str()));
        if let Some((Some(502), _)) | None = found {
            return Ok(false);
        }
        let sent = expected.map(|expected| (u64::from(expected.status()), text(&expected.body)));
        let sent = sent.as_ref().map(|(status, body)| (Some(*status), Some(body.as_str())));
        assert_eq!(found, sent, "{stream:?}: {}", raw.escape_ascii());
        Ok(true)
    })
}

/// Checks streams. The check returns true if h11 has read a message of the stream.
fn run(
    streams: &impl Strategy<Value = GeneratedStream>,
    check: impl Fn(&GeneratedStream) -> Result<bool, Failed>,
) -> Result<(), Failed> {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let read = Cell::new(0);
    let ran = TestRunner::new(config).run(streams, |stream| {
        let checked = check(&stream);
        let is_read =
            checked.map_err(|failed| TestCaseError::fail(failed.message().unwrap_or_default().to_owned()))?;
        read.set(read.get() + u32::from(is_read));
        Ok(())
    });
    ran.map_err(|error| error.to_string())?;
    assert!(read.get() * 100 >= cases * MIN_READ, "h11 has read messages of only {} streams", read.get());
    Ok(())
}

/// h11, in a process of Python's.
struct H11 {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl H11 {
    fn start() -> Result<Self, Failed> {
        let mut command = Command::new(PYTHON);
        let mut child = command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Reads bytes, after which the connection ends if they are a response. Returns the whole messages.
    fn read(&mut self, kind: &str, bytes: &[u8]) -> Result<Vec<Value>, Failed> {
        let ends = kind != "Requests";
        writeln!(self.input, "{}", json!({ "kind": kind, "pieces": [text(bytes)], "ends": ends }))?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let mut verdict: Value = serde_json::from_str(&line)?;
        let messages = verdict["messages"].take();
        let messages: Vec<Value> = serde_json::from_value(messages)?;
        Ok(messages.into_iter().filter(|message| message["is_whole"] == true).collect())
    }
}

impl Drop for H11 {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes as a string of characters up to U+00FF.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
