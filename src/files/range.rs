//! The `Range` field with one range of bytes (RFC 9110, section 14).

use std::ops::Range;

use http::HeaderMap;
use http::header::RANGE;

/// A range of bytes as the client sent it, before the length is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// `first-last`, both inclusive; without `last`, to the end.
    From { first: u64, last: Option<u64> },
    /// `-length`: the last `length` bytes.
    Suffix { length: u64 },
}

/// The part of a file to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    Whole,
    Part(Range<u64>),
    Unsatisfiable,
}

impl ByteRange {
    /// Parses the field. Returns `None`, so that the whole file is sent, unless it is exactly one well-formed range below
    /// 2^64 (RFC 9110, section 14.2 allows to ignore any other).
    pub(super) fn parse(headers: &HeaderMap) -> Option<Self> {
        let value = only(headers.get_all(RANGE).iter())?.to_str().ok()?;
        let (unit, ranges) = value.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) =
            only(ranges.split(',').map(str::trim).filter(|range| !range.is_empty()))?.split_once('-')?;
        match (first, last) {
            ("", length) => Some(Self::Suffix { length: position(length)? }),
            (first, "") => Some(Self::From { first: position(first)?, last: None }),
            (first, last) => Self::between(position(first)?, position(last)?),
        }
    }

    fn between(first: u64, last: u64) -> Option<Self> {
        (first <= last).then_some(Self::From { first, last: Some(last) })
    }

    /// Returns the part of a file of `len` bytes that this range selects, clamped to its end.
    ///
    /// A suffix of an empty file is satisfiable (RFC 9110, section 14.1.2), but `Content-Range` cannot express it: it
    /// selects the whole file.
    pub(super) fn select(self, len: u64) -> Selection {
        match self {
            Self::Suffix { length: 0 } => Selection::Unsatisfiable,
            Self::Suffix { .. } if len == 0 => Selection::Whole,
            Self::Suffix { length } => Selection::Part(len.saturating_sub(length)..len),
            Self::From { first, .. } if first >= len => Selection::Unsatisfiable,
            Self::From { first, last } => {
                Selection::Part(first..last.map_or(len, |last| len.min(last.saturating_add(1))))
            }
        }
    }
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Parses `1*DIGIT`; `str::parse` would accept a sign.
fn position(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn select(value: &'static str, len: u64) -> Selection {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(value))]);
        ByteRange::parse(&headers).map_or(Selection::Whole, |range| range.select(len))
    }

    #[test]
    fn one_range_is_clamped_to_the_file() {
        for (value, len, part) in [
            ("bytes=0-0", 10, 0..1),
            ("bytes=0-", 10, 0..10),
            ("bytes=2-4", 10, 2..5),
            ("bytes=9-9", 10, 9..10),
            ("bytes=9-10", 10, 9..10),
            ("bytes=0-99", 10, 0..10),
            ("bytes=0-18446744073709551615", 10, 0..10),
            ("bytes=-1", 10, 9..10),
            ("bytes=-10", 10, 0..10),
            ("bytes=-11", 10, 0..10),
            ("bytes=-18446744073709551615", 10, 0..10),
            ("Bytes=2-4", 10, 2..5),
            ("bytes=, 2-4 ,", 10, 2..5),
        ] {
            assert_eq!(select(value, len), Selection::Part(part), "{value} of {len}");
        }
    }

    #[test]
    fn a_range_after_the_end_is_not_satisfiable() {
        for (value, len) in [
            ("bytes=10-", 10),
            ("bytes=10-20", 10),
            ("bytes=18446744073709551615-", 10),
            ("bytes=-0", 10),
            ("bytes=-0", 0),
            ("bytes=0-", 0),
            ("bytes=0-0", 0),
        ] {
            assert_eq!(select(value, len), Selection::Unsatisfiable, "{value} of {len}");
        }
    }

    #[test]
    fn several_malformed_reversed_and_overflowing_ranges_are_ignored() {
        for value in [
            "bytes=0-1,3-4",
            "bytes=4-2",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=--2",
            "bytes=1-2-3",
            "bytes=0x1-2",
            "bytes=a-b",
            "bytes=1 - 2",
            "bytes 0-1",
            "0-1",
            "lines=0-1",
            "bytes=0-18446744073709551616",
            "bytes=18446744073709551616-",
            "bytes=-18446744073709551616",
        ] {
            assert_eq!(select(value, 10), Selection::Whole, "{value}");
        }
    }

    #[test]
    fn a_suffix_of_an_empty_file_selects_the_whole_file() {
        assert_eq!(select("bytes=-5", 0), Selection::Whole);
    }

    #[test]
    fn two_range_fields_are_ignored() {
        let mut headers = HeaderMap::new();
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(RANGE, HeaderValue::from_static("bytes=2-3"));
        assert_eq!(ByteRange::parse(&headers), None);
    }
}
