//! Streams of bytes that are messages, or nearly so.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Bytes, which arrive in pieces.
#[derive(Clone)]
pub(crate) struct GeneratedStream {
    pub(crate) bytes: Vec<u8>,
    cuts: Vec<Index>,
}

impl std::fmt::Debug for GeneratedStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lengths: Vec<_> = self.pieces().iter().map(|piece| piece.len()).collect();
        write!(formatter, "b\"{}\" in pieces of {lengths:?}", self.bytes.escape_ascii())
    }
}

impl GeneratedStream {
    pub(crate) fn pieces(&self) -> Vec<&[u8]> {
        self.pieces_before(self.bytes.len())
    }

    /// Returns pieces of which the last one contains all bytes from the one before `end`.
    pub(crate) fn pieces_before(&self, end: usize) -> Vec<&[u8]> {
        let cuts = self.cuts.iter().map(|cut| cut.index(self.bytes.len() + 1));
        let mut ends: Vec<_> = cuts.filter(|cut| *cut < end).chain([0, self.bytes.len()]).collect();
        ends.sort_unstable();
        ends.windows(2).map(|ends| &self.bytes[ends[0]..ends[1]]).collect()
    }
}

/// A request and a response that must stay parts of a body.
const HIDDEN_REQUEST: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
const HIDDEN_RESPONSE: &str = "HTTP/1.1 201 Hidden\r\nContent-Length: 6\r\n\r\nhidden";
const BODIES: [&str; 7] = [
    "",
    "hello",
    "0\r\n\r\n",
    "\r\n\r\n",
    HIDDEN_REQUEST,
    HIDDEN_RESPONSE,
    "0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
];
const EXTENSIONS: [&str; 6] = ["", ";a=b", " ;a=\"b\"", ";a\n", " 1", "\t"];
const TRAILERS: [&str; 5] = ["", "X-A: t\r\n", "Content-Length: 5\r\n", "X-A: t\n", "X-A: t\r\n more\r\n"];
/// Fields, most of which leave the message as it is.
const FIELDS: [&str; 14] = [
    "X-A: 1\r\n",
    "X-B:  two \t\r\n",
    "X-A:\r\n",
    "X-B: caf\u{e9}\r\n",
    "x-a: 2\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Connection: X-A\r\n",
    "Trailer: X-A\r\n",
    "Transfer_Encoding: chunked\r\n",
    "X-C: a\r\n b\r\n",
    "X-C : a\r\n",
    "X-C: a\rb\r\n",
    "Transfer-Encoding: identity\r\n",
];
const TARGETS: [&str; 9] =
    ["/", "/a?b", "/a/../b", "http://a/x?y", "http://a?q", "*", "/caf\u{e9}", "a", "/a#b"];
/// What mutations insert.
const TOKENS: [&str; 10] = [
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    " ",
    ":",
    "0",
    ",",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
];

/// Requests on one connection.
pub(crate) fn requests() -> impl Strategy<Value = GeneratedStream> {
    let methods = select(vec!["GET", "POST", "HEAD", "PUT", "OPTIONS"]);
    let version = prop_oneof![8 => Just("HTTP/1.1"), 1 => Just("HTTP/1.0"), 1 => Just("HTTP/1.2")];
    let target = prop_oneof![5 => Just("/a"), 2 => select(TARGETS.to_vec())];
    let host =
        prop_oneof![20 => Just("Host: a\r\n"), 1 => Just("host:b.example:80\n"), 1 => Just("Host: a:b\r\n")];
    let request =
        (methods, target, version, host, content()).prop_map(|(method, target, version, host, content)| {
            format!("{method} {target} {version}\r\n{host}{content}").into_bytes()
        });
    stream(vec(request, 1..4).prop_map(|requests| requests.concat()))
}

/// A response to GET, and sometimes bytes after it.
pub(crate) fn response() -> impl Strategy<Value = GeneratedStream> {
    let interim = prop_oneof![6 => Just(""), 1 => Just("HTTP/1.1 103 Early Hints\r\nX-A: 1\r\n\r\n")];
    let version = prop_oneof![6 => Just("HTTP/1.1"), 1 => Just("HTTP/1.0")];
    let status =
        select(vec!["200 OK", "200", "404 Not Found", "204 No Content", "304 Not Modified", "599 caf\u{e9}"]);
    let after = prop_oneof![6 => Just(""), 1 => Just(HIDDEN_RESPONSE), 1 => Just("\r\n")];
    let response = (interim, version, status, content(), after);
    stream(response.prop_map(|(interim, version, status, content, after)| {
        format!("{interim}{version} {status}\r\n{content}{after}").into_bytes()
    }))
}

