//! Parses the head of a plain request: one whose response depends on a few fields only.

use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use httparse::Header;

use super::is_host;
use crate::matching::request::is_method_override;
use crate::page::NEGOTIATION_FIELDS;

/// A head with more fields is not plain.
const MAX_FIELDS: usize = 64;

/// Memory for the parsed fields of a head.
pub(super) type HeaderSlots<'b> = [MaybeUninit<Header<'b>>; MAX_FIELDS];

/// Memory for the fields of one head.
pub(super) const fn header_slots<'b>() -> HeaderSlots<'b> {
    [const { MaybeUninit::uninit() }; MAX_FIELDS]
}

/// A GET or HEAD over HTTP/1.1 for a path and one host, without a body, that keeps the connection open.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PlainHead<'h, 'b> {
    /// In bytes, including the empty line.
    pub(super) length: usize,
    pub(super) method: &'static Method,
    /// The path and query.
    pub(super) target: &'b str,
    /// The path without the query.
    pub(super) path: &'b str,
    pub(super) host: &'b str,
    pub(super) accept: Option<&'b [u8]>,
    /// `Sec-Fetch-Dest`.
    pub(super) destination: Option<&'b [u8]>,
    /// All fields.
    pub(super) fields: &'h [Header<'b>],
    /// True if it has `TE` (RFC 9110, section 10.1.4).
    pub(super) has_codings: bool,
    /// True if it has a field that many sites use as the method.
    pub(super) has_override_field: bool,
    /// True if it has other fields that the page depends on.
    pub(super) is_special: bool,
}

impl PlainHead<'_, '_> {
    /// The fields that the page depends on.
    pub(super) fn page_fields(&self) -> HeaderMap {
        let valid = |field: &Header<'_>| {
            let name = NEGOTIATION_FIELDS.iter().find(|name| field.name.eq_ignore_ascii_case(name))?;
            Some((HeaderName::from_static(name), HeaderValue::from_bytes(field.value).ok()?))
        };
        self.fields.iter().filter_map(valid).collect()
    }

    /// The query without `?`.
    pub(super) fn query(&self) -> Option<&str> {
        self.target.get(self.path.len() + 1..)
    }

    /// The values of a field.
    pub(super) fn values(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name.as_str()))
            .map(|field| field.value)
    }
}

/// The beginning of a client's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParsedStart<'h, 'b> {
    Plain(PlainHead<'h, 'b>),
    /// An incomplete head.
    Incomplete,
    /// Anything else, such as a malformed head.
    Other,
}

/// Parses the unread bytes of a client.
pub(super) fn parse<'h, 'b>(unread: &'b [u8], slots: &'h mut HeaderSlots<'b>) -> ParsedStart<'h, 'b> {
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(unread, slots) {
        Ok(httparse::Status::Complete(length)) => {
            plain(length, request).map_or(ParsedStart::Other, ParsedStart::Plain)
        }
        Ok(httparse::Status::Partial) => ParsedStart::Incomplete,
        Err(_) => ParsedStart::Other,
    }
}

fn plain<'h, 'b>(length: usize, request: httparse::Request<'h, 'b>) -> Option<PlainHead<'h, 'b>> {
    let httparse::Request { method, path: target, version, headers } = request;
    let method = match method? {
        "GET" => &Method::GET,
        "HEAD" => &Method::HEAD,
        _ => return None,
    };
    if version != Some(1) {
        return None;
    }
    let fields: &'h [Header<'b>] = headers;
    let (mut host, mut accept, mut destination) = (None, None, None);
    let (mut has_codings, mut has_override_field, mut is_special) = (false, false, false);
    for field in fields {
        let is_plain = match FieldEffect::from_name(field.name) {
            FieldEffect::Host => host.replace(field.value).is_none(),
            FieldEffect::Accept => accept.replace(field.value).is_none(),
            FieldEffect::Destination => destination.replace(field.value).is_none(),
            FieldEffect::Connection => field.value.eq_ignore_ascii_case(b"keep-alive"),
            FieldEffect::Framing => false,
            FieldEffect::Codings => {
                has_codings = true;
                true
            }
            FieldEffect::Override => {
                has_override_field = true;
                true
            }
            FieldEffect::Special => {
                is_special = true;
                true
            }
            FieldEffect::Other => true,
        };
        if !is_plain {
            return None;
        }
    }
    let host = host.filter(|host| is_host(host)).and_then(|host| std::str::from_utf8(host).ok())?;
    let target = target?;
    let path = path(target)?;
    Some(PlainHead {
        length,
        method,
        target,
        path,
        host,
        accept,
        destination,
        fields,
        has_codings,
        has_override_field,
        is_special,
    })
}

