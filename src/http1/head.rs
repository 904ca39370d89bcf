//! Where the head of a request ends, and what cannot become one.

use std::sync::LazyLock;

use http::StatusCode;
use memchr::memmem::Finder;

use super::refusal::Refusal;
use super::request::{MALFORMED_LINE, PROXY_HEADER};
use super::token::is_token_byte;

/// The end of the last line, and an empty line.
static END: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\n\r\n"));
/// The same where lines end without a carriage return (RFC 9112, section 2.2).
static END_WITHOUT_RETURN: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\n\n"));

/// The first byte of TLS (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// How a header of version 1 of the PROXY protocol begins.
pub const PROXY_V1: &[u8] = b"PROXY ";
/// How a header of version 2 begins.
pub const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The same after its two empty lines, which may precede a head too.
const PROXY_V2_REST: &[u8] = PROXY_V2.split_at(4).1;

const NO_TLS: Refusal = Refusal::bad_request("this port speaks HTTPS: write https:// in the URL");
const TLS: Refusal = Refusal::bad_request("this port does not speak HTTPS: write http:// in the URL");
/// The refusal for a head that is too long.
pub const TOO_LONG_HEAD: Refusal = Refusal {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    reason: "the head of the request is too long",
};
const TOO_LONG_LINE: Refusal =
    Refusal { status: StatusCode::URI_TOO_LONG, reason: "the first line of the request is too long" };

/// Returns true if a refusal is one of [`too_long`].
pub fn is_too_long(refusal: &Refusal) -> bool {
    [TOO_LONG_HEAD, TOO_LONG_LINE].contains(refusal)
}

/// Returns the refusal for bytes that begin with a head which is longer than `max` bytes.
pub fn too_long(bytes: &[u8], max: usize) -> Refusal {
    let has_line = bytes.iter().take(max).any(|byte| *byte == b'\n');
    if has_line { TOO_LONG_HEAD } else { TOO_LONG_LINE }
}

/// Returns the refusal for bytes that cannot be the beginning of a head, such as those of TLS. A CR alone can be that of an
/// empty line before the head.
pub fn not_a_head(bytes: &[u8]) -> Option<Refusal> {
    let is_malformed = bytes != b"\r" && bytes.first().is_some_and(|byte| !is_token_byte(*byte));
    is_malformed.then(|| match bytes {
        [TLS_HANDSHAKE, ..] => TLS,
        _ if bytes.starts_with(PROXY_V2_REST) => PROXY_HEADER,
        _ => MALFORMED_LINE,
    })
}

/// Returns the refusal for the first bytes of a connection that should begin with TLS, if they are recognized as those of a request or
/// of a PROXY header. A request begins with the letters of a method.
pub fn not_tls(bytes: &[u8]) -> Option<Refusal> {
    if bytes.starts_with(PROXY_V1) || bytes.starts_with(PROXY_V2) {
        return Some(PROXY_HEADER);
    }
    bytes.first().is_some_and(u8::is_ascii_alphabetic).then_some(NO_TLS)
}

/// Returns how many of the `bytes` have to be parsed for the head that they begin with: it ends there or, where its lines end
/// without a carriage return (RFC 9112, section 2.2), maybe before. `None` if it is incomplete, or longer than `max` bytes.
/// The first `searched` bytes have been searched before.
pub fn complete_within(bytes: &[u8], searched: usize, max: usize) -> Option<usize> {
    // The end is up to three bytes long.
    let from = searched.saturating_sub(3);
    let rest = bytes.get(from..)?;
    let end = |finder: &Finder<'_>| {
        let end = from + finder.find(rest)? + finder.needle().len();
        (end <= max).then_some(end)
    };
    end(&END).or_else(|| end(&END_WITHOUT_RETURN))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 30;

    #[test]
    fn the_end_of_a_head_is_found_however_it_is_split() {
        let long = format!("GET / HTTP/1.1\nHost: a\n\n{}\r\n\r\n", "x".repeat(MAX));
        for (bytes, expected) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nmore\n\n", Some(27)),
            ("GET / HTTP/1.1\nHost: a\n\nmore", Some(24)),
            (&long, Some(24)),
            ("GET / HTTP/1.1\r\n\r\n", Some(18)),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r", None),
            ("GET / HTTP/1.1\r\nHost: 1234\r\n\r\n", Some(30)),
            ("GET / HTTP/1.1\r\nHost: 12345\r\n\r\n", None),
            ("", None),
        ] {
            for searched in 0..expected.unwrap_or(bytes.len()) {
                assert_eq!(
                    complete_within(bytes.as_bytes(), searched, MAX),
                    expected,
                    "{bytes:?} {searched}"
                );
            }
        }
    }

    #[test]
    fn bytes_that_cannot_become_a_head_are_refused_early() {
        for (bytes, expected) in [
            ("", None),
            ("G", None),
            ("~", None),
            ("\r", None),
            ("\rG", Some(MALFORMED_LINE)),
            (" GET", Some(MALFORMED_LINE)),
            ("\x16\x03\x01", Some(TLS)),
            ("\0\r\nQUIT\n\x21", Some(PROXY_HEADER)),
            ("\0\r\nQUIT", Some(MALFORMED_LINE)),
        ] {
            assert_eq!(not_a_head(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_comes_instead_of_tls_is_recognized_by_its_first_bytes() {
        for (bytes, expected) in [
            ("", None),
            ("\x16\x03\x01", None),
            ("G", Some(NO_TLS)),
            ("PRI * HTTP/2", Some(NO_TLS)),
            ("PROXY", Some(NO_TLS)),
            ("PROXY TCP4 1", Some(PROXY_HEADER)),
            ("\r\n\r\n\0\r\nQUIT\n", Some(PROXY_HEADER)),
            ("\0\r\nQUIT\n", None),
            ("\r\n\r\n", None),
        ] {
            assert_eq!(not_tls(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
