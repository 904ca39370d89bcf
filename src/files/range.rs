//! The `Range` field with ranges of bytes (RFC 9110, section 14).

use std::ops::Range;

use crate::http1::request::RequestHead;

/// A request for more ranges gets the whole file. Readers of PDF files ask for some.
const MAX_RANGES: usize = 16;

/// The ranges of bytes that the client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ByteRanges(Vec<ByteRange>);

/// A range as the client sent it, before the length is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteRange {
    /// `first-last`, both inclusive; without `last`, to the end.
    From { first: u64, last: Option<u64> },
    /// `-length`: the last `length` bytes.
    Suffix { length: u64 },
}

/// The parts of a file to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    Whole,
    One(Range<u64>),
    /// At least two, in the order of the request.
    Several(Vec<Range<u64>>),
    Unsatisfiable,
}

impl ByteRanges {
    /// Parses the field. Returns `None`, so that the whole file is sent, unless it is one well-formed list of at most
    /// 16 ranges (RFC 9110, section 14.2 allows to ignore any other).
    pub(super) fn parse(head: &RequestHead<'_>) -> Option<Self> {
        let mut lines = head.values("range");
        let value = std::str::from_utf8(lines.next()?).ok()?;
        let (unit, ranges) = value.split_once('=')?;
        if lines.next().is_some() || !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let ranges =
            ranges.split(',').map(|range| range.trim_matches([' ', '\t'])).filter(|range| !range.is_empty());
        let ranges: Vec<_> = ranges.take(MAX_RANGES + 1).map(ByteRange::parse).collect::<Option<_>>()?;
        (1..=MAX_RANGES).contains(&ranges.len()).then_some(Self(ranges))
    }

    /// Returns the parts of a file of `length` bytes that the ranges select, clamped to its end.
    ///
    /// Those behind its end are left out. If the rest have more bytes than the file, because they overlap, it is sent
    /// once. A suffix of an empty file is satisfiable (RFC 9110, section 14.1.2), but `Content-Range` cannot express
    /// it: it selects the whole file.
    pub(super) fn select(&self, length: u64) -> Selection {
        let parts: Vec<_> = self.0.iter().filter_map(|range| range.select(length)).collect();
        let total = parts.iter().try_fold(0_u64, |total, part| total.checked_add(part.end - part.start));
        match parts.as_slice() {
            [] => Selection::Unsatisfiable,
            _ if length == 0 || total.is_none_or(|total| total > length) => Selection::Whole,
            [part] => Selection::One(part.clone()),
            _ => Selection::Several(parts),
        }
    }
}

impl ByteRange {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once('-')? {
            ("", length) => Some(Self::Suffix { length: position(length)? }),
            (first, "") => Some(Self::From { first: position(first)?, last: None }),
            (first, last) => Self::between(position(first)?, position(last)?),
        }
    }

    fn between(first: u64, last: u64) -> Option<Self> {
        (first <= last).then_some(Self::From { first, last: Some(last) })
    }

    /// Returns the part of a file that the range selects; empty for a suffix of an empty file.
    fn select(self, length: u64) -> Option<Range<u64>> {
        match self {
            Self::Suffix { length: 0 } => None,
            Self::Suffix { length: suffix } => Some(length.saturating_sub(suffix)..length),
            Self::From { first, .. } if first >= length => None,
            Self::From { first, last } => {
                Some(first..last.map_or(length, |last| length.min(last.saturating_add(1))))
            }
        }
    }
}

/// Parses `1*DIGIT`; `str::parse` would accept a sign. A number that is too large lies behind the end of every file.
fn position(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(value: &str, length: u64) -> Selection {
        select_by(&format!("Range: {value}\r\n"), length)
    }

    fn select_by(lines: &str, length: u64) -> Selection {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let ranges = ByteRanges::parse(&RequestHead::parse(head.as_bytes()).unwrap());
        ranges.map_or(Selection::Whole, |ranges| ranges.select(length))
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
            ("bytes=0-18446744073709551616", 10, 0..10),
            ("bytes=-18446744073709551615", 10, 0..10),
            ("bytes=-18446744073709551616", 10, 0..10),
            ("bytes=-99999999999999999999999999999999999999999999", 10, 0..10),
            ("Bytes=2-4", 10, 2..5),
            ("bytes=, 2-4 ,", 10, 2..5),
            ("bytes=10-11,2-4,-0", 10, 2..5),
        ] {
            assert_eq!(select(value, len), Selection::One(part), "{value} of {len}");
        }
    }

    #[test]
    fn a_range_after_the_end_is_not_satisfiable() {
        for (value, len) in [
            ("bytes=10-", 10),
            ("bytes=10-20", 10),
            ("bytes=18446744073709551615-", 10),
            ("bytes=18446744073709551616-", 10),
            ("bytes=18446744073709551616-18446744073709551617", 10),
            ("bytes=-0", 10),
            ("bytes=-0", 0),
            ("bytes=0-", 0),
            ("bytes=0-0", 0),
            ("bytes=10-,-0,11-12", 10),
        ] {
            assert_eq!(select(value, len), Selection::Unsatisfiable, "{value} of {len}");
        }
    }

    #[test]
    fn malformed_and_reversed_ranges_are_ignored() {
        for value in [
            "bytes=0-1,4-2",
            "bytes=0-1,a",
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
            "bytes=18446744073709551616-1",
        ] {
            assert_eq!(select(value, 10), Selection::Whole, "{value}");
        }
    }

    #[test]
    fn a_suffix_of_an_empty_file_selects_the_whole_file() {
        assert_eq!(select("bytes=-5", 0), Selection::Whole);
    }

    #[test]
    fn several_ranges_stay_in_their_order() {
        let many = |count| format!("bytes={}", vec!["0-0"; count].join(","));
        for (value, expected) in [
            ("bytes=0-1,4-5", Selection::Several(vec![0..2, 4..6])),
            ("bytes=-1, 0-0", Selection::Several(vec![9..10, 0..1])),
            ("bytes=0-4,3-6", Selection::Several(vec![0..5, 3..7])),
            ("bytes=0-4,20-,5-9", Selection::Several(vec![0..5, 5..10])),
            ("bytes=0-5,0-4", Selection::Whole),
            ("bytes=0-,0-0", Selection::Whole),
            (&many(2), Selection::Several(vec![0..1, 0..1])),
            (&many(16), Selection::Whole),
        ] {
            assert_eq!(select(value, 10), expected, "{value}");
        }
        assert_eq!(select(&many(16), 100), Selection::Several(vec![0..1; 16]));
        assert_eq!(select(&many(17), 100), Selection::Whole);
    }

    #[test]
    fn two_range_fields_are_ignored() {
        assert_eq!(select_by("Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 10), Selection::Whole);
    }
}
