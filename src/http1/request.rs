//! The head of a request (RFC 9112, sections 2 to 5).

mod meaning;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use httparse::{EMPTY_HEADER, Status};
use memchr::{memchr, memrchr};

use self::meaning::RequestMeaning;
use super::fields::{ConnectionOptions, FieldLine, MAX_FIELDS, values};
use super::framing::Framing;
use super::head::PROXY_V1;
use super::refusal::Refusal;
use super::target::RequestTarget;

/// The fields that are parsed without a second attempt. Most requests have fewer.
const FEW_FIELDS: usize = 24;

/// The minor version of HTTP/1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, or a later minor version, which is treated as 1.1 (RFC 9110, section 6.2).
    Http11,
}

impl Version {
    /// Returns true if a message without a length is sent in chunks. In HTTP/1.0, which has none, it ends with the connection.
    pub fn has_chunks(self) -> bool {
        self == Self::Http11
    }
}

/// A valid head. It borrows the bytes that it was parsed from.
#[derive(Clone, Debug)]
pub struct RequestHead<'b> {
    /// The bytes that it was parsed from.
    pub bytes: &'b [u8],
    /// The method, which is case-sensitive.
    pub method: Method,
    /// The target.
    pub target: RequestTarget<'b>,
    /// The version.
    pub version: Version,
    /// All fields in their order.
    pub fields: Vec<FieldLine<'b>>,
    /// The host that the request is for: the target's, or else that of the Host field (RFC 9112, section 3.2.2). HTTP/1.0
    /// needs none.
    pub host: Option<&'b str>,
    /// The options of the Connection fields.
    pub options: ConnectionOptions,
    /// The framing of the body.
    pub framing: Framing,
    /// True if the client waits for 100 (Continue) before it sends the body (RFC 9110, section 10.1.1).
    pub expects_continue: bool,
}

pub(super) const MALFORMED_LINE: Refusal = Refusal::bad_request("the first line of the request is malformed");
pub(super) const PROXY_HEADER: Refusal = Refusal::bad_request(
    "the connection begins with a header of the PROXY protocol, but its peer is not in `[server] proxy_protocol`",
);
const MALFORMED_FIELD: Refusal = Refusal::bad_request("a field of the request is malformed");
const NO_HOST: Refusal = Refusal::bad_request("the request has no host");
const UNKNOWN_VERSION: Refusal = Refusal {
    status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    reason: "the only supported versions are HTTP/1.0, HTTP/1.1 and HTTP/2",
};
/// A head with too many fields.
pub const TOO_MANY_FIELDS: Refusal = Refusal {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    reason: "the request has more than 256 fields",
};
impl<'b> RequestHead<'b> {
    /// Parses the head that `bytes` begin with, which [`complete_within`](super::head::complete_within) has found.
    ///
    /// # Errors
    /// The head is malformed or ambiguous, or uses something that is not supported.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Refusal> {
        Self::parse_within(bytes, MAX_FIELDS)
    }

    /// Parses a head that the gateway itself has written, as [`RequestHead::parse`] does. It may have added fields to one with as
    /// many as that allows.
    ///
    /// # Errors
    /// As those of [`RequestHead::parse`].
    pub fn parse_own(bytes: &'b [u8]) -> Result<Self, Refusal> {
        Self::parse_within(bytes, 2 * MAX_FIELDS)
    }

    fn parse_within(bytes: &'b [u8], max_fields: usize) -> Result<Self, Refusal> {
        let end = memchr(b'\n', bytes).ok_or(MALFORMED_LINE)?;
        let (line, rest) = bytes.split_at(end + 1);
        let (method, target, version) = parse_line(line).map_err(|refusal| {
            let is_proxy_header = refusal == MALFORMED_LINE && line.starts_with(PROXY_V1);
            if is_proxy_header { PROXY_HEADER } else { refusal }
        })?;
        let target = RequestTarget::parse(&method, target)?;
        let (length, fields) = parse_fields(rest, max_fields)?;
        let mut meaning = RequestMeaning::default();
        for field in &fields {
            meaning.add(field)?;
        }
        let host = target.authority.or(meaning.host);
        if meaning.host.is_none() && version == Version::Http11 {
            return Err(NO_HOST);
        }
        let framing = meaning.framing(version)?;
        let expects_continue = meaning.expects_continue && version == Version::Http11;
        Ok(Self {
            bytes: bytes.get(..line.len() + length).unwrap_or(bytes),
            method,
            target,
            version,
            fields,
            host,
            options: meaning.options,
            framing,
            expects_continue,
        })
    }

    /// The values of all fields of this name.
    pub fn values<'f>(
        &'f self,
        name: &'f str,
    ) -> impl DoubleEndedIterator<Item = &'b [u8]> + Clone + use<'f, 'b> {
        values(&self.fields, name)
    }

    /// The fields as a map, for code that needs one.
    pub fn header_map(&self) -> HeaderMap {
        self.fields.iter().filter_map(to_header).collect()
    }

    /// Returns true if the client wants the connection to close after the response (RFC 9112, section 9.3).
    pub fn closes(&self) -> bool {
        self.options.close || self.version == Version::Http10 && !self.options.keep_alive
    }
}

