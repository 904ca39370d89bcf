//! Fields, and which of them are forwarded (RFC 9110, section 7.6.1).

use super::field_names::{
    is_for_everybody, is_forwarding, is_hop_by_hop, is_look_alike, is_protected, is_read_as_forwarding,
};

/// A field line: its name as received, and its value without surrounding white space.
pub type FieldLine<'b> = httparse::Header<'b>;

/// The largest number of fields in a head or in a trailer section.
pub const MAX_FIELDS: usize = 256;

/// The values of all fields of this name.
pub fn values<'f, 'b>(
    fields: &'f [FieldLine<'b>],
    name: &'f str,
) -> impl DoubleEndedIterator<Item = &'b [u8]> + Clone + use<'f, 'b> {
    fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// The elements of a list field, without empty ones.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Appends a field whose value is a list of these elements.
pub fn write_field(out: &mut Vec<u8>, name: &str, elements: &[&[u8]]) {
    out.extend_from_slice(name.as_bytes());
    let mut before: &[u8] = b": ";
    for element in elements {
        out.extend_from_slice(before);
        out.extend_from_slice(element);
        before = b", ";
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends fields of a head, given with its `bytes`, in which they are. Their names keep their case. Lines that follow one
/// another are copied as one, unless they have other white space than `: ` and CR LF.
pub fn write_received<'f, 'b: 'f>(
    out: &mut Vec<u8>,
    bytes: &'b [u8],
    fields: impl Iterator<Item = &'f FieldLine<'b>>,
) {
    let mut lines = 0..0;
    for field in fields {
        let start = offset(bytes, field.name.as_bytes());
        let end = offset(bytes, field.value) + field.value.len() + 2;
        if !is_line(bytes.get(start..end), field) {
            out.extend_from_slice(bytes.get(std::mem::take(&mut lines)).unwrap_or_default());
            write_field(out, field.name, &[field.value]);
        } else if start == lines.end {
            lines.end = end;
        } else {
            out.extend_from_slice(bytes.get(lines).unwrap_or_default());
            lines = start..end;
        }
    }
    out.extend_from_slice(bytes.get(lines).unwrap_or_default());
}

/// Returns where `part` begins in `whole`.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr())
}

/// Returns true if `line` is the field as [`write_field`] would write it.
fn is_line(line: Option<&[u8]>, field: &FieldLine<'_>) -> bool {
    let FieldLine { name, value } = field;
    let Some(line) = line else { return false };
    line.len() == name.len() + value.len() + 4
        && line.get(name.len()..name.len() + 2) == Some(b": ")
        && line.ends_with(b"\r\n")
}

/// The largest number of connection options that name fields. Messages have a few, and each is compared with each field.
pub const MAX_OPTIONS: usize = 64;

/// The error for more of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooManyOptions;

/// The options of the Connection fields (RFC 9110, section 7.6.1).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ConnectionOptions {
    /// `close`.
    pub close: bool,
    /// `keep-alive`.
    pub keep_alive: bool,
    /// `upgrade`.
    pub upgrade: bool,
    /// The others: names of fields that are meant for this connection only.
    named: Vec<Box<[u8]>>,
}

impl ConnectionOptions {
    /// Adds the options of one field.
    ///
    /// # Errors
    /// There are more than [`MAX_OPTIONS`].
    pub fn add(&mut self, value: &[u8]) -> Result<(), TooManyOptions> {
        for token in tokens(value) {
            let is = |option: &str| token.eq_ignore_ascii_case(option.as_bytes());
            if is("keep-alive") {
                self.keep_alive = true;
            } else if is("close") {
                self.close = true;
            } else if is("upgrade") {
                self.upgrade = true;
            } else if self.named.len() < MAX_OPTIONS {
                self.named.push(token.into());
            } else {
                return Err(TooManyOptions);
            }
        }
        Ok(())
    }

    /// Returns true if the options name a field, and the message keeps its meaning without that field (CVE-2024-45410).
    fn names(&self, name: &str) -> bool {
        !self.named.is_empty()
            && self.named.iter().any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
            && !is_protected(name)
    }
}

/// The sender of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sender {
    /// A client that is not trusted to name other clients or hosts.
    Client,
    /// A proxy that is trusted to name its client.
    TrustedProxy,
    /// The upstream.
    Upstream,
}

/// Decides which fields of one message are forwarded.
#[derive(Clone, Copy, Debug)]
pub struct FieldFilter<'m> {
    /// The sender of the message.
    pub sender: Sender,
    /// The options of its Connection fields.
    pub options: &'m ConnectionOptions,
}

