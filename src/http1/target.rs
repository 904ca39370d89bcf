//! The target of a request (RFC 9112, section 3.2).

use std::borrow::Cow;
use std::fmt::Write as _;

use http::Method;

use super::host::parse_host;
use super::refusal::Refusal;

/// A request's target. Its bytes are as received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestTarget<'b> {
    /// The path, which begins with `/`. `*` if the request is for the whole server.
    pub path: &'b [u8],
    /// The query without `?`.
    pub query: Option<&'b [u8]>,
    /// The authority of a target in absolute or authority form.
    pub authority: Option<&'b str>,
}

const MALFORMED: Refusal = Refusal::bad_request("the target of the request is malformed");
const OTHER_FORM: Refusal =
    Refusal::bad_request("the target of the request is neither a path nor an http URL");
const INVALID_HOST: Refusal = Refusal::bad_request("the host in the target of the request is invalid");

impl<'b> RequestTarget<'b> {
    /// Parses a target.
    ///
    /// # Errors
    /// 400 if it is malformed, has a fragment or user information, or is not a form that the method allows.
    pub fn parse(method: &Method, target: &'b [u8]) -> Result<Self, Refusal> {
        if target.iter().any(|byte| matches!(byte, 0..=b' ' | b'#' | 0x7f)) {
            return Err(MALFORMED);
        }
        if method == Method::CONNECT {
            let authority = parse_host(target).ok_or(INVALID_HOST)?;
            return Ok(Self { path: b"/", query: None, authority: Some(authority) });
        }
        match target {
            [b'/', ..] => Ok(Self::from_origin_form(target, None)),
            b"*" if method == Method::OPTIONS => Ok(Self { path: b"*", query: None, authority: None }),
            _ => Self::from_absolute_form(method, target),
        }
    }

    fn from_origin_form(target: &'b [u8], authority: Option<&'b str>) -> Self {
        let end = target.iter().position(|byte| *byte == b'?');
        let (path, query) = match end {
            Some(end) => (target.get(..end), target.get(end + 1..)),
            None => (Some(target), None),
        };
        let path = path.filter(|path| !path.is_empty()).unwrap_or(b"/");
        Self { path, query, authority }
    }

    fn from_absolute_form(method: &Method, target: &'b [u8]) -> Result<Self, Refusal> {
        let rest = without_scheme(target).ok_or(OTHER_FORM)?;
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let authority = Some(parse_host(authority).ok_or(INVALID_HOST)?);
        if rest.is_empty() && method == Method::OPTIONS {
            return Ok(Self { path: b"*", query: None, authority });
        }
        Ok(Self::from_origin_form(rest, authority))
    }

    /// The path as text. Bytes that are not UTF-8 are percent-encoded, which servers treat as equal.
    pub fn path_text(&self) -> Cow<'b, str> {
        text(self.path)
    }

    /// The query as text, like [`RequestTarget::path_text`].
    pub fn query_text(&self) -> Option<Cow<'b, str>> {
        self.query.map(text)
    }

    /// Appends the target in origin form, or `*`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.path);
        if let Some(query) = self.query {
            out.push(b'?');
            out.extend_from_slice(query);
        }
    }
}

fn without_scheme(target: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"].into_iter().find_map(|prefix| {
        let (scheme, rest) = target.split_at_checked(prefix.len())?;
        scheme.eq_ignore_ascii_case(prefix).then_some(rest)
    })
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(method: &str, target: &[u8]) -> Result<(String, Option<String>), &'static str> {
        let method = method.parse().unwrap();
        let target = RequestTarget::parse(&method, target).map_err(|refusal| refusal.reason)?;
        let mut origin = Vec::new();
        target.write(&mut origin);
        Ok((text(&origin).into_owned(), target.authority.map(str::to_owned)))
    }

    #[test]
    fn each_form_becomes_a_path_and_a_query() {
        for (method, target, origin, authority) in [
            ("GET", "/", "/", None),
            ("GET", "/a/../b//%2f;x?q=%zz&?", "/a/../b//%2f;x?q=%zz&?", None),
            ("GET", "/?", "/?", None),
            ("GET", "/api?filter={\"a\":1}<>`|^\\", "/api?filter={\"a\":1}<>`|^\\", None),
            ("GET", "/b\u{fc}cher", "/b\u{fc}cher", None),
            ("OPTIONS", "*", "*", None),
            ("OPTIONS", "http://a", "*", Some("a")),
            ("OPTIONS", "http://a/", "/", Some("a")),
            ("GET", "http://a:81/x?y", "/x?y", Some("a:81")),
            ("GET", "HTTPS://a", "/", Some("a")),
            ("GET", "http://a?q/", "/?q/", Some("a")),
            ("CONNECT", "a:443", "/", Some("a:443")),
        ] {
            let expected = Ok((origin.to_owned(), authority.map(str::to_owned)));
            assert_eq!(parsed(method, target.as_bytes()), expected, "{target}");
        }
    }

    #[test]
    fn other_targets_are_refused() {
        for (method, target, refusal) in [
            ("GET", "", OTHER_FORM),
            ("GET", "*", OTHER_FORM),
            ("GET", "a", OTHER_FORM),
            ("GET", "b:443", OTHER_FORM),
            ("GET", "ftp://a/", OTHER_FORM),
            ("GET", "/a#b", MALFORMED),
            ("GET", "/a b", MALFORMED),
            ("GET", "/a\0", MALFORMED),
            ("GET", "/a\x7f", MALFORMED),
            ("GET", "http://", INVALID_HOST),
            ("GET", "http:///x", INVALID_HOST),
            ("GET", "http://me@b/x", INVALID_HOST),
            ("GET", "http://a:b/", INVALID_HOST),
            ("GET", "http://[::1]./", INVALID_HOST),
            ("CONNECT", "/", INVALID_HOST),
        ] {
            assert_eq!(parsed(method, target.as_bytes()), Err(refusal.reason), "{target}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_percent_encoded_for_matching_only() {
        let target = RequestTarget::parse(&Method::GET, b"/caf\xe9?\xff").unwrap();
        assert_eq!((target.path, target.query), (&b"/caf\xe9"[..], Some(&b"\xff"[..])));
        assert_eq!((&*target.path_text(), target.query_text().as_deref()), ("/caf%E9", Some("%FF")));
    }
}
