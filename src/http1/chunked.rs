//! The chunked transfer coding (RFC 9112, section 7.1), parsed strictly and written again, so that no two readers can
//! disagree about where a chunk ends.

use std::io::Write as _;

use httparse::{EMPTY_HEADER, Status};

use super::fields::{MAX_FIELDS, write_field};

/// The limit for the chunk extensions of a body, and for its trailers, in bytes.
const MAX_OVERHEAD: usize = 16 << 10;

/// The error for a body whose framing is malformed, or that ends early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MalformedBody;

/// The state between the bytes of a chunked body.
#[derive(Clone, Debug)]
pub struct Chunks {
    next: ChunkPart,
    /// The chunk's size as far as it was parsed, then the bytes of its data that are left.
    left: u64,
    /// The bytes of data so far.
    data: u64,
    /// The bytes of extensions so far.
    extensions: usize,
    /// The trailer lines so far.
    trailers: Vec<u8>,
}

/// The part that comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ChunkPart {
    FirstDigit,
    Digit,
    SpaceAfterSize,
    Extension,
    LineFeedOfSize,
    Data,
    ReturnOfData,
    LineFeedOfData,
    Trailer,
    InTrailer,
    LineFeedOfTrailer,
    LastLineFeed,
    Done,
    /// An invalid byte was received: the end of the body cannot be found.
    Malformed,
}

impl Chunks {
    /// The state before the first byte.
    pub const fn new() -> Self {
        Self { next: ChunkPart::FirstDigit, left: 0, data: 0, extensions: 0, trailers: Vec::new() }
    }

    /// Returns true if the last chunk and the trailers are complete.
    pub fn is_done(&self) -> bool {
        self.next == ChunkPart::Done
    }

    /// Returns the bytes of data that were decoded.
    pub fn data(&self) -> u64 {
        self.data
    }

    /// Passes the data of `received` to `sink`. Returns how many of the bytes belong to this body.
    ///
    /// # Errors
    /// The chunks are malformed, or their extensions or trailers too long. Everything that follows is then malformed too.
    pub fn decode(&mut self, received: &[u8], mut sink: impl FnMut(&[u8])) -> Result<usize, MalformedBody> {
        let mut rest = received;
        while let [byte, after @ ..] = rest {
            if self.is_done() {
                break;
            }
            if self.next == ChunkPart::Data {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                let (data, after) = rest.split_at(length);
                sink(data);
                self.left -= length as u64;
                self.data += length as u64;
                if self.left == 0 {
                    self.next = ChunkPart::ReturnOfData;
                }
                rest = after;
            } else {
                let next = self.next_part(*byte);
                self.next = next.unwrap_or(ChunkPart::Malformed);
                next?;
                rest = after;
            }
        }
        Ok(received.len() - rest.len())
    }

