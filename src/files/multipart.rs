//! Several ranges of a file as one content (RFC 9110, section 14.6).

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use super::content::Part;
use crate::hex;

/// The content `multipart/byteranges`, before the file is read.
#[derive(Debug)]
pub(super) struct Multipart {
    boundary: String,
    pub(super) parts: Vec<Part>,
}

impl Multipart {
    /// `length` is that of the file, in bytes.
    pub(super) fn new(ranges: &[Range<u64>], length: u64, content_type: &HeaderValue) -> Self {
        let mut random = [0; 16];
        // Without randomness, a file could contain the boundary on purpose, and only mislead readers of itself.
        let _ = getrandom::fill(&mut random);
        let boundary = hex::encode(&random);
        let mut parts = Vec::new();
        for range in ranges {
            let mut head = BytesMut::from(format!("\r\n--{boundary}\r\ncontent-type: ").as_bytes());
            head.extend_from_slice(content_type.as_bytes());
            head.extend_from_slice(
                format!("\r\ncontent-range: {}\r\n\r\n", content_range(range, length)).as_bytes(),
            );
            parts.extend([Part::Bytes(head.freeze()), Part::Range(range.clone())]);
        }
        parts.push(Part::Bytes(format!("\r\n--{boundary}--\r\n").into()));
        Self { boundary, parts }
    }

    /// The value of Content-Type.
    pub(super) fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The length in bytes.
    pub(super) fn length(&self) -> u64 {
        let length = |part: &Part| match part {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::Range(range) => range.end.saturating_sub(range.start),
        };
        self.parts.iter().map(length).sum()
    }

    /// The content, of a file in memory.
    pub(super) fn of(&self, file: &Bytes) -> Bytes {
        let mut content = BytesMut::new();
        for part in &self.parts {
            match part {
                Part::Bytes(bytes) => content.extend_from_slice(bytes),
                Part::Range(range) => content.extend_from_slice(&slice(file, range)),
            }
        }
        content.freeze()
    }
}

/// The value of Content-Range for a range that is not empty.
pub(super) fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1))
}

/// A range of a file in memory, within its length.
pub(super) fn slice(file: &Bytes, range: &Range<u64>) -> Bytes {
    let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(file.len());
    let start = position(range.start);
    file.slice(start..position(range.end).max(start))
}