/// The rest of a message behind the first lines: fields, the framing, the empty line, the body.
fn content() -> impl Strategy<Value = String> {
    let fields = vec(prop_oneof![6 => select(FIELDS[..9].to_vec()), 1 => select(FIELDS.to_vec())], 0..3);
    let body = select(BODIES.to_vec());
    let framed = prop_oneof![
        2 => Just((String::new(), String::new())),
        6 => (body.clone(), length_lines()).prop_map(|(body, line)| (line(body.len()), body.to_owned())),
        6 => (coding_lines(), chunked(body)).prop_map(|(line, body)| (line.to_owned(), body)),
    ];
    (fields, framed).prop_map(|(fields, (line, body))| format!("{}{line}\r\n{body}", fields.concat()))
}

fn length_lines() -> impl Strategy<Value = fn(usize) -> String> {
    let valid: Vec<fn(usize) -> String> = vec![|length| format!("Content-Length: {length}\r\n"), |length| {
        format!("content-length:{length}, 0{length}\r\n")
    }];
    let other: Vec<fn(usize) -> String> = vec![
        |length| format!("Content-Length: {}\r\n", length + 1),
        |length| format!("Content-Length: {}\r\n", length / 2),
        |length| format!("Content-Length: +{length}\r\n"),
        |length| format!("Content-Length: {length}\r\nContent-Length: {}\r\n", length + 1),
        |length| format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
    ];
    prop_oneof![3 => select(valid), 1 => select(other)]
}

fn coding_lines() -> impl Strategy<Value = &'static str> {
    let other = [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
    ];
    prop_oneof![4 => Just("Transfer-Encoding: chunked\r\n"), 1 => select(other.to_vec())]
}

/// A body as chunks of up to `size` bytes.
fn chunked(body: impl Strategy<Value = &'static str>) -> impl Strategy<Value = String> {
    let extension = prop_oneof![5 => Just(""), 2 => select(EXTENSIONS.to_vec())];
    let trailers = prop_oneof![5 => Just(""), 2 => select(TRAILERS.to_vec())];
    (body, 1_usize..40, extension, trailers).prop_map(|(body, size, extension, trailers)| {
        let chunks = body.as_bytes().chunks(size).map(|chunk| {
            let data = String::from_utf8_lossy(chunk);
            format!("{:x}{extension}\r\n{data}\r\n", chunk.len())
        });
        format!("{}0{extension}\r\n{trailers}\r\n", chunks.collect::<String>())
    })
}

/// A change of a stream at one place.
#[derive(Clone, Debug)]
enum Mutation {
    Remove(Index),
    Repeat(Index),
    Replace(Index, u8),
    Insert(Index, &'static str),
    Truncate(Index),
}

/// Changes some streams, and cuts all.
fn stream(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = GeneratedStream> {
    let at = any::<Index>;
    let mutation = prop_oneof![
        at().prop_map(Mutation::Remove),
        at().prop_map(Mutation::Repeat),
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (at(), select(TOKENS.to_vec())).prop_map(|(at, token)| Mutation::Insert(at, token)),
        at().prop_map(Mutation::Truncate),
    ];
    let mutations = prop_oneof![2 => Just(Vec::new()), 1 => vec(mutation, 1..4)];
    (bytes, mutations, vec(at(), 0..6)).prop_map(|(mut bytes, mutations, cuts)| {
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        GeneratedStream { bytes, cuts }
    })
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    match mutation {
        Mutation::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
        Mutation::Repeat(at) => {
            let at = at.index(bytes.len());
            bytes.insert(at, bytes[at]);
        }
        Mutation::Replace(at, byte) => *at.get_mut(bytes) = *byte,
        Mutation::Insert(at, token) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, token.bytes());
        }
        Mutation::Truncate(at) => bytes.truncate(at.index(bytes.len())),
    }
}