    /// Processes a byte that is not data. Returns the part that comes after it.
    fn next_part(&mut self, byte: u8) -> Result<ChunkPart, MalformedBody> {
        use ChunkPart::{
            Data, Digit, Done, Extension, FirstDigit, InTrailer, LastLineFeed, LineFeedOfData,
            LineFeedOfSize, LineFeedOfTrailer, ReturnOfData, SpaceAfterSize, Trailer,
        };
        Ok(match (self.next, byte) {
            (FirstDigit | Digit, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.add_digit(byte)?,
            (Digit | SpaceAfterSize | Extension, b'\r') => LineFeedOfSize,
            (Digit | SpaceAfterSize, b' ' | b'\t') => self.skip(SpaceAfterSize)?,
            (Digit | SpaceAfterSize, b';') | (Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.skip(Extension)?
            }
            (LineFeedOfSize, b'\n') if self.left == 0 => Trailer,
            (LineFeedOfSize, b'\n') => Data,
            (ReturnOfData, b'\r') => LineFeedOfData,
            (LineFeedOfData, b'\n') => FirstDigit,
            (Trailer, b'\r') => LastLineFeed,
            (InTrailer, b'\r') => LineFeedOfTrailer,
            (Trailer | InTrailer, 1..) if byte != b'\n' => self.keep_trailer(byte)?,
            (LineFeedOfTrailer, b'\n') => {
                self.trailers.extend_from_slice(b"\r\n");
                Trailer
            }
            (LastLineFeed, b'\n') => Done,
            _ => return Err(MalformedBody),
        })
    }

    fn add_digit(&mut self, digit: u8) -> Result<ChunkPart, MalformedBody> {
        let digit = (digit as char).to_digit(16).ok_or(MalformedBody)?;
        let left = self.left.checked_mul(16).and_then(|left| left.checked_add(digit.into()));
        self.left = left.ok_or(MalformedBody)?;
        Ok(ChunkPart::Digit)
    }

    /// Skips a byte of an extension, or of the white space before it.
    fn skip(&mut self, next: ChunkPart) -> Result<ChunkPart, MalformedBody> {
        self.extensions += 1;
        if self.extensions > MAX_OVERHEAD { Err(MalformedBody) } else { Ok(next) }
    }

    fn keep_trailer(&mut self, byte: u8) -> Result<ChunkPart, MalformedBody> {
        if self.trailers.len() >= MAX_OVERHEAD {
            return Err(MalformedBody);
        }
        self.trailers.push(byte);
        Ok(ChunkPart::InTrailer)
    }

    /// Appends the last chunk, and the trailers whose names `passes` accepts.
    ///
    /// # Errors
    /// A trailer is malformed. Nothing was appended, so that the body does not look complete.
    pub fn write_last(
        &mut self,
        out: &mut Vec<u8>,
        passes: impl Fn(&str) -> bool,
    ) -> Result<(), MalformedBody> {
        let mut trailers = Vec::new();
        self.take_trailers(|name, value| {
            if passes(name) {
                write_field(&mut trailers, name, &[value]);
            }
        })?;
        write_last_chunk(&trailers, out);
        Ok(())
    }

    /// Takes the trailers after the last chunk.
    ///
    /// # Errors
    /// A trailer is malformed.
    pub fn take_trailers(&mut self, mut each: impl FnMut(&str, &[u8])) -> Result<(), MalformedBody> {
        if self.trailers.is_empty() {
            return Ok(());
        }
        let mut lines = std::mem::take(&mut self.trailers);
        lines.extend_from_slice(b"\r\n");
        let mut slots = vec![EMPTY_HEADER; MAX_FIELDS];
        match httparse::parse_headers(&lines, &mut slots) {
            Ok(Status::Complete((length, fields))) if length == lines.len() => {
                for field in fields {
                    each(field.name, field.value);
                }
                Ok(())
            }
            Ok(_) | Err(_) => {
                self.next = ChunkPart::Malformed;
                Err(MalformedBody)
            }
        }
    }
}

impl Default for Chunks {
    fn default() -> Self {
        Self::new()
    }
}

/// Appends data as a chunk, unless it is empty.
pub fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    // Writing to a vector does not fail.
    let _ = write!(out, "{:x}\r\n", data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk, with these lines of trailers.
pub fn write_last_chunk(trailers: &[u8], out: &mut Vec<u8>) {
    for part in [b"0\r\n", trailers, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a body in pieces of `size`. Returns the data, the number of bytes after the body, and the last chunk.
    fn decoded(body: &str, size: usize) -> Result<(String, usize, String), MalformedBody> {
        let (mut chunks, mut data, mut left) = (Chunks::new(), Vec::new(), 0);
        for piece in body.as_bytes().chunks(size) {
            left += piece.len() - chunks.decode(piece, |bytes| data.extend_from_slice(bytes))?;
        }
        let mut last = Vec::new();
        if chunks.is_done() {
            chunks.write_last(&mut last, |name| name != "Host")?;
        }
        Ok((String::from_utf8(data).unwrap(), left, String::from_utf8(last).unwrap()))
    }

    #[test]
    fn a_body_is_the_same_however_it_is_split() {
        for (body, data, left, last) in [
            ("3\r\nabc\r\n0\r\n\r\n", "abc", 0, "0\r\n\r\n"),
            ("0\r\n\r\n", "", 0, "0\r\n\r\n"),
            ("0003\r\nabc\r\n000\r\n\r\n", "abc", 0, "0\r\n\r\n"),
            (
                "A\r\n0123456\r\n\n\r\na\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
                "0123456\r\n\n\r\n\r\n\r\n\r\n\r\n",
                0,
                "0\r\n\r\n",
            ),
            ("3;a=b\r\nabc\r\n0;c=\"d;\te\u{e9}\"\r\n\r\n", "abc", 0, "0\r\n\r\n"),
            ("3 \t;a\r\nabc\r\n0 \r\n\r\n", "abc", 0, "0\r\n\r\n"),
            (
                "3\r\nabc\r\n0\r\nX-Sum:  1 \r\nHost: a\r\nX: y\r\n\r\n",
                "abc",
                0,
                "0\r\nX-Sum: 1\r\nX: y\r\n\r\n",
            ),
            ("1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", "a", 17, "0\r\n\r\n"),
            ("5\r\nabc", "abc", 0, ""),
        ] {
            for size in 1..=body.len() {
                let expected = Ok((data.to_owned(), left, last.to_owned()));
                assert_eq!(decoded(body, size), expected, "{body:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn other_framing_is_malformed() {
        let long = "x".repeat(MAX_OVERHEAD + 1);
        for body in [
            "\r\n",
            " 3\r\nabc\r\n",
            "+3\r\nabc\r\n",
            "0x3\r\nabc\r\n",
            "g\r\n",
            "3\nabc\r\n",
            "3\rabc",
            "3\r\nabcd\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3\r\nabc\r0\r\n\r\n",
            "3;a\nb\r\nabc\r\n",
            "3;\0\r\nabc\r\n",
            "3;\x01\r\nabc\r\n",
            "3;a=\"\x7f\"\r\nabc\r\n",
            "3 4\n",
            "3 4\r\nabc\r\n",
            "3\ta\r\nabc\r\n",
            "3 \n",
            "0\r\n\n",
            "0\r\nX: a\nY: b\r\n\r\n",
            "0\r\nX: a\n\n",
            "0\r\nX\r\n\r\n",
            "0\r\nX : a\r\n\r\n",
            "0\r\n: a\r\n\r\n",
            "0\r\nX: a\r\n folded\r\n\r\n",
            "0\r\n\r\r",
            "10000000000000000\r\n",
            "fffffffffffffffff\r\n",
            &format!("3;{long}"),
            &format!("3{}", long.replace('x', " ")),
            &format!("0\r\n{long}"),
        ] {
            for size in [1, usize::MAX] {
                assert_eq!(decoded(body, size), Err(MalformedBody), "{:?}", body.get(..40).unwrap_or(body));
            }
        }
        assert!(decoded("ffffffffffffffff\r\nabc", 1).is_ok());
    }

    #[test]
    fn a_malformed_body_stays_malformed() {
        // Read again from the second line on, each of these is complete.
        for body in ["0\r\n\n", "0\r\nX\r\n\r\n", "0 / HTTP/1.1\r\nHost: a\r\n\n"] {
            let body = format!("3\r\nabc\r\n{body}");
            let mut chunks = Chunks::new();
            let decoded = chunks.decode(body.as_bytes(), |_| {});
            assert!(decoded.is_err() || chunks.write_last(&mut Vec::new(), |_| true).is_err(), "{body:?}");
            for more in [&body, "\r\n", "0\r\n\r\n"] {
                assert_eq!(chunks.decode(more.as_bytes(), |_| {}), Err(MalformedBody), "{body:?} {more:?}");
                assert!(!chunks.is_done(), "{body:?} {more:?}");
            }
        }
    }

    #[test]
    fn the_last_chunk_is_not_written_if_a_trailer_is_malformed() {
        let (mut chunks, mut out) = (Chunks::new(), Vec::new());
        assert_eq!(chunks.decode(b"0\r\nX: y\r\nX : y\r\n\r\n", |_| {}), Ok(18));
        assert_eq!(chunks.write_last(&mut out, |_| true), Err(MalformedBody));
        assert!(out.is_empty());
    }

    #[test]
    fn a_chunk_is_written_with_its_length() {
        let mut out = Vec::new();
        write_chunk(b"", &mut out);
        write_chunk(b"abcdefghijklmnopqrstuvwxyz", &mut out);
        assert_eq!(out, b"1a\r\nabcdefghijklmnopqrstuvwxyz\r\n");
    }
}
