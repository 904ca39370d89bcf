//! Writes the heads of responses that are made here.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};

use super::content_length::write_length;
use super::fields::write_field;
use super::request::Version;
use super::response::has_no_body;

/// Asks for the body. Every client of HTTP/1.1 can parse it at any time before the response (RFC 9110, section 15.2).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What follows a head, for the fields that frame the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Content of this length in bytes, or none if the request was HEAD.
    Length(u64),
    /// Content in chunks.
    Chunked,
    /// Content until the connection closes; or nothing, as after HEAD, of a length that is not known.
    Unframed,
}

/// The head of a response that is made here.
#[derive(Clone, Copy, Debug)]
pub struct LocalHead<'a> {
    /// The status.
    pub status: StatusCode,
    /// The fields, without those for this connection and without Date.
    pub fields: &'a HeaderMap,
    /// What follows.
    pub content: Content,
    /// The value of Date.
    pub date: &'a str,
    /// The version of the request.
    pub version: Version,
    /// True if the connection closes after the response.
    pub closes: bool,
}

/// Appends a status line.
pub fn write_status_line(out: &mut Vec<u8>, status: StatusCode, reason: &str) {
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends the Connection field that says if the connection closes, where one is needed (RFC 9112, section 9.3), and Upgrade
/// with these protocols, if there are any (RFC 9110, section 7.8).
pub fn write_connection(out: &mut Vec<u8>, version: Version, closes: bool, protocols: &[&[u8]]) {
    let lasts: Option<&[u8]> = match (closes, version) {
        (true, _) => Some(b"close"),
        (false, Version::Http10) => Some(b"keep-alive"),
        (false, Version::Http11) => None,
    };
    if protocols.is_empty() {
        if let Some(lasts) = lasts {
            write_field(out, "connection", &[lasts]);
        }
        return;
    }
    write_field(out, "upgrade", protocols);
    let options: Vec<&[u8]> = [&b"upgrade"[..]].into_iter().chain(lasts).collect();
    write_field(out, "connection", &options);
}

impl LocalHead<'_> {
    /// Appends the head, including the empty line.
    pub fn write(&self, out: &mut Vec<u8>) {
        // A status that is not registered gets an empty reason.
        write_status_line(out, self.status, self.status.canonical_reason().unwrap_or_default());
        for (name, value) in self.fields.iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
            write_field(out, name.as_str(), &[value.as_bytes()]);
        }
        match self.content {
            Content::Length(length) if !has_no_body(self.status) => {
                write_length(out, length);
            }
            Content::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Content::Length(_) | Content::Unframed => {}
        }
        write_field(out, "date", &[self.date.as_bytes()]);
        write_connection(out, self.version, self.closes, &[]);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::ETAG;

    use super::*;

    #[test]
    fn a_head_frames_its_message() {
        let fields = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("e"))]);
        for (status, content, version, closes, expected) in [
            (200, Content::Length(5), Version::Http11, false, "200 OK|etag: e|content-length: 5|date: now"),
            (204, Content::Length(0), Version::Http11, false, "204 No Content|etag: e|date: now"),
            (
                599,
                Content::Length(0),
                Version::Http11,
                true,
                "599 |etag: e|content-length: 0|date: now|connection: close",
            ),
            (
                200,
                Content::Chunked,
                Version::Http11,
                false,
                "200 OK|etag: e|transfer-encoding: chunked|date: now",
            ),
            (200, Content::Unframed, Version::Http10, true, "200 OK|etag: e|date: now|connection: close"),
            (
                200,
                Content::Length(1),
                Version::Http10,
                false,
                "200 OK|etag: e|content-length: 1|date: now|connection: keep-alive",
            ),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let mut out = Vec::new();
            LocalHead { status, fields: &fields, content, date: "now", version, closes }.write(&mut out);
            let expected = format!("HTTP/1.1 {}\r\n\r\n", expected.replace('|', "\r\n"));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