/// The meaning of a field for the response.
enum FieldEffect {
    Host,
    Accept,
    Destination,
    Connection,
    /// Says where the message ends, or changes how it is sent.
    Framing,
    /// `TE`.
    Codings,
    /// Names another method than that of the request.
    Override,
    /// The page depends on it, and few requests have it.
    Special,
    Other,
}

impl FieldEffect {
    fn from_name(name: &str) -> Self {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is("te") => Self::Codings,
            4 if is("host") => Self::Host,
            6 if is("accept") => Self::Accept,
            6 if is("expect") => Self::Framing,
            6 if is("origin") => Self::Special,
            7 if is("upgrade") => Self::Framing,
            10 if is("connection") => Self::Connection,
            12 if is("content-type") => Self::Special,
            14 if is("sec-fetch-dest") => Self::Destination,
            14 if is("content-length") => Self::Framing,
            16 if is("x-requested-with") => Self::Special,
            17 if is("transfer-encoding") => Self::Framing,
            13 | 17 | 22 if is_method_override(name) => Self::Override,
            _ => Self::Other,
        }
    }
}

/// Returns the path of a target in origin form (RFC 9112, section 3.2.1), if it has only bytes that RFC 3986 allows.
fn path(target: &str) -> Option<&str> {
    let bytes = target.as_bytes();
    let length = bytes.iter().take_while(|byte| IN_PATH.has(**byte)).count();
    let mut behind = bytes.iter().skip(length);
    let is_plain = target.starts_with('/')
        && behind.next().is_none_or(|byte| *byte == b'?')
        && behind.all(|byte| *byte == b'?' || IN_PATH.has(*byte));
    if is_plain { target.get(..length) } else { None }
}

/// The bytes that RFC 3986 allows in a path.
static IN_PATH: ByteSet = ByteSet::new(b"!$%&'()*+,-./:;=@_~");
/// The bytes of most hosts.
pub(super) static IN_HOST: ByteSet = ByteSet::new(b".-");

/// A set of letters, digits and some other bytes.
pub(super) struct ByteSet([bool; 256]);

