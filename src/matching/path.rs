//! Paths of requests, and the canonical form in which rules match them.
//!
//! A rule compares text, but a site may interpret a path differently: resolve `..`, merge `//`, cut at `;`, or decode twice.
//! Each difference is a way to bypass the rule (CVE-2021-32779, CVE-2025-66490). So a path can match a rule only in its
//! canonical form, which all programs interpret alike.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

/// The path of a request target: its raw form, and the decoded one if the raw form is canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath<'a> {
    raw: &'a str,
    decoded: Result<Cow<'a, str>, NotCanonical>,
}

/// The reason why a path is not canonical and matches no exemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCanonical {
    /// It does not begin with `/` (`*`, or an authority).
    NotAbsolute,
    /// A segment is `.` or `..`.
    DotSegment,
    /// A segment has only dots and spaces, which some servers treat as `.` or `..`.
    DotsAndSpaces,
    /// It has `//`.
    EmptySegment,
    /// It has a backslash, which some servers treat as a slash.
    Backslash,
    /// It has a `;`, at which some servers cut it off.
    Parameter,
    /// It has an encoded `/`, `\`, `.`, `%`, `;`, `?` or `#`, which some servers decode again.
    EncodedDelimiter,
    /// It has a control character, at which some servers cut it off.
    ControlCharacter,
    /// A `%` is not followed by two hexadecimal digits (RFC 3986, section 2.1).
    BrokenEscape,
    /// It is not UTF-8 after percent-decoding.
    NotUtf8,
}

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "does not begin with `/`",
            Self::DotSegment => "has a `.` or `..` segment",
            Self::DotsAndSpaces => "has a segment of only dots and spaces",
            Self::EmptySegment => "has `//` in it",
            Self::Backslash => "has a backslash in it",
            Self::Parameter => "has a `;` in it",
            Self::EncodedDelimiter => "has an encoded `/`, `\\`, `.`, `%`, `;`, `?` or `#` in it",
            Self::ControlCharacter => "has a control character in it",
            Self::BrokenEscape => "has a `%` that is not followed by two hexadecimal digits",
            Self::NotUtf8 => "is not UTF-8 when decoded",
        })
    }
}

impl<'a> RequestPath<'a> {
    /// Creates it from the path of a request target, without query, exactly as received.
    pub fn new(raw: &'a str) -> Self {
        Self { raw, decoded: decode(raw) }
    }

    /// Returns the path exactly as received.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// Returns the decoded path, if the raw form is canonical.
    pub fn canonical(&self) -> Option<&str> {
        self.decoded.as_deref().ok()
    }

    /// Returns why the path is not canonical; `None` if it is.
    pub fn fault(&self) -> Option<NotCanonical> {
        self.decoded.as_ref().err().copied()
    }
}

fn decode(raw: &str) -> Result<Cow<'_, str>, NotCanonical> {
    if !raw.starts_with('/') {
        return Err(NotCanonical::NotAbsolute);
    }
    let found = check_bytes(raw.as_bytes())?;
    let decoded = if found.escape {
        percent_decode_str(raw).decode_utf8().map_err(|_| NotCanonical::NotUtf8)?
    } else {
        Cow::Borrowed(raw)
    };
    // `check_bytes` has found the ASCII ones. The others can be found only after decoding.
    if found.beyond_ascii && decoded.contains(char::is_control) {
        return Err(NotCanonical::ControlCharacter);
    }
    let fault = if found.dot_or_space { decoded.split('/').find_map(segment_fault) } else { None };
    fault.map_or(Ok(decoded), Err)
}

fn segment_fault(segment: &str) -> Option<NotCanonical> {
    match segment {
        "" => None,
        "." | ".." => Some(NotCanonical::DotSegment),
        _ => segment.bytes().all(|byte| matches!(byte, b'.' | b' ')).then_some(NotCanonical::DotsAndSpaces),
    }
}

/// The findings of one pass over a path that need a further check.
#[derive(Default)]
struct PathScan {
    dot_or_space: bool,
    escape: bool,
    beyond_ascii: bool,
}

fn check_bytes(raw: &[u8]) -> Result<PathScan, NotCanonical> {
    let mut found = PathScan::default();
    let mut previous = b' ';
    for (at, &byte) in raw.iter().enumerate() {
        match byte {
            b'/' if previous == b'/' => return Err(NotCanonical::EmptySegment),
            b'\\' => return Err(NotCanonical::Backslash),
            b';' => return Err(NotCanonical::Parameter),
            0..=0x1f | 0x7f => return Err(NotCanonical::ControlCharacter),
            b'%' => {
                let value = unescape(raw.get(at + 1..at + 3))?;
                found.escape = true;
                found.dot_or_space |= value == b' ';
                found.beyond_ascii |= !value.is_ascii();
            }
            b'.' | b' ' => found.dot_or_space = true,
            0x80.. => found.beyond_ascii = true,
            _ => {}
        }
        previous = byte;
    }
    Ok(found)
}

/// Decodes two hexadecimal digits to a byte that a canonical path may contain in encoded form.
fn unescape(digits: Option<&[u8]>) -> Result<u8, NotCanonical> {
    let value = digits
        .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        .ok_or(NotCanonical::BrokenEscape)?;
    match value {
        b'/' | b'\\' | b'.' | b'%' | b';' | b'?' | b'#' => Err(NotCanonical::EncodedDelimiter),
        0..=0x1f | 0x7f => Err(NotCanonical::ControlCharacter),
        _ => Ok(value),
    }
}

/// Returns the path with `//`, backslashes, `.` and `..` segments resolved as browsers do, if that makes it canonical. Only for
/// suggestions: a request for such a path is refused.
pub(crate) fn canonicalize(text: &str) -> Option<String> {
    let slashes = text.replace('\\', "/");
    let mut segments = Vec::new();
    for segment in slashes.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut path = format!("/{}", segments.join("/"));
    if slashes.ends_with('/') && path.len() > 1 {
        path.push('/');
    }
    let is_canonical = RequestPath::new(&path).canonical() == Some(&path);
    is_canonical.then_some(path)
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
            ("/a%20b", "/a b"),
            ("/a.%20b/%20c.", "/a. b/ c."),
            ("/%C2%A0", "/\u{a0}"),
            ("/%41dmin", "/Admin"),
            ("/a+b:c@d,e=f!$&'()*~", "/a+b:c@d,e=f!$&'()*~"),
        ] {
            let path = RequestPath::new(raw);
            assert_eq!(path.canonical(), Some(decoded), "{raw}");
            assert_eq!((path.raw(), path.fault()), (raw, None));
        }
    }

    #[test]
    fn any_other_form_is_not_canonical() {
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
            ("/x/...", DotsAndSpaces),
            ("/x/..%20/adm", DotsAndSpaces),
            ("/x/%20../adm", DotsAndSpaces),
            ("/x/.%20./adm", DotsAndSpaces),
            ("/x/%20", DotsAndSpaces),
            ("/ /adm", DotsAndSpaces),
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
            ("/adm%3fa", EncodedDelimiter),
            ("/adm%3F", EncodedDelimiter),
            ("/adm%23", EncodedDelimiter),
            ("/adm%00", ControlCharacter),
            ("/adm%0a", ControlCharacter),
            ("/adm%1F", ControlCharacter),
            ("/adm%7f", ControlCharacter),
            ("/adm%C2%85", ControlCharacter),
            ("/adm\u{85}", ControlCharacter),
            ("/adm\0", ControlCharacter),
            ("/adm\t", ControlCharacter),
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
