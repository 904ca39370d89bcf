//! Reads bytes as a chunked body, whole and in pieces. The result is that of a simple reader, and nothing after the body
//! is taken.

#![no_main]

use downtime::http1::chunked::{Chunks, MalformedBody, write_chunk};
use downtime::http1::framing::{Framing, TransferCoding};
use libfuzzer_sys::fuzz_target;

/// A field, its name in lower case.
type FieldLine = (String, Vec<u8>);

/// A body that is whole.
#[derive(PartialEq, Eq, Debug)]
struct Body {
    data: Vec<u8>,
    trailers: Vec<FieldLine>,
    /// Its length as it was received.
    length: usize,
}

fuzz_target!(|input: &[u8]| {
    let body = decode(&[input]);
    for at in 0..=input.len() {
        let (before, after) = input.split_at(at);
        assert_eq!(decode(&[before, after]), body, "cut at {at}");
    }
    assert_eq!(decode(&input.chunks(1).collect::<Vec<_>>()), body, "byte by byte");
    assert_eq!(
        body.as_ref().ok().and_then(Option::as_ref),
        read(input).as_ref(),
        "{:?}",
        input.escape_ascii()
    );
    check_framing(input, &body);
    if let Ok(Some(body)) = body {
        let encoded = encode(&body);
        let length = encoded.len();
        assert_eq!(decode(&[&encoded]), Ok(Some(Body { length, ..body })));
    }
});

/// Decodes a body that arrives in these pieces. Returns `None` if it is incomplete.
fn decode(pieces: &[&[u8]]) -> Result<Option<Body>, MalformedBody> {
    let mut chunks = Chunks::new();
    let mut body = Body { data: Vec::new(), trailers: Vec::new(), length: 0 };
    for piece in pieces {
        let taken = chunks.decode(piece, |data| body.data.extend_from_slice(data));
        let taken =
            taken.inspect_err(|_| assert_eq!(chunks.decode(b"0\r\n\r\n", |_| {}), Err(MalformedBody)))?;
        assert!(taken == piece.len() || chunks.is_done());
        body.length += taken;
    }
    if !chunks.is_done() {
        return Ok(None);
    }
    chunks.take_trailers(|name, value| body.trailers.push((name.to_ascii_lowercase(), value.to_vec())))?;
    assert_eq!(chunks.decode(b"0\r\n\r\n", |_| {}), Ok(0));
    Ok(Some(body))
}

/// Asserts that the body is forwarded as it was read, or not to its end, and discarded likewise.
fn check_framing(input: &[u8], body: &Result<Option<Body>, MalformedBody>) {
    for coding in [TransferCoding::Identity, TransferCoding::Chunked] {
        let mut sent = Vec::new();
        let forwarded = Framing::chunked().forward(input, coding, &mut sent, |_| true);
        let discarded = Framing::chunked().discard(input);
        assert_eq!(forwarded, discarded);
        match (body, coding) {
            (Ok(Some(body)), TransferCoding::Identity) => {
                assert_eq!((forwarded, sent), (Ok(body.length), body.data.clone()))
            }
            (Ok(Some(body)), TransferCoding::Chunked) => {
                let read = read(&sent).expect("a whole body");
                assert_eq!(
                    (read.data, read.trailers, read.length),
                    (body.data.clone(), body.trailers.clone(), sent.len())
                );
            }
            (Ok(None), TransferCoding::Chunked) => assert!(forwarded.is_ok() && read(&sent).is_none()),
            (Err(_), TransferCoding::Chunked) => assert!(forwarded.is_err() && read(&sent).is_none()),
            (Ok(None) | Err(_), TransferCoding::Identity) => assert_eq!(forwarded.is_ok(), body.is_ok()),
        }
    }
}

/// Writes a body as chunks of at most three bytes.
fn encode(body: &Body) -> Vec<u8> {
    let mut encoded = Vec::new();
    body.data.chunks(3).for_each(|data| write_chunk(data, &mut encoded));
    let mut last = Chunks::new();
    let mut lines = b"0\r\n".to_vec();
    for (name, value) in &body.trailers {
        lines.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    lines.extend_from_slice(b"\r\n");
    assert_eq!(last.decode(&lines, |_| {}), Ok(lines.len()));
    last.write_last(&mut encoded, |_| true).expect("valid trailers");
    encoded
}

/// Reads a chunked body line by line, and returns it if it is whole and valid (RFC 9112, section 7.1).
fn read(input: &[u8]) -> Option<Body> {
    let mut rest = input;
    let mut data = Vec::new();
    loop {
        let line = take_line(&mut rest)?;
        let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
        let (size, extensions) = line.split_at(digits);
        let spaces = extensions.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let extension = &extensions[spaces..];
        let is_valid = extension.is_empty() || extension.starts_with(b";") && extension.iter().all(is_text);
        let size = u64::from_str_radix(str::from_utf8(size).ok()?, 16).ok().filter(|_| is_valid)?;
        if size == 0 {
            break;
        }
        let (chunk, behind) = rest.split_at_checked(usize::try_from(size).ok()?)?;
        data.extend_from_slice(chunk);
        rest = behind.strip_prefix(b"\r\n")?;
    }
    let mut trailers = Vec::new();
    loop {
        let line = take_line(&mut rest)?;
        if line.is_empty() {
            return Some(Body { data, trailers, length: input.len() - rest.len() });
        }
        trailers.push(field(line)?);
    }
}

/// Takes a line that ends with CR LF, and has neither otherwise.
fn take_line<'i>(rest: &mut &'i [u8]) -> Option<&'i [u8]> {
    let at = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let (line, behind) = rest.split_at(at);
    *rest = behind.strip_prefix(b"\r\n")?;
    Some(line)
}

fn is_text(byte: &u8) -> bool {
    !byte.is_ascii_control() || *byte == b'\t'
}

fn field(line: &[u8]) -> Option<FieldLine> {
    let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let is_valid = !name.is_empty() && name.iter().all(is_token) && value.iter().all(is_text);
    let name = String::from_utf8(name.to_ascii_lowercase()).ok().filter(|_| is_valid)?;
    Some((name, value[1..].trim_ascii().to_vec()))
}
