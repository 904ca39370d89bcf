//! Entity tags (RFC 9110, section 8.8.3).
//!
//! Not by the `headers` crate: it skips malformed members of a list instead of stopping there, misses `*` beside another
//! line, and its debug builds panic on a tag with a space.

use std::fmt;

use sha2::{Digest, Sha256};

use super::version::FileVersion;
use crate::hex;

/// An entity tag, of a file or from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntityTag {
    weak: bool,
    opaque: Vec<u8>,
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EntityTags {
    Any,
    Listed(Vec<EntityTag>),
}

impl EntityTag {
    /// Creates the strong tag of a version of a file, which must be settled. It is hashed so that clients do not see inode numbers.
    pub(super) fn new(version: &FileVersion) -> Self {
        let hash = Sha256::digest(version.bytes().collect::<Vec<_>>());
        Self { weak: false, opaque: hex::encode(hash.iter().take(16)).into_bytes() }
    }

    /// Parses a value that is exactly one tag.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let (tag, rest) = Self::take(value)?;
        rest.is_empty().then_some(tag)
    }

    fn take(value: &[u8]) -> Option<(Self, &[u8])> {
        let (weak, quoted) = value.strip_prefix(b"W/").map_or((false, value), |quoted| (true, quoted));
        let mut parts = quoted.strip_prefix(b"\"")?.splitn(2, |&byte| byte == b'"');
        let opaque = parts.next()?.to_vec();
        Some((Self { weak, opaque }, parts.next()?))
    }

    /// Returns true if the tags are equal and neither is weak (RFC 9110, section 8.8.3.2).
    pub(super) fn matches_strongly(&self, other: &Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Returns true if the tags are equal, weak or not (RFC 9110, section 8.8.3.2).
    pub(super) fn matches_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weak = if self.weak { "W/" } else { "" };
        write!(f, "{weak}\"{}\"", self.opaque.escape_ascii())
    }
}

impl EntityTags {
    /// Parses all lines of a field, each up to its first malformed tag; `None` if the field is absent.
    pub(super) fn parse<'l>(lines: impl Iterator<Item = &'l [u8]> + Clone) -> Option<Self> {
        lines.clone().next()?;
        if lines.clone().any(|line| line.trim_ascii() == b"*") {
            return Some(Self::Any);
        }
        Some(Self::Listed(lines.flat_map(listed).collect()))
    }

    /// Returns true for `*`, and if `matches` returns true for one of the tags.
    pub(super) fn any(&self, matches: impl Fn(&EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(matches),
        }
    }
}

fn listed(mut line: &[u8]) -> impl Iterator<Item = EntityTag> {
    std::iter::from_fn(move || {
        while let [b' ' | b'\t' | b',', rest @ ..] = line {
            line = rest;
        }
        let (tag, rest) = EntityTag::take(line)?;
        line = rest;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tag(weak: bool, opaque: &str) -> EntityTag {
        EntityTag { weak, opaque: opaque.into() }
    }

    fn parse(lines: &[&str]) -> Option<EntityTags> {
        EntityTags::parse(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn all_lines_of_a_field_are_parsed() {
        let listed = |tags: &[EntityTag]| Some(EntityTags::Listed(tags.to_vec()));
        for (lines, tags) in [
            (&[][..], None),
            (&["*"], Some(EntityTags::Any)),
            (&[" * "], Some(EntityTags::Any)),
            (&[r#""a""#], listed(&[tag(false, "a")])),
            (&[r#"W/"a""#], listed(&[tag(true, "a")])),
            (&[r#""""#], listed(&[tag(false, "")])),
            (&[r#""a,b" , ,W/"c""#], listed(&[tag(false, "a,b"), tag(true, "c")])),
            (&[r#""a""#, r#""b""#], listed(&[tag(false, "a"), tag(false, "b")])),
            (&[r#""a b""#], listed(&[tag(false, "a b")])),
            (&["a"], listed(&[])),
            (&[""], listed(&[])),
            (&["\""], listed(&[])),
            (&[r#"w/"a""#], listed(&[])),
            (&[r#""a", b, "c""#], listed(&[tag(false, "a")])),
        ] {
            assert_eq!(parse(lines), tags, "{lines:?}");
        }
    }

    #[test]
    fn tags_compare_as_in_the_table_of_section_8_8_3_2() {
        for (one, two, strongly, weakly) in [
            (tag(true, "1"), tag(true, "1"), false, true),
            (tag(true, "1"), tag(true, "2"), false, false),
            (tag(true, "1"), tag(false, "1"), false, true),
            (tag(false, "1"), tag(false, "1"), true, true),
        ] {
            assert_eq!(one.matches_strongly(&two), strongly, "{one} {two}");
            assert_eq!(one.matches_weakly(&two), weakly, "{one} {two}");
        }
    }

    #[test]
    fn each_version_of_a_file_has_its_own_tag() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let tag_of = |path| EntityTag::new(&FileVersion::new(&fs::metadata(path).unwrap()));
        fs::write(&path, "one").unwrap();
        let first = tag_of(&path);
        assert_eq!(first, tag_of(&path));
        assert_eq!(EntityTag::parse(first.to_string().as_bytes()), Some(first.clone()));

        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let replacement = directory.path().join("b");
        fs::write(&replacement, "two").unwrap();
        fs::File::open(&replacement).unwrap().set_modified(modified).unwrap();
        fs::rename(&replacement, &path).unwrap();
        assert_ne!(first, tag_of(&path));
    }
}
