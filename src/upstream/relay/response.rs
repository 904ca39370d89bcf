//! The head of a response, from the upstream to the client.

use std::io::{self, Write as _};
use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::{Header, Status};

use super::super::forwarded::is_forwarding;
use super::super::headers::{has_no_body, is_hop_by_hop, length};
use super::super::{NO_LENGTH, UNASKED_CODING, UNASKED_PROTOCOL, UpstreamError};
use super::chunks::Chunks;
use super::framing::Framing;
use super::request::put;
use super::{RelayError, broken};
use crate::clock;

/// As many as hyper takes.
const MAX_FIELDS: usize = 100;
/// As long as hyper takes, in bytes.
const MAX_HEAD: usize = 8192 + 4096 * 100;

/// A response whose head has come.
pub(super) struct UpstreamResponse {
    pub(super) status: u16,
    /// What is still to come of the body.
    pub(super) framing: Framing,
    /// Whether the upstream's connection can carry another request.
    pub(super) keeps_alive: bool,
    /// Whether it says that the client's connection closes.
    pub(super) closes: bool,
}

/// Reads a response from its beginning, if its head has come; interim ones (RFC 9110 15.2) are dropped. What has come is
/// taken out of `input`, up to the response's end, and `output` is what the client gets for it.
pub(super) fn read(
    input: &mut Vec<u8>,
    is_head: bool,
    closes: bool,
    output: &mut Vec<u8>,
) -> Result<Option<UpstreamResponse>, RelayError> {
    output.clear();
    let (length, mut answer) = loop {
        let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut response, input, &mut fields) {
            Ok(Status::Complete(length)) => match response.code {
                Some(101) => return Err(invalid(UNASKED_PROTOCOL)),
                Some(100..=199) => drop(input.drain(..length)),
                _ => break (length, answer(&response, is_head, closes, output)?),
            },
            Ok(Status::Partial) if input.len() < MAX_HEAD => return Ok(None),
            Ok(Status::Partial) => return Err(invalid("its head is longer than 400 KiB")),
            Err(error) => return Err(broken(io::Error::new(io::ErrorKind::InvalidData, error))),
        }
    };
    answer.framing.pass(input, length, output).map_err(|_| invalid("its chunks are malformed"))?;
    Ok(Some(answer))
}

fn invalid(why: &'static str) -> RelayError {
    RelayError::Upstream(UpstreamError::Invalid(why))
}

fn answer(
    response: &httparse::Response<'_, '_>,
    is_head: bool,
    closes: bool,
    output: &mut Vec<u8>,
) -> Result<UpstreamResponse, RelayError> {
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| invalid("its status is none"))?;
    let told = MessageFields::by(response.headers, is_head || has_no_body(status))?;
    let is_1_1 = response.version == Some(1);
    let framing = match told.says {
        _ if told.is_bare => Framing::NOTHING,
        BodyLength::Chunks { .. } if !is_1_1 => {
            return Err(invalid("it is of HTTP/1.0, which has no transfer codings"));
        }
        BodyLength::Chunks { .. } => Framing::Chunks(Chunks::new()),
        BodyLength::Length(length) => Framing::Length(length),
        BodyLength::Nothing => Framing::UntilClose,
    };
    // A length beside chunks is a sign of trouble (RFC 9112 6.3).
    let is_clear = is_1_1 && !matches!(told.says, BodyLength::Chunks { beside_length: true });
    let keeps_alive = is_clear && !told.closes && !matches!(framing, Framing::UntilClose);
    let answer = UpstreamResponse { status: status.as_u16(), framing, keeps_alive, closes };
    write(output, response, status, &told, &answer);
    Ok(answer)
}

/// What the fields say of the message and the connection.
struct MessageFields<'a> {
    /// Whether no body follows, whatever the fields say.
    is_bare: bool,
    says: BodyLength,
    closes: bool,
    /// The fields that are of the connection alone, beside those that always are.
    options: Vec<&'a str>,
    is_dated: bool,
}

/// What the fields say of the body's length.
#[derive(Clone, Copy)]
enum BodyLength {
    Nothing,
    Length(u64),
    Chunks { beside_length: bool },
}

impl<'a> MessageFields<'a> {
    fn by(fields: &[Header<'a>], is_bare: bool) -> Result<Self, RelayError> {
        let mut told =
            Self { is_bare, says: BodyLength::Nothing, closes: false, options: Vec::new(), is_dated: false };
        let (mut is_chunked, mut has_length) = (false, false);
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            match field.name.len() {
                4 if is("date") => told.is_dated = true,
                10 if is("connection") => told.add_options(field.value),
                14 if is("content-length") => has_length = true,
                17 if is("transfer-encoding") => {
                    if is_chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(invalid(UNASKED_CODING));
                    }
                    is_chunked = true;
                }
                _ => {}
            }
        }
        if is_chunked {
            told.says = BodyLength::Chunks { beside_length: has_length };
        } else if has_length {
            let lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("content-length"));
            let length = length(lines.map(|line| line.value)).ok_or_else(|| invalid(NO_LENGTH))?;
            told.says = BodyLength::Length(length);
        }
        Ok(told)
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

    /// Whether a field is the client's business.
    fn goes_on(&self, name: &str) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let is_of_the_body = is("content-length") || self.is_bare && is("trailer");
        !is_hop_by_hop(name) && !is_of_the_body && !self.options.iter().any(|option| is(option))
    }
}

fn write(
    out: &mut Vec<u8>,
    response: &httparse::Response<'_, '_>,
    status: StatusCode,
    told: &MessageFields<'_>,
    answer: &UpstreamResponse,
) {
    for part in ["HTTP/1.1 ", status.as_str(), " ", response.reason.unwrap_or_default(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for field in response.headers.iter().filter(|field| told.goes_on(field.name)) {
        put(out, field.name, &[field.value]);
    }
    if let BodyLength::Length(length) = told.says
        && !has_no_body(status)
    {
        // Writing to a vector does not fail.
        let _ = write!(out, "content-length: {length}\r\n");
    }
    if matches!(answer.framing, Framing::Chunks(_) | Framing::UntilClose) {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if !told.is_dated {
        put(out, "date", &[clock::http_date(clock::now()).as_bytes()]);
    }
    if answer.closes {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}
