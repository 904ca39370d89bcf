//! The head of a response (RFC 9112, sections 4 to 6).

use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::{ParserConfig, Status};

use super::content_length::ContentLength;
use super::fields::{ConnectionOptions, FieldLine, MAX_FIELDS, tokens, values};
use super::framing::Framing;

/// The longest head, in bytes.
pub const MAX_HEAD: usize = 400 << 10;

/// A valid head. It borrows the bytes that it was parsed from.
#[derive(Clone, Debug)]
pub struct ResponseHead<'b> {
    /// The bytes that it begins.
    pub bytes: &'b [u8],
    /// The status.
    pub status: StatusCode,
    /// The reason phrase; empty if there is none, or if it is not ASCII.
    pub reason: &'b str,
    /// True for HTTP/1.1, false for HTTP/1.0.
    pub is_http11: bool,
    /// All fields in their order.
    pub fields: Vec<FieldLine<'b>>,
    /// The options of the Connection fields.
    pub options: ConnectionOptions,
    /// The length that Content-Length gives, which may be that of another response (to GET, for a response to HEAD).
    pub length: Option<u64>,
    /// The framing of the body.
    pub framing: Framing,
    /// True if the connection can carry another request after this response.
    pub keeps_alive: bool,
    /// The timeout of Keep-Alive in seconds, if there is one.
    pub idle_timeout: Option<u64>,
    /// True if there is a Date.
    pub is_dated: bool,
}

/// Why a response cannot be forwarded, as a clause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidResponse(pub &'static str);

const INVALID_LENGTH: InvalidResponse = InvalidResponse("its Content-Length is invalid");
const INVALID_STATUS: InvalidResponse = InvalidResponse("its status is invalid");
/// A field name that is not a token.
pub const INVALID_NAME: InvalidResponse = InvalidResponse("a field name is invalid");
const TOO_LONG_HEAD: InvalidResponse = InvalidResponse("its head is longer than 400 KiB");
const UNREQUESTED_CODING: InvalidResponse =
    InvalidResponse("it has a transfer coding that was not requested");
const CODING_BEFORE_1_1: InvalidResponse =
    InvalidResponse("it has a transfer coding, which HTTP/1.0 does not define");
const TOO_MANY_OPTIONS: InvalidResponse =
    InvalidResponse("it has more than 64 connection options that name fields");

impl<'b> ResponseHead<'b> {
    /// Parses the head of a response to HEAD or to another method, and returns it with its length in bytes, including the
    /// empty line; `None` if it is incomplete.
    ///
    /// # Errors
    /// The response is malformed, ambiguous, or beyond a limit.
    pub fn parse(received: &'b [u8], to_head: bool) -> Result<Option<(usize, Self)>, InvalidResponse> {
        Self::parse_within::<MAX_FIELDS>(received, to_head, MAX_HEAD)
    }

    /// Parses the head of a response that the gateway itself has written, as [`ResponseHead::parse`] does. It may have added fields to
    /// one with as many as that allows.
    ///
    /// # Errors
    /// As those of [`ResponseHead::parse`].
    pub fn parse_own(received: &'b [u8], to_head: bool) -> Result<Option<(usize, Self)>, InvalidResponse> {
        Self::parse_within::<{ 2 * MAX_FIELDS }>(received, to_head, 2 * MAX_HEAD)
    }

