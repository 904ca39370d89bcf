//! The path of a request, as far as rules may trust it.
//!
//! A rule compares text; a site may read a path otherwise: resolve `..`, fold `//`, cut at `;`, decode twice. Each
//! difference is a way round the rule (CVE-2021-32779, CVE-2025-66490). So a path counts only in the one spelling that
//! every reader takes alike, and any other matches no exemption.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

/// The path of a request target: the raw form that came, and what it means if that form is canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath<'a> {
    raw: &'a str,
    decoded: Result<Cow<'a, str>, NotCanonical>,
}

/// Why a path matches no exemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCanonical {
    /// It does not begin with `/` (`*`, or an authority).
    NotAbsolute,
    /// A segment is `.` or `..`.
    DotSegment,
    /// Two slashes stand together.
    EmptySegment,
    /// It holds a backslash, which some servers take for a slash.
    Backslash,
    /// It holds `;`, which some servers cut off with what follows.
    Parameter,
    /// It holds an encoded `/`, `\`, `.`, `%` or NUL, which some servers decode again.
    EncodedDelimiter,
    /// A `%` is not followed by two hexadecimal digits (RFC 3986 2.1).
    BrokenEscape,
    /// It is not UTF-8 after percent-decoding.
    NotUtf8,
}

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "does not begin with `/`",
            Self::DotSegment => "has a `.` or `..` segment",
            Self::EmptySegment => "has `//` in it",
            Self::Backslash => "has a backslash in it",
            Self::Parameter => "has a `;` in it",
            Self::EncodedDelimiter => "has an encoded `/`, `\\`, `.`, `%` or NUL in it",
            Self::BrokenEscape => "has a `%` without two hexadecimal digits behind it",
            Self::NotUtf8 => "is not UTF-8 when decoded",
        })
    }
}

impl<'a> RequestPath<'a> {
    /// Takes the path of a request target: without query, as it came.
    pub fn new(raw: &'a str) -> Self {
        Self { raw, decoded: decode(raw) }
    }

    /// The bytes that came.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The path after percent-decoding, if its raw form is canonical.
    pub fn canonical(&self) -> Option<&str> {
        self.decoded.as_deref().ok()
    }

    /// Why the path is not canonical; `None` where it is.
    pub fn fault(&self) -> Option<NotCanonical> {
        self.decoded.as_ref().err().copied()
    }
}

fn decode(raw: &str) -> Result<Cow<'_, str>, NotCanonical> {
    if !raw.starts_with('/') {
        return Err(NotCanonical::NotAbsolute);
    }
    let found = check_bytes(raw.as_bytes())?;
    if found.dot && raw.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(NotCanonical::DotSegment);
    }
    if !found.escape {
        return Ok(Cow::Borrowed(raw));
    }
    percent_decode_str(raw).decode_utf8().map_err(|_| NotCanonical::NotUtf8)
}

/// What a path has in it that is to be looked at again.
#[derive(Default)]
struct Found {
    dot: bool,
    escape: bool,
}

fn check_bytes(raw: &[u8]) -> Result<Found, NotCanonical> {
    let mut found = Found::default();
    let mut previous = b' ';
    for (at, &byte) in raw.iter().enumerate() {
        match byte {
            b'/' if previous == b'/' => return Err(NotCanonical::EmptySegment),
            b'\\' => return Err(NotCanonical::Backslash),
            b';' => return Err(NotCanonical::Parameter),
            0 => return Err(NotCanonical::EncodedDelimiter),
            b'%' => {
                check_escape(raw.get(at + 1..at + 3))?;
                found.escape = true;
            }
            b'.' => found.dot = true,
            _ => {}
        }
        previous = byte;
    }
    Ok(found)
}

fn check_escape(digits: Option<&[u8]>) -> Result<(), NotCanonical> {
    let value = digits
        .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        .ok_or(NotCanonical::BrokenEscape)?;
    match value {
        b'/' | b'\\' | b'.' | b'%' | b';' | 0 => Err(NotCanonical::EncodedDelimiter),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_path_is_decoded_once() {
        for (raw, decoded) in [
            ("/", "/"),
            ("/admin", "/admin"),
            ("/admin/", "/admin/"),
            ("/a.b/..c/.d./e..", "/a.b/..c/.d./e.."),
            ("/caf%C3%A9", "/café"),
            ("/café", "/café"),
            ("/a%20b%3Fc%23", "/a b?c#"),
            ("/a%0Ab", "/a\nb"),
            ("/%41dmin", "/Admin"),
            ("/a+b:c@d,e=f!$&'()*~", "/a+b:c@d,e=f!$&'()*~"),
        ] {
            let path = RequestPath::new(raw);
            assert_eq!(path.canonical(), Some(decoded), "{raw}");
            assert_eq!((path.raw(), path.fault()), (raw, None));
        }
    }

    #[test]
    fn any_other_spelling_is_not_canonical() {
        use NotCanonical::*;
        for (raw, fault) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("example.com:443", NotAbsolute),
            ("/.", DotSegment),
            ("/..", DotSegment),
            ("/x/../adm", DotSegment),
            ("/x/./adm", DotSegment),
            ("/x/..", DotSegment),
            ("//", EmptySegment),
            ("//adm", EmptySegment),
            ("/x//adm", EmptySegment),
            ("/x//", EmptySegment),
            ("/x\\adm", Backslash),
            ("/adm;a", Parameter),
            ("/adm;a/b", Parameter),
            ("/x%2fadm", EncodedDelimiter),
            ("/x%2Fadm", EncodedDelimiter),
            ("/x%5cadm", EncodedDelimiter),
            ("/x/%2e%2e/adm", EncodedDelimiter),
            ("/x/.%2E/adm", EncodedDelimiter),
            ("/style%2ecss", EncodedDelimiter),
            ("/%252e", EncodedDelimiter),
            ("/%2525", EncodedDelimiter),
            ("/adm%3ba", EncodedDelimiter),
            ("/adm%00", EncodedDelimiter),
            ("/adm\0", EncodedDelimiter),
            ("/%", BrokenEscape),
            ("/%4", BrokenEscape),
            ("/%4g", BrokenEscape),
            ("/%+1", BrokenEscape),
            ("/%é", BrokenEscape),
            ("/%ff", NotUtf8),
            ("/%C3", NotUtf8),
        ] {
            let path = RequestPath::new(raw);
            assert_eq!((path.canonical(), path.fault()), (None, Some(fault)), "{raw}");
            assert!(!fault.to_string().is_empty());
        }
    }
}