impl ByteSet {
    const fn new(others: &[u8]) -> Self {
        let mut has = [false; 256];
        let mut byte = 0_u8;
        while byte.is_ascii() {
            has[byte as usize] = byte.is_ascii_alphanumeric();
            byte += 1;
        }
        let mut at = 0;
        while at < others.len() {
            has[others[at] as usize] = true;
            at += 1;
        }
        Self(has)
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(head: &str) -> Option<(&str, &str)> {
        match parse(head.as_bytes(), &mut header_slots()) {
            ParsedStart::Plain(found) => Some((found.path, found.host)),
            ParsedStart::Incomplete | ParsedStart::Other => None,
        }
    }

    #[test]
    fn a_plain_head_is_parsed_without_the_bytes_after_it() {
        let head = "HEAD /a/%2e?b=c HTTP/1.1\r\nhOST: a.example:80\r\nConnection: Keep-Alive\r\nAccept: text/html\r\n\
                    Sec-Fetch-Dest: image\r\nte: trailers\r\nX-Other: \u{e9}\r\n\r\n";
        let more = format!("{head}GET / HTTP/1.1\r\n");
        let field = |name, value| Header { name, value };
        let expected = PlainHead {
            length: head.len(),
            method: &Method::HEAD,
            target: "/a/%2e?b=c",
            path: "/a/%2e",
            host: "a.example:80",
            accept: Some(b"text/html"),
            destination: Some(b"image"),
            fields: &[
                field("hOST", b"a.example:80"),
                field("Connection", b"Keep-Alive"),
                field("Accept", b"text/html"),
                field("Sec-Fetch-Dest", b"image"),
                field("te", b"trailers"),
                field("X-Other", "\u{e9}".as_bytes()),
            ],
            has_codings: true,
            has_override_field: false,
            is_special: false,
        };
        assert_eq!(
            (expected.query(), plain("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
            (Some("b=c"), Some(("/", "a")))
        );
        assert_eq!(parse(more.as_bytes(), &mut header_slots()), ParsedStart::Plain(expected));
    }

    #[test]
    fn rare_fields_are_noticed() {
        for (field, has_override_field, is_special) in [
            ("X-Other: 1", false, false),
            ("X-HTTP-Method-Override: PUT", true, false),
            ("x-method-override: PUT", true, false),
            ("X_HTTP_METHOD: PUT", true, false),
            ("Origin: null", false, true),
            ("X-Requested-With: a", false, true),
            ("Content-Type: application/grpc", false, true),
        ] {
            let head = format!("GET /? HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
            let mut room = header_slots();
            let ParsedStart::Plain(plain) = parse(head.as_bytes(), &mut room) else { panic!("{field}") };
            let found = (plain.has_override_field, plain.is_special);
            assert_eq!(found, (has_override_field, is_special), "{field}");
            assert_eq!(
                (plain.query(), plain.page_fields().len()),
                (Some(""), usize::from(is_special)),
                "{field}"
            );
        }
    }

    #[test]
    fn an_incomplete_head_is_incomplete() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(parse(&head.as_bytes()[..end], &mut header_slots()), ParsedStart::Incomplete, "{end}");
        }
    }

    #[test]
    fn other_heads_are_not_plain() {
        for (first, fields) in [
            ("POST / HTTP/1.1", ""),
            ("get / HTTP/1.1", ""),
            ("OPTIONS * HTTP/1.1", ""),
            ("CONNECT a:80 HTTP/1.1", ""),
            ("GET http://a/ HTTP/1.1", ""),
            ("GET a HTTP/1.1", ""),
            ("GET /\u{e9} HTTP/1.1", ""),
            ("GET /a\"b HTTP/1.1", ""),
            ("GET /a\\b HTTP/1.1", ""),
            ("GET /a#b HTTP/1.1", ""),
            ("GET / HTTP/1.0", ""),
            ("GET / HTTP/2.0", ""),
            ("PRI * HTTP/2.0", ""),
            ("GET /", ""),
            ("GET / HTTP/1.1", "Host: b\r\n"),
            ("GET / HTTP/1.1", "Content-Length: 0\r\n"),
            ("GET / HTTP/1.1", "Content-Length: 5\r\n"),
            ("GET / HTTP/1.1", "Transfer-Encoding: chunked\r\n"),
            ("GET / HTTP/1.1", "transfer-encoding : chunked\r\n"),
            ("GET / HTTP/1.1", "Expect: 100-continue\r\n"),
            ("GET / HTTP/1.1", "Upgrade: websocket\r\nConnection: upgrade\r\n"),
            ("GET / HTTP/1.1", "Upgrade: h2c\r\n"),
            ("GET / HTTP/1.1", "Connection: close\r\n"),
            ("GET / HTTP/1.1", "Connection: keep-alive, close\r\n"),
            ("GET / HTTP/1.1", "Connection:\r\n"),
            ("GET / HTTP/1.1", "Accept: a/b\r\nAccept: text/plain\r\n"),
            ("GET / HTTP/1.1", "Sec-Fetch-Dest: a\r\nSec-Fetch-Dest: image\r\n"),
            ("GET / HTTP/1.1", " folded: a\r\n"),
            ("GET / HTTP/1.1", ": empty\r\n"),
        ] {
            let head = format!("{first}\r\nHost: a\r\n{fields}\r\n");
            assert_eq!(parse(head.as_bytes(), &mut header_slots()), ParsedStart::Other, "{head:?}");
        }
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        ] {
            assert_eq!(parse(head.as_bytes(), &mut header_slots()), ParsedStart::Other, "{head:?}");
        }
        let many = "X: y\r\n".repeat(MAX_FIELDS);
        assert_eq!(plain(&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")), None);
    }
}