    fn parse_within<const FIELDS: usize>(
        received: &'b [u8],
        to_head: bool,
        max_length: usize,
    ) -> Result<Option<(usize, Self)>, InvalidResponse> {
        let mut slots = [const { MaybeUninit::uninit() }; FIELDS];
        let mut parsed = httparse::Response::new(&mut []);
        match ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, received, &mut slots) {
            Ok(Status::Complete(length)) if length > max_length => Err(TOO_LONG_HEAD),
            Ok(Status::Complete(length)) => {
                Ok(Some((length, Self::from_parsed(received, &parsed, to_head)?)))
            }
            Ok(Status::Partial) if received.len() < max_length => Ok(None),
            Ok(Status::Partial) => Err(TOO_LONG_HEAD),
            Err(error) => Err(InvalidResponse(reason(error))),
        }
    }

    fn from_parsed(
        bytes: &'b [u8],
        parsed: &httparse::Response<'_, 'b>,
        to_head: bool,
    ) -> Result<Self, InvalidResponse> {
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(INVALID_STATUS)?;
        let is_http11 = parsed.version == Some(1);
        let fields = parsed.headers.to_vec();
        let meaning = ResponseMeaning::new(&fields)?;
        let length = match meaning.length {
            ContentLength::Length(length) => Some(length).filter(|_| !meaning.is_chunked),
            ContentLength::Invalid if !meaning.is_chunked => return Err(INVALID_LENGTH),
            ContentLength::Absent | ContentLength::Invalid => None,
        };
        let framing = match length {
            _ if to_head || has_no_body(status) => Framing::EMPTY,
            _ if meaning.is_chunked && !is_http11 => return Err(CODING_BEFORE_1_1),
            _ if meaning.is_chunked => Framing::chunked(),
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        };
        // A length beside chunks may be an attack (RFC 9112, section 6.3), and content that the status forbids would be read as
        // the next response.
        let is_clear = is_http11
            && !(meaning.is_chunked && meaning.length != ContentLength::Absent)
            && !(forbids_content(status) && meaning.announces_content());
        let keeps_alive = is_clear && !meaning.options.close && !matches!(framing, Framing::UntilClose);
        Ok(Self {
            bytes,
            status,
            reason: parsed.reason.unwrap_or_default(),
            is_http11,
            options: meaning.options,
            length,
            framing,
            keeps_alive,
            idle_timeout: meaning.idle_timeout,
            is_dated: meaning.is_dated,
            fields,
        })
    }

    /// The values of all fields of this name.
    pub fn values<'f>(
        &'f self,
        name: &'f str,
    ) -> impl DoubleEndedIterator<Item = &'b [u8]> + Clone + use<'f, 'b> {
        values(&self.fields, name)
    }
}

/// Returns true if a response with this status never has a body (RFC 9112, section 6.3).
pub fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Returns true if a response with this status may not even announce content (RFC 9110, section 8.6; RFC 9112, section 6.1),
/// as one with 304 may, and one to HEAD.
fn forbids_content(status: StatusCode) -> bool {
    status.is_informational() || status == StatusCode::NO_CONTENT
}

fn reason(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => INVALID_NAME.0,
        httparse::Error::HeaderValue => "a field value is invalid",
        httparse::Error::TooManyHeaders => "it has more than 256 fields",
        httparse::Error::Status => INVALID_STATUS.0,
        httparse::Error::Version => "it is neither HTTP/1.0 nor HTTP/1.1",
        httparse::Error::NewLine | httparse::Error::Token => "its head is malformed",
    }
}

/// What the fields say about the message and the connection.
#[derive(Default)]
struct ResponseMeaning {
    options: ConnectionOptions,
    is_chunked: bool,
    length: ContentLength,
    is_dated: bool,
    idle_timeout: Option<u64>,
}

impl ResponseMeaning {
    fn new(fields: &[FieldLine<'_>]) -> Result<Self, InvalidResponse> {
        let mut meaning = Self::default();
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            match field.name.len() {
                4 if is("date") => meaning.is_dated = true,
                10 if is("connection") => meaning.options.add(field.value).map_err(|_| TOO_MANY_OPTIONS)?,
                10 if is("keep-alive") => meaning.idle_timeout = idle_timeout(field.value),
                14 if is("content-length") => meaning.length.add(field.value),
                17 if is("transfer-encoding") => {
                    if meaning.is_chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(UNREQUESTED_CODING);
                    }
                    meaning.is_chunked = true;
                }
                _ => {}
            }
        }
        Ok(meaning)
    }

    fn announces_content(&self) -> bool {
        self.is_chunked || !matches!(self.length, ContentLength::Absent | ContentLength::Length(0))
    }
}

