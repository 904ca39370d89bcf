//! h11's parser, in a process of Python's.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use crate::message::{End, Framing, Message, RequestTarget, StartLine, Stream, Verdict, comparable};

const SCRIPT: &str = include_str!("h11_reader.py");

/// Reads a stream with h11.
pub fn read(stream: &Stream<'_>) -> Verdict {
    thread_local!(static PYTHON: RefCell<Python> = RefCell::new(Python::start()));
    PYTHON.with_borrow_mut(|python| python.read(stream))
}

struct Python {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Self {
        let mut command = Command::new("python3");
        let mut child = command
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this target needs python3 with h11 (Debian: python3-h11)");
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Self { _child: child, input, output: BufReader::new(output) }
    }

    fn read(&mut self, stream: &Stream<'_>) -> Verdict {
        let pieces: Vec<String> = stream.pieces.iter().map(|piece| text(piece)).collect();
        let request = json!({ "kind": format!("{:?}", stream.kind), "pieces": pieces, "ends": stream.ends });
        let mut line = format!("{request}\n");
        let sent = self.input.write_all(line.as_bytes());
        line.clear();
        let received = sent.and_then(|()| self.output.read_line(&mut line));
        assert!(matches!(received, Ok(1..)), "this target needs python3 with h11 (Debian: python3-h11)");
        let verdict: JsonVerdict = serde_json::from_str(&line).expect("a verdict");
        verdict.into()
    }
}

/// Bytes as a string of characters up to U+00FF.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).expect("a byte")).collect()
}

#[derive(Deserialize)]
struct JsonVerdict {
    messages: Vec<JsonMessage>,
    end: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct JsonMessage {
    start: JsonStart,
    fields: Vec<(String, String)>,
    framing: Vec<serde_json::Value>,
    body: String,
    trailers: Vec<(String, String)>,
    is_whole: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonStart {
    Request(String, String, String),
    Response(u16, String),
}

impl From<JsonVerdict> for Verdict {
    fn from(json: JsonVerdict) -> Self {
        let end = match json.end[0].as_str() {
            Some("Waits") => End::Waits,
            Some("Broken") => End::Broken,
            Some("Closes") => End::Closes(json.end[1].as_u64().and_then(|left| left.try_into().ok())),
            _ => End::Refuses(json.end[1].to_string()),
        };
        Self { messages: json.messages.into_iter().map(Message::from).collect(), end, last_offset: 0 }
    }
}

impl From<JsonMessage> for Message {
    fn from(json: JsonMessage) -> Self {
        let owned = |fields: Vec<(String, String)>| {
            comparable(fields.into_iter().map(|(name, value)| (name, bytes(&value))).collect())
        };
        let framing = match json.framing[0].as_str() {
            // h11 takes lengths of up to 20 digits.
            Some("Length") => Framing::Length(json.framing[1].as_u64().unwrap_or(u64::MAX)),
            Some("Chunked") => Framing::Chunked,
            _ => Framing::UntilClose,
        };
        Self {
            offset: 0,
            start: json.start.into(),
            fields: owned(json.fields),
            framing,
            body: bytes(&json.body),
            trailers: owned(json.trailers),
            is_whole: json.is_whole,
        }
    }
}

impl From<JsonStart> for StartLine {
    fn from(json: JsonStart) -> Self {
        // Later minor versions are read as 1.1.
        let minor = |version: String| u8::from(version != "1.0");
        match json {
            JsonStart::Request(method, target, version) => {
                let target = split(&method, &target);
                Self::Request { method, target, version: minor(version) }
            }
            JsonStart::Response(status, version) => Self::Response { status, version: minor(version) },
        }
    }
}

/// Splits a target, which h11 leaves as it is.
fn split(method: &str, target: &str) -> RequestTarget {
    if method == "CONNECT" {
        return RequestTarget { authority: Some(target.to_owned()), rest: Vec::new() };
    }
    if target.starts_with('/') || target == "*" {
        return RequestTarget { authority: None, rest: bytes(target) };
    }
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let rest = match rest.chars().next() {
        None if method == "OPTIONS" => "*".to_owned(),
        None => "/".to_owned(),
        Some('?') => format!("/{rest}"),
        Some(_) => rest.to_owned(),
    };
    RequestTarget { authority: Some(authority.to_owned()), rest: bytes(&rest) }
}
