//! The head of a response.

use std::io::{self, Write as _};
use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::{Header, Status};

use super::super::forwarded::is_forwarding;
use super::super::headers::{has_no_body, is_hop_by_hop, length};
use super::super::{INVALID_LENGTH, UNREQUESTED_CODING, UNREQUESTED_PROTOCOL, UpstreamError};
use super::chunks::Chunks;
use super::framing::Framing;
use super::request::put;
use super::{RelayError, broken};
use crate::clock;

/// The limit of hyper.
const MAX_FIELDS: usize = 100;
/// The limit of hyper, in bytes.
const MAX_HEAD: usize = 8192 + 4096 * 100;

/// A response whose head was received.
pub(super) struct UpstreamResponse {
    pub(super) status: u16,
    /// The rest of the body.
    pub(super) framing: Framing,
    /// True if the upstream's connection can carry another request.
    pub(super) keeps_alive: bool,
    /// True if the response says that the client's connection closes.
    pub(super) closes: bool,
}

/// Parses a response, if its head is complete, and drops interim ones (RFC 9110, section 15.2). Moves what was received of
/// it from `input` to `output`, as it goes to the client.
pub(super) fn read(
    input: &mut Vec<u8>,
    is_head: bool,
    closes: bool,
    output: &mut Vec<u8>,
) -> Result<Option<UpstreamResponse>, RelayError> {
    output.clear();
    let (length, mut parsed) = loop {
        let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut response, input, &mut fields) {
            Ok(Status::Complete(length)) => match response.code {
                Some(101) => return Err(invalid(UNREQUESTED_PROTOCOL)),
                Some(100..=199) => drop(input.drain(..length)),
                _ => break (length, translate(&response, is_head, closes, output)?),
            },
            Ok(Status::Partial) if input.len() < MAX_HEAD => return Ok(None),
            Ok(Status::Partial) => return Err(invalid("its head is longer than 400 KiB")),
            Err(error) => return Err(broken(io::Error::new(io::ErrorKind::InvalidData, error))),
        }
    };
    parsed.framing.forward(input, length, output).map_err(|_| invalid("its chunks are malformed"))?;
    Ok(Some(parsed))
}

fn invalid(why: &'static str) -> RelayError {
    RelayError::Upstream(UpstreamError::Invalid(why))
}

fn translate(
    response: &httparse::Response<'_, '_>,
    is_head: bool,
    closes: bool,
    output: &mut Vec<u8>,
) -> Result<UpstreamResponse, RelayError> {
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| invalid("its status is invalid"))?;
    let message = MessageFields::new(response.headers, is_head || has_no_body(status))?;
    let is_1_1 = response.version == Some(1);
    let framing = match message.length {
        _ if message.is_bare => Framing::EMPTY,
        BodyLength::Chunks { .. } if !is_1_1 => {
            return Err(invalid("it has a transfer coding, which HTTP/1.0 does not know"));
        }
        BodyLength::Chunks { .. } => Framing::Chunks(Chunks::new()),
        BodyLength::Length(length) => Framing::Length(length),
        BodyLength::Unknown => Framing::UntilClose,
    };
    // A length beside chunks may be an attack (RFC 9112, section 6.3).
    let is_clear = is_1_1 && !matches!(message.length, BodyLength::Chunks { beside_length: true });
    let keeps_alive = is_clear && !message.closes && !matches!(framing, Framing::UntilClose);
    let parsed = UpstreamResponse { status: status.as_u16(), framing, keeps_alive, closes };
    write(output, response, status, &message, &parsed);
    Ok(parsed)
}

/// The meaning of the fields for the message and the connection.
struct MessageFields<'a> {
    /// True if there is no body, whatever the fields say.
    is_bare: bool,
    length: BodyLength,
    closes: bool,
    /// The names of further hop-by-hop fields.
    options: Vec<&'a str>,
    is_dated: bool,
}

/// The body's length according to the fields.
#[derive(Clone, Copy)]
enum BodyLength {
    Unknown,
    Length(u64),
    Chunks { beside_length: bool },
}

impl<'a> MessageFields<'a> {
    fn new(fields: &[Header<'a>], is_bare: bool) -> Result<Self, RelayError> {
        let mut message = Self {
            is_bare,
            length: BodyLength::Unknown,
            closes: false,
            options: Vec::new(),
            is_dated: false,
        };
        let (mut is_chunked, mut has_length) = (false, false);
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            match field.name.len() {
                4 if is("date") => message.is_dated = true,
                10 if is("connection") => message.add_options(field.value),
                14 if is("content-length") => has_length = true,
                17 if is("transfer-encoding") => {
                    if is_chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(invalid(UNREQUESTED_CODING));
                    }
                    is_chunked = true;
                }
                _ => {}
            }
        }
        if is_chunked {
            message.length = BodyLength::Chunks { beside_length: has_length };
        } else if has_length {
            let lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("content-length"));
            let length = length(lines.map(|line| line.value)).ok_or_else(|| invalid(INVALID_LENGTH))?;
            message.length = BodyLength::Length(length);
        }
        Ok(message)
    }

    fn add_options(&mut self, value: &'a [u8]) {
        let tokens = std::str::from_utf8(value).unwrap_or_default().split(',').map(str::trim);
        for token in tokens {
            let is = |other: &str| token.eq_ignore_ascii_case(other);
            if is("close") {
                self.closes = true;
            } else if !(token.is_empty() || is("keep-alive") || is("host") || is_forwarding(token)) {
                self.options.push(token);
            }
        }
    }

    /// Returns true if a field of this name is forwarded.
    fn is_forwarded(&self, name: &str) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let is_of_the_body = is("content-length") || self.is_bare && is("trailer");
        !is_hop_by_hop(name) && !is_of_the_body && !self.options.iter().any(|option| is(option))
    }
}

fn write(
    out: &mut Vec<u8>,
    response: &httparse::Response<'_, '_>,
    status: StatusCode,
    message: &MessageFields<'_>,
    parsed: &UpstreamResponse,
) {
    for part in ["HTTP/1.1 ", status.as_str(), " ", response.reason.unwrap_or_default(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for field in response.headers.iter().filter(|field| message.is_forwarded(field.name)) {
        put(out, field.name, &[field.value]);
    }
    if let BodyLength::Length(length) = message.length
        && !has_no_body(status)
    {
        // Writing to a vector cannot fail.
        let _ = write!(out, "content-length: {length}\r\n");
    }
    if matches!(parsed.framing, Framing::Chunks(_) | Framing::UntilClose) {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if !message.is_dated {
        put(out, "date", &[clock::http_date(clock::now()).as_bytes()]);
    }
    if parsed.closes {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}