/// Parses `Keep-Alive: timeout=5, max=100` (RFC 2068, section 19.7.1.1).
fn idle_timeout(value: &[u8]) -> Option<u64> {
    tokens(value).find_map(|token| {
        let (name, value) = std::str::from_utf8(token).ok()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then(|| value.trim().trim_matches('"').parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str, to_head: bool) -> Result<ResponseHead<'_>, InvalidResponse> {
        let (length, parsed) = ResponseHead::parse(head.as_bytes(), to_head)?.expect("a whole head");
        assert_eq!(length, head.len(), "{head:?}");
        Ok(parsed)
    }

    #[test]
    fn the_framing_follows_from_the_head() {
        for (head, framing, keeps_alive) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5", "Length(5)", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5", "Length(5)", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close", "Length(5)", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: date, content-length", "Length(5)", true),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive", "Length(5)", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked", "Chunked", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", "Chunked", false),
            ("HTTP/1.1 200 OK", "UntilClose", false),
            ("HTTP/1.1 204 No Content", "Length(0)", true),
            ("HTTP/1.1 204 No Content\r\nContent-Length: 0", "Length(0)", true),
            ("HTTP/1.1 204 No Content\r\nContent-Length: 5", "Length(0)", false),
            ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked", "Length(0)", false),
            ("HTTP/1.1 103 Early Hints\r\nContent-Length: 5", "Length(0)", false),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5", "Length(0)", true),
            ("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked", "Length(0)", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615", "Length(18446744073709551615)", true),
        ] {
            let head = format!("{head}\r\n\r\n");
            let parsed = parse(&head, false).unwrap();
            assert!(format!("{:?}", parsed.framing).starts_with(framing), "{head:?}: {:?}", parsed.framing);
            assert_eq!(parsed.keeps_alive, keeps_alive, "{head:?}");
            assert!(parse(&head, true).unwrap().framing.is_done(), "{head:?}");
        }
    }

    #[test]
    fn other_responses_are_invalid() {
        let many = "X: y\r\n".repeat(257);
        let options = ["x"; 65].join(",");
        for (head, reason) in [
            ("HTTP/1.1 099 Odd", INVALID_STATUS),
            ("HTTP/1.1 2000 OK", INVALID_STATUS),
            ("HTTP/2.0 200 OK", InvalidResponse("it is neither HTTP/1.0 nor HTTP/1.1")),
            ("HTTP/1.1 200 OK\r\nContent-Length: +5", INVALID_LENGTH),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6", INVALID_LENGTH),
            ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616", INVALID_LENGTH),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", UNREQUESTED_CODING),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                UNREQUESTED_CODING,
            ),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked", CODING_BEFORE_1_1),
            ("HTTP/1.1 200 OK\r\nX : a", INVALID_NAME),
            ("HTTP/1.1 200 OK\r\nCaf\u{e9}: a", INVALID_NAME),
            ("HTTP/1.1 200 OK\r\nX: \0", InvalidResponse("a field value is invalid")),
            (&format!("HTTP/1.1 200 OK\r\n{many}"), InvalidResponse("it has more than 256 fields")),
            (&format!("HTTP/1.1 200 OK\r\nConnection: {options}"), TOO_MANY_OPTIONS),
        ] {
            let head = format!("{head}\r\n\r\n");
            let parsed = ResponseHead::parse(head.as_bytes(), false).map(|_| ());
            assert_eq!(parsed, Err(reason), "{}", head.get(..80).unwrap_or(&head));
        }
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_HEAD));
        assert_eq!(ResponseHead::parse(long.as_bytes(), false).map(|_| ()), Err(TOO_LONG_HEAD));
    }

    #[test]
    fn the_idle_timeout_is_parsed() {
        for (value, expected) in [
            ("timeout=5", Some(5)),
            ("max=100, Timeout = 5", Some(5)),
            ("timeout=\"5\"", Some(5)),
            ("timeout", None),
            ("timeout=-1", None),
            ("", None),
        ] {
            assert_eq!(idle_timeout(value.as_bytes()), expected, "{value}");
        }
    }
}
