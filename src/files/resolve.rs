//! Turns the path of a URL into a path below the root.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

use super::refusal::FileRefusal;

/// The file of a directory.
pub(super) const INDEX: &str = "index.html";
const WELL_KNOWN: &[u8] = b".well-known";

/// The file that a URL names, relative to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestedFile {
    path: PathBuf,
    is_directory: bool,
}

impl RequestedFile {
    /// Parses the path of a URL, and appends `index.html` if it ends in a slash.
    ///
    /// A segment that is empty (`//`), contains an encoded slash or a backslash, or starts with a dot is not found, except
    /// `.well-known` (RFC 8615) at the start. A NUL or broken percent-encoding is a bad request. So a target never climbs
    /// above the root and never is a hidden file, and a slash can be appended without making it the URL of another site.
    pub(super) fn parse(raw: &str) -> Result<Self, FileRefusal> {
        let relative = raw.strip_prefix('/').ok_or(FileRefusal::BadRequest)?;
        let is_directory = raw.ends_with('/');
        let mut path = Vec::with_capacity(raw.len() + INDEX.len());
        let segments = relative.strip_suffix('/').unwrap_or(relative).split('/');
        // The path `/` has no segment of its own.
        for segment in segments.filter(|_| !relative.is_empty()).chain(is_directory.then_some(INDEX)) {
            let name = decode(segment)?;
            let is_first = path.is_empty();
            if name.is_empty() || name.starts_with(b".") && !(is_first && *name == *WELL_KNOWN) {
                return Err(FileRefusal::NotFound);
            }
            if !is_first {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
        }
        Ok(Self { path: OsString::from_vec(path).into(), is_directory })
    }

    /// Returns true if the URL ends in a slash.
    pub(super) fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// Returns true if a site that is a single page shows something for this path: it does not look like that of a file. Below
    /// `/.well-known`, programs ask for what the site may not have.
    pub(super) fn may_be_page(&self) -> bool {
        let is_well_known = self.path.as_os_str().as_encoded_bytes().starts_with(WELL_KNOWN);
        !is_well_known && (self.is_directory || self.path.extension().is_none())
    }

    /// Returns the path, relative and of plain names only.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Appends a slash to the path of a URL and keeps the query. The result is on the same site if `RequestedFile::parse` accepts the
/// path.
pub(super) fn with_slash(path: &str, query: Option<&str>) -> String {
    let path = utf8_percent_encode(path, CONTROLS);
    let query = query.map(|query| format!("?{}", utf8_percent_encode(query, CONTROLS)));
    format!("{path}/{}", query.unwrap_or_default())
}

fn decode(segment: &str) -> Result<Cow<'_, [u8]>, FileRefusal> {
    if !segment.split('%').skip(1).all(starts_with_hex_pair) {
        return Err(FileRefusal::BadRequest);
    }
    let name: Cow<'_, [u8]> = percent_decode_str(segment).into();
    if name.contains(&0) {
        return Err(FileRefusal::BadRequest);
    }
    if name.contains(&b'/') || name.contains(&b'\\') {
        return Err(FileRefusal::NotFound);
    }
    Ok(name)
}

fn starts_with_hex_pair(text: &str) -> bool {
    matches!(text.as_bytes(), [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_path_names_a_file_below_the_root() {
        for (raw, path) in [
            ("/", "index.html"),
            ("/a", "a"),
            ("/a/", "a/index.html"),
            ("/a/b.css", "a/b.css"),
            ("/a%20b", "a b"),
            ("/%61", "a"),
            ("/100%25", "100%"),
            ("/a;b", "a;b"),
            ("/a..b", "a..b"),
            ("/a.", "a."),
            ("/stra%C3%9Fe", "straße"),
            ("/straße", "straße"),
            ("/%252e%252e", "%2e%2e"),
            ("/.well-known/security.txt", ".well-known/security.txt"),
        ] {
            assert_eq!(RequestedFile::parse(raw).map(|target| target.path), Ok(path.into()), "{raw}");
        }
        let latin1 = RequestedFile::parse("/%ff").unwrap();
        assert_eq!(latin1.path().as_os_str().as_bytes(), b"\xff");
    }

    #[test]
    fn a_path_that_could_leave_the_root_or_is_hidden_is_not_found() {
        for raw in [
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/./a",
            "/../a",
            "/a/..",
            "/a/../b",
            "/%2e%2e/a",
            "/a/%2E%2e",
            "/.%2e/a",
            "/a%2fb",
            "/%2Fa",
            "/a%5cb",
            "/a\\b",
            "/\\a",
            "/.git/config",
            "/a/.htpasswd",
            "/%2egit",
            "/a/.well-known",
            "/.well-known/.hidden",
            "/.well-knownx",
            "/.WELL-KNOWN/a",
            "/...",
            "//evil.example/%2e%2e",
            "/..%2F%5cevil.example",
        ] {
            assert_eq!(RequestedFile::parse(raw), Err(FileRefusal::NotFound), "{raw}");
        }
    }

    #[test]
    fn a_broken_path_is_a_bad_request() {
        for raw in ["", "*", "a", "/%", "/%4", "/%4/1", "/%zz", "/%+1", "/a%", "/a%00b", "/%00"] {
            assert_eq!(RequestedFile::parse(raw), Err(FileRefusal::BadRequest), "{raw}");
        }
    }

    #[test]
    fn a_slash_is_appended_before_the_query() {
        for (path, query, expected) in [
            ("/a", None, "/a/"),
            ("/a", Some(""), "/a/?"),
            ("/a", Some("b=c?d/e"), "/a/?b=c?d/e"),
            ("/a%20b", None, "/a%20b/"),
            ("/straße", Some("ü"), "/stra%C3%9Fe/?%C3%BC"),
        ] {
            assert_eq!(with_slash(path, query), expected, "{path} {query:?}");
        }
    }
}