/// Converts a field. All valid fields can be converted.
pub fn to_header(field: &FieldLine<'_>) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
    Some((name, HeaderValue::from_bytes(field.value).ok()?))
}

fn parse_line(line: &[u8]) -> Result<(Method, &[u8], Version), Refusal> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let first = memchr(b' ', line).ok_or(MALFORMED_LINE)?;
    let last = memrchr(b' ', line).filter(|last| *last > first).ok_or(MALFORMED_LINE)?;
    let part = |range: std::ops::Range<usize>| line.get(range).ok_or(MALFORMED_LINE);
    let method = Method::from_bytes(part(0..first)?).map_err(|_| MALFORMED_LINE)?;
    let version = match part(last + 1..line.len())? {
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Version::Http11,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(UNKNOWN_VERSION),
        _ => return Err(MALFORMED_LINE),
    };
    Ok((method, part(first + 1..last)?, version))
}

/// Parses field lines up to the empty line. Returns their length in bytes, including the empty line.
fn parse_fields(lines: &[u8], max: usize) -> Result<(usize, Vec<FieldLine<'_>>), Refusal> {
    let mut few = [EMPTY_HEADER; FEW_FIELDS];
    match httparse::parse_headers(lines, &mut few) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut many = vec![EMPTY_HEADER; max];
            complete_fields(httparse::parse_headers(lines, &mut many))
        }
        parsed => complete_fields(parsed),
    }
}

