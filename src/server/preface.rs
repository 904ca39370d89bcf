//! The connection preface of HTTP/2 (RFC 9113, section 3.4).

use crate::http1::scheme::Scheme;
use crate::net::stream::Stream;
use crate::tls::HTTP_2;

/// The bytes with which each client of HTTP/2 begins.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a connection may begin with the preface of HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preface {
    /// The client may choose (RFC 9113, section 3.3).
    Allowed,
    /// The client and the gateway have agreed on HTTP/2 (RFC 9113, section 3.2).
    Required,
    /// They have agreed on HTTP/1.1, or over TLS on nothing.
    Forbidden,
}

impl Preface {
    /// Returns what can be expected on a new connection.
    pub(super) fn expected_on(stream: &Stream) -> Self {
        match stream.alpn_protocol() {
            Some(HTTP_2) => Self::Required,
            None if stream.scheme() == Scheme::Http => Self::Allowed,
            Some(_) | None => Self::Forbidden,
        }
    }
}

/// Returns true if the bytes begin with the preface of HTTP/2, or can become it.
pub(super) fn is_preface(bytes: &[u8]) -> bool {
    let length = bytes.len().min(PREFACE.len());
    length > 0 && bytes.get(..length) == PREFACE.get(..length)
}
