//! Entity tags: RFC 9110, section 8.8.3.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use http::header::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use crate::hex;

/// An entity tag, ours or one that a client sent.
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
    /// The strong tag of a file as it is now.
    ///
    /// The time of the last status change is part of it, since that of the last modification can be set back
    /// (`touch -r`, `cp -p`, `tar`). It is hashed to keep inode numbers to ourselves.
    pub(super) fn from_metadata(metadata: &Metadata) -> Self {
        let mut hash = Sha256::new();
        for number in [metadata.dev(), metadata.ino(), metadata.len()] {
            hash.update(number.to_le_bytes());
        }
        for number in [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()] {
            hash.update(number.to_le_bytes());
        }
        Self { weak: false, opaque: hex::encode(hash.finalize().iter().take(16)).into_bytes() }
    }

    /// A tag that fills the whole of `value`.
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

    /// RFC 9110, section 8.8.3.2: equal, and neither is weak.
    pub(super) fn matches_strongly(&self, other: &Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// RFC 9110, section 8.8.3.2: equal, weak or not.
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
    /// The tags of all lines of a field, up to the first that is malformed; `None` where there is no such
    /// field.
    pub(super) fn parse(headers: &HeaderMap, name: HeaderName) -> Option<Self> {
        let lines = headers.get_all(name);
        lines.iter().next()?;
        if lines.iter().any(|line| line.as_bytes().trim_ascii() == b"*") {
            return Some(Self::Any);
        }
        Some(Self::Listed(lines.iter().flat_map(|line| listed(line.as_bytes())).collect()))
    }

    /// Whether a tag for which `matches` holds is listed, or any will do.
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

    use http::HeaderValue;
    use http::header::IF_NONE_MATCH;

    use super::*;

    fn tag(weak: bool, opaque: &str) -> EntityTag {
        EntityTag { weak, opaque: opaque.into() }
    }

    fn parse(lines: &[&'static str]) -> Option<EntityTags> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_NONE_MATCH, HeaderValue::from_static(line));
        }
        EntityTags::parse(&headers, IF_NONE_MATCH)
    }

    #[test]
    fn a_field_of_tags_is_read_over_all_its_lines() {
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
    fn tags_compare_as_the_table_of_section_8_8_3_2_says() {
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
    fn a_tag_tells_files_and_their_versions_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let of = |path| EntityTag::from_metadata(&fs::metadata(path).unwrap());
        fs::write(&path, "one").unwrap();
        let first = of(&path);
        assert_eq!(first, of(&path));
        assert_eq!(EntityTag::parse(first.to_string().as_bytes()), Some(first.clone()));

        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let replacement = folder.path().join("b");
        fs::write(&replacement, "two").unwrap();
        fs::File::open(&replacement).unwrap().set_modified(modified).unwrap();
        fs::rename(&replacement, &path).unwrap();
        assert_ne!(first, of(&path));
    }
}