fn complete_fields<'b>(
    parsed: httparse::Result<(usize, &[FieldLine<'b>])>,
) -> Result<(usize, Vec<FieldLine<'b>>), Refusal> {
    match parsed {
        Ok(Status::Complete((length, fields))) => Ok((length, fields.to_vec())),
        Err(httparse::Error::TooManyHeaders) => Err(TOO_MANY_FIELDS),
        Ok(Status::Partial) | Err(_) => Err(MALFORMED_FIELD),
    }
}

#[cfg(test)]
mod tests {
    use super::meaning::*;
    use super::*;
    use crate::http1::head::complete_within;

    fn refusal(head: &str) -> Option<Refusal> {
        assert_eq!(complete_within(head.as_bytes(), 0, usize::MAX), Some(head.len()), "{head:?}");
        RequestHead::parse(head.as_bytes()).err()
    }

    #[test]
    fn a_head_is_parsed() {
        let bytes = b"POST /a?b HTTP/1.1\r\nhOST: a.example:80\r\nConnection: Keep-Alive, x-y\r\nContent-Length: 5\r\n\
                      Expect: 100-Continue\r\nX:  \ty\t \r\n\r\n";
        let head = RequestHead::parse(bytes).unwrap();
        assert_eq!(
            (head.method.as_str(), head.target.path, head.version),
            ("POST", &b"/a"[..], Version::Http11)
        );
        assert_eq!((head.host, head.fields.len(), head.closes()), (Some("a.example:80"), 5, false));
        assert!(
            head.expects_continue && head.options.keep_alive && matches!(head.framing, Framing::Length(5))
        );
        assert_eq!(head.values("x").collect::<Vec<_>>(), [b"y"]);
    }

    #[test]
    fn a_version_is_served_or_refused() {
        for (version, expected) in [
            ("HTTP/1.1", None),
            ("HTTP/1.2", None),
            ("HTTP/1.9", None),
            ("HTTP/1.0", None),
            ("HTTP/0.9", Some(UNKNOWN_VERSION)),
            ("HTTP/2.0", Some(UNKNOWN_VERSION)),
            ("HTTP/3.0", Some(UNKNOWN_VERSION)),
            ("HTTP/1.10", Some(MALFORMED_LINE)),
            ("HTTP/1", Some(MALFORMED_LINE)),
            ("http/1.1", Some(MALFORMED_LINE)),
            ("HTTP/1.1 ", Some(MALFORMED_LINE)),
            ("ICY/1.1", Some(MALFORMED_LINE)),
        ] {
            assert_eq!(refusal(&format!("GET / {version}\r\nHost: a\r\n\r\n")), expected, "{version}");
        }
    }

    #[test]
    fn other_lines_are_malformed() {
        for line in
            ["GET /", "GET", "", " / HTTP/1.1", "G\0T / HTTP/1.1", "GET HTTP/1.1", "G\u{e9}T / HTTP/1.1"]
        {
            assert_eq!(refusal(&format!("{line}\r\nHost: a\r\n\r\n")), Some(MALFORMED_LINE), "{line}");
        }
        for line in ["PROXY TCP4 192.0.2.1 198.51.100.1 56324 443", "PROXY UNKNOWN"] {
            assert_eq!(refusal(&format!("{line}\r\nGET / HTTP/1.1\r\n\r\n")), Some(PROXY_HEADER), "{line}");
        }
        assert!(refusal("GET  / HTTP/1.1\r\nHost: a\r\n\r\n").is_some());
        assert!(refusal("GET / / HTTP/1.1\r\nHost: a\r\n\r\n").is_some());
    }

    #[test]
    fn fields_are_checked() {
        for (fields, expected) in [
            ("", Some(NO_HOST)),
            ("Host: a\r\nHost: a\r\n", Some(REPEATED_HOST)),
            ("Host:\r\n", Some(INVALID_HOST)),
            ("Host: a:b\r\n", Some(INVALID_HOST)),
            ("Host: a\r\n folded: b\r\n", Some(MALFORMED_FIELD)),
            ("Host: a\r\nX: a\r\n\tb\r\n", Some(MALFORMED_FIELD)),
            ("Host: a\r\n: b\r\n", Some(MALFORMED_FIELD)),
            ("Host : a\r\n", Some(MALFORMED_FIELD)),
            ("Host: a\r\nb\r\n", Some(MALFORMED_FIELD)),
            ("Host: a\r\nX: \0\r\n", Some(MALFORMED_FIELD)),
            ("Host: a\r\nX: a\rb\r\n", Some(MALFORMED_FIELD)),
            ("Host: a\r\nCaf\u{e9}: b\r\n", Some(MALFORMED_FIELD)),
            ("Host: a\r\nX: caf\u{e9}\r\n", None),
            (&format!("Host: a\r\n{}", "X: y\r\n".repeat(255)), None),
            (&format!("Host: a\r\n{}", "X: y\r\n".repeat(256)), Some(TOO_MANY_FIELDS)),
            (&format!("Host: a\r\nConnection: close{}\r\n", ", x".repeat(64)), None),
            (&format!("Host: a\r\nConnection: close{}\r\n", ", x".repeat(65)), Some(TOO_MANY_OPTIONS)),
            (&format!("Host: a\r\n{}", "Connection: x\r\n".repeat(65)), Some(TOO_MANY_OPTIONS)),
        ] {
            assert_eq!(refusal(&format!("GET / HTTP/1.1\r\n{fields}\r\n")), expected, "{fields:?}");
        }
        assert_eq!(refusal("GET / HTTP/1.0\r\n\r\n"), None);
        assert_eq!(refusal("GET / HTTP/1.0\r\nHost: :80\r\n\r\n"), Some(INVALID_HOST));
        assert_eq!(refusal("GET http://a/ HTTP/1.1\r\n\r\n"), Some(NO_HOST));
    }

    #[test]
    fn an_ambiguous_framing_is_refused() {
        for (version, fields, expected) in [
            ("1.1", "Content-Length: 5", None),
            ("1.1", "Content-Length: 5, 5", None),
            ("1.1", "Content-Length: 5\r\nContent-Length: 5", None),
            ("1.1", "Content-Length: 5\r\nContent-Length: 6", Some(INVALID_LENGTH)),
            ("1.1", "Content-Length: 5, 6", Some(INVALID_LENGTH)),
            ("1.1", "Content-Length: +5", Some(INVALID_LENGTH)),
            ("1.1", "Content-Length: -1", Some(INVALID_LENGTH)),
            ("1.1", "Content-Length:", Some(INVALID_LENGTH)),
            ("1.1", "Content-Length: 18446744073709551615", None),
            ("1.1", "Content-Length: 18446744073709551616", Some(INVALID_LENGTH)),
            ("1.1", "Transfer-Encoding: chunked", None),
            ("1.1", "Transfer-Encoding: Chunked", None),
            ("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 5", Some(CONTRADICTORY)),
            ("1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked", Some(CONTRADICTORY)),
            ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Some(REPEATED_CODING)),
            ("1.1", "Transfer-Encoding: chunked, gzip", Some(CHUNKED_NOT_LAST)),
            ("1.1", "Transfer-Encoding: chunked, chunked", Some(CHUNKED_NOT_LAST)),
            ("1.1", "Transfer-Encoding: gzip, chunked", Some(UNKNOWN_CODING)),
            ("1.1", "Transfer-Encoding: gzip", Some(UNKNOWN_CODING)),
            ("1.1", "Transfer-Encoding: identity", Some(UNKNOWN_CODING)),
            ("1.1", "Transfer-Encoding:", Some(MALFORMED_CODING)),
            ("1.1", "Transfer-Encoding: chunked,", Some(MALFORMED_CODING)),
            ("1.1", "Transfer-Encoding: ,chunked", Some(MALFORMED_CODING)),
            ("1.1", "Transfer-Encoding : chunked", Some(MALFORMED_FIELD)),
            ("1.0", "Transfer-Encoding: chunked", Some(CODING_BEFORE_1_1)),
            ("1.0", "Content-Length: 5", None),
        ] {
            let head = format!("POST / HTTP/{version}\r\nHost: a\r\n{fields}\r\n\r\n");
            assert_eq!(refusal(&head), expected, "{version} {fields:?}");
        }
    }

    #[test]
    fn the_version_and_the_options_decide_if_the_connection_closes() {
        for (version, field, closes) in [
            ("1.1", "X: y", false),
            ("1.1", "Connection: close", true),
            ("1.1", "Connection: keep-alive, Close", true),
            ("1.0", "X: y", true),
            ("1.0", "Connection: Keep-Alive", false),
        ] {
            let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{field}\r\n\r\n");
            assert_eq!(RequestHead::parse(head.as_bytes()).unwrap().closes(), closes, "{version} {field}");
        }
    }

    #[test]
    fn only_a_request_of_http_1_1_expects_a_continue() {
        for (version, value, expected) in
            [("1.1", "100-continue", true), ("1.0", "100-continue", false), ("1.1", "200-ok", false)]
        {
            let head = format!("POST / HTTP/{version}\r\nHost: a\r\nExpect: {value}\r\n\r\n");
            assert_eq!(RequestHead::parse(head.as_bytes()).unwrap().expects_continue, expected);
        }
    }
}