impl FieldFilter<'_> {
    /// Returns true if a field of the head is forwarded.
    pub fn passes(&self, name: &str) -> bool {
        if is_hop_by_hop(name) || self.options.names(name) {
            return false;
        }
        match self.sender {
            Sender::Upstream => true,
            Sender::TrustedProxy => !is_look_alike(name),
            Sender::Client => !is_look_alike(name) && !is_forwarding(name),
        }
    }

    /// Returns true if a trailer field is forwarded: one that passes in the head, and whose meaning does not depend on being there
    /// (RFC 9110, section 6.5.1).
    pub fn passes_trailer(&self, name: &str) -> bool {
        self.passes(name) && !is_read_as_forwarding(name) && !is_for_everybody(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing<'a>(sender: Sender, lines: &[&'a str]) -> Vec<&'a str> {
        let split = |line: &&'a str| line.split_once(": ").unwrap();
        let mut options = ConnectionOptions::default();
        for (name, value) in lines.iter().map(split) {
            if name.eq_ignore_ascii_case("connection") {
                options.add(value.as_bytes()).unwrap();
            }
        }
        let filter = FieldFilter { sender, options: &options };
        lines.iter().map(split).map(|(name, _)| name).filter(|name| filter.passes(name)).collect()
    }

    #[test]
    fn hop_by_hop_fields_and_those_that_the_connection_names_are_dropped() {
        for (sent, passed) in [
            (&["Connection: keep-alive", "Keep-Alive: 5", "Accept: a"][..], &["Accept"][..]),
            (&["Connection: X-Mine, close", "X-Mine: 1", "X-Other: 2"], &["X-Other"]),
            (&["Connection: a", "Connection: b", "A: 1", "B: 2", "C: 3"], &["C"]),
            (&["Proxy-Connection: close", "Proxy-Authorization: a", "Proxy-Foo: b", "Proxy: c"], &[]),
            (&["Proxyx: 1"], &["Proxyx"]),
            (&["Transfer-Encoding: chunked", "Upgrade: h2c", "HTTP2-Settings: AA", "TE: trailers"], &[]),
            (&["Trailer: Expires"], &["Trailer"]),
            (&["Connection: b\u{e9}d, ,@", "Accept: a"], &["Accept"]),
            (&["Set-Cookie: a", "Set-Cookie: b"], &["Set-Cookie", "Set-Cookie"]),
            (
                &[
                    "Connection: host, date, content-length, via",
                    "Host: a",
                    "Date: b",
                    "Content-Length: 1",
                    "Via: c",
                ],
                &["Host", "Date", "Content-Length", "Via"],
            ),
            (
                &[
                    "Connection: content-encoding, content-type, set-cookie, location, etag, cache-control, cookie, range, x",
                    "Content-Encoding: gzip",
                    "Content-Type: text/html",
                    "Set-Cookie: a",
                    "Location: /",
                    "ETag: a",
                    "Cache-Control: no-store",
                    "Cookie: a",
                    "Range: bytes=0-",
                    "X: y",
                ],
                &[
                    "Content-Encoding",
                    "Content-Type",
                    "Set-Cookie",
                    "Location",
                    "ETag",
                    "Cache-Control",
                    "Cookie",
                    "Range",
                ],
            ),
        ] {
            assert_eq!(passing(Sender::TrustedProxy, sent), passed, "{sent:?}");
            assert_eq!(passing(Sender::Upstream, sent), passed, "{sent:?}");
        }
    }

    #[test]
    fn forwarding_fields_pass_only_from_trusted_proxies_and_look_alikes_from_no_client() {
        let sent = [
            "Connection: x-forwarded-for",
            "X-Forwarded-For: a",
            "X-Forwarded-Port: a",
            "Forwarded: a",
            "X_Forwarded_For: a",
            "X-Forwarded_Host: a",
            "Transfer_Encoding: chunked",
            "Content.Length: 5",
            "X_Real: kept",
        ];
        assert_eq!(passing(Sender::Client, &sent), ["X_Real"]);
        let claims = ["X-Forwarded-For", "X-Forwarded-Port", "Forwarded", "X_Real"];
        assert_eq!(passing(Sender::TrustedProxy, &sent), claims);
    }

    #[test]
    fn a_trailer_does_not_frame_route_or_name_the_client() {
        let options = ConnectionOptions::default();
        for (name, client, upstream) in [
            ("X-Sum", true, true),
            ("grpc-status", true, true),
            ("Content-Length", false, false),
            ("Transfer-Encoding", false, false),
            ("Host", false, false),
            ("Connection", false, false),
            ("X-Forwarded-For", false, false),
            ("X_Forwarded_For", false, false),
            ("Set-Cookie", false, false),
            ("X-HTTP-Method-Override", false, false),
            ("X_HTTP_Method", false, false),
            ("X-Request-Id", false, false),
            ("Range", false, false),
            ("If-None-Match", false, false),
            ("If_Match", false, false),
            ("Cache-Control", false, false),
            ("CDN-Cache-Control", false, false),
            ("Accept", false, false),
            ("Origin", false, false),
            ("Sec-Fetch-Site", false, false),
            ("Content-Disposition", false, false),
            ("Location", false, false),
            ("Content-Digest", true, true),
            ("Repr-Digest", true, true),
            ("ETag", true, true),
            ("Server-Timing", true, true),
            ("grpc-status-details-bin", true, true),
        ] {
            let passes = |sender| FieldFilter { sender, options: &options }.passes_trailer(name);
            assert_eq!((passes(Sender::Client), passes(Sender::Upstream)), (client, upstream), "{name}");
        }
    }

    #[test]
    fn received_fields_are_written_as_they_came_but_for_white_space() {
        const LINES: &[u8] = b"A: 1\r\nb:2\r\nC: 3\r\nD: \r\nE:\r\nF: 6 \r\nG: 7\nH: 8\r\n\r\n";
        let mut fields = [httparse::EMPTY_HEADER; 8];
        assert!(httparse::parse_headers(LINES, &mut fields).unwrap().is_complete());
        for (names, expected) in [
            ("ABCDEFGH", "A: 1\r\nb: 2\r\nC: 3\r\nD: \r\nE: \r\nF: 6\r\nG: 7\r\nH: 8\r\n"),
            ("ACH", "A: 1\r\nC: 3\r\nH: 8\r\n"),
            ("CD", "C: 3\r\nD: \r\n"),
            ("B", "b: 2\r\n"),
            ("", ""),
        ] {
            let mut out = Vec::new();
            let passes = |field: &&FieldLine<'_>| names.contains(&field.name.to_ascii_uppercase());
            write_received(&mut out, LINES, fields.iter().filter(passes));
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{names}");
        }
    }
}
