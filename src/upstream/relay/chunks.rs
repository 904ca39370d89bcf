//! The chunked transfer coding (RFC 9112, section 7.1), parsed strictly and written again, so that no two readers can
//! disagree where a chunk ends.

use std::io::Write as _;

/// The last chunk, without trailers.
pub(super) const LAST: &[u8] = b"0\r\n\r\n";
/// The limit for extensions and trailers together, in bytes.
const MAX_DISCARDED: usize = 16 << 10;

/// The error for malformed chunks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MalformedChunk;

/// A chunked body that is being forwarded, without extensions and trailers.
#[derive(Debug)]
pub(super) struct Chunks {
    next: ChunkState,
    /// The chunk's size as far as it was parsed, then the rest of the chunk.
    left: u64,
    discarded: usize,
}

/// The part that comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ChunkState {
    FirstDigit,
    Digit,
    Extension,
    LineFeedOfSize,
    Data,
    ReturnOfData,
    LineFeedOfData,
    Trailer,
    InTrailer,
    LineFeedOfTrailer,
    LastLineFeed,
    Nothing,
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self { next: ChunkState::FirstDigit, left: 0, discarded: 0 }
    }

    /// Returns true if the last chunk and the trailers are complete.
    pub(super) fn is_done(&self) -> bool {
        self.next == ChunkState::Nothing
    }

    /// Appends the received data to `output`. Returns how many of the bytes belong to this body.
    pub(super) fn forward(&mut self, received: &[u8], output: &mut Vec<u8>) -> Result<usize, MalformedChunk> {
        let mut rest = received;
        while let [byte, behind @ ..] = rest {
            if self.next == ChunkState::Nothing {
                break;
            }
            if self.next == ChunkState::Data {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                let (data, behind) = rest.split_at(length);
                write(data, output);
                self.left -= length as u64;
                if self.left == 0 {
                    self.next = ChunkState::ReturnOfData;
                }
                rest = behind;
            } else {
                self.next = self.after(*byte)?;
                if self.next == ChunkState::Nothing {
                    output.extend_from_slice(LAST);
                }
                rest = behind;
            }
        }
        Ok(received.len() - rest.len())
    }

    fn after(&mut self, byte: u8) -> Result<ChunkState, MalformedChunk> {
        use ChunkState::{
            Data, Digit, Extension, FirstDigit, InTrailer, LastLineFeed, LineFeedOfData, LineFeedOfSize,
            LineFeedOfTrailer, Nothing, ReturnOfData, Trailer,
        };
        Ok(match (self.next, byte) {
            (FirstDigit | Digit, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.add(byte)?,
            (Digit | Extension, b'\r') => LineFeedOfSize,
            (Digit, b' ' | b'\t' | b';') => self.discard(Extension)?,
            (Extension, 1..) if byte != b'\n' => self.discard(Extension)?,
            (LineFeedOfSize, b'\n') if self.left == 0 => Trailer,
            (LineFeedOfSize, b'\n') => Data,
            (ReturnOfData, b'\r') => LineFeedOfData,
            (LineFeedOfData, b'\n') => FirstDigit,
            (Trailer, b'\r') => LastLineFeed,
            (InTrailer, b'\r') => LineFeedOfTrailer,
            (Trailer | InTrailer, 1..) if byte != b'\n' => self.discard(InTrailer)?,
            (LineFeedOfTrailer, b'\n') => Trailer,
            (LastLineFeed, b'\n') => Nothing,
            _ => return Err(MalformedChunk),
        })
    }

    fn add(&mut self, digit: u8) -> Result<ChunkState, MalformedChunk> {
        let digit = (digit as char).to_digit(16).ok_or(MalformedChunk)?;
        self.left = self
            .left
            .checked_mul(16)
            .and_then(|left| left.checked_add(digit.into()))
            .ok_or(MalformedChunk)?;
        Ok(ChunkState::Digit)
    }

    fn discard(&mut self, next: ChunkState) -> Result<ChunkState, MalformedChunk> {
        self.discarded += 1;
        if self.discarded > MAX_DISCARDED { Err(MalformedChunk) } else { Ok(next) }
    }
}

/// Writes data as a chunk, unless it is empty.
pub(super) fn write(data: &[u8], output: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    // Writing to a vector does not fail.
    let _ = write!(output, "{:x}\r\n", data.len());
    output.extend_from_slice(data);
    output.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forwards a body in pieces of `size`. Returns the output, and the bytes after the body.
    fn passed(body: &str, size: usize) -> Result<(String, usize), MalformedChunk> {
        let (mut chunks, mut output, mut left) = (Chunks::new(), Vec::new(), 0);
        for piece in body.as_bytes().chunks(size) {
            left += piece.len() - chunks.forward(piece, &mut output)?;
        }
        assert_eq!(chunks.is_done(), output.ends_with(LAST), "{body:?}");
        Ok((String::from_utf8(output).unwrap(), left))
    }

    /// The data of the chunks in an output.
    fn data(mut chunks: &str) -> String {
        let mut data = String::new();
        while let Some((size, rest)) = chunks.split_once("\r\n") {
            let (piece, rest) = rest.split_at(usize::from_str_radix(size, 16).unwrap());
            data.push_str(piece);
            chunks = rest.strip_prefix("\r\n").unwrap();
        }
        data
    }

    #[test]
    fn a_whole_body_is_written_the_same() {
        let body = "3\r\nabc\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
        assert_eq!(passed(body, usize::MAX), Ok((body.to_owned(), 0)));
    }

    #[test]
    fn only_the_data_is_forwarded_however_it_is_split() {
        for (body, expected, left) in [
            ("3\r\nabc\r\n0\r\n\r\n", "abc", 0),
            ("0\r\n\r\n", "", 0),
            ("0003\r\nabc\r\n000\r\n\r\n", "abc", 0),
            ("A\r\n0123456789\r\na\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", "0123456789\r\n\r\n\r\n\r\n", 4),
            ("3;a=b\r\nabc\r\n0;c=\"d;e\"\r\n\r\n", "abc", 0),
            ("3 \t;a\r\nabc\r\n0\r\n\r\n", "abc", 0),
            ("3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", "abc", 0),
            ("1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", "a", 17),
        ] {
            for size in 1..=body.len() {
                let found = passed(body, size).map(|(chunks, left)| (data(&chunks), left));
                if left != 4 {
                    assert_eq!(found, Ok((expected.to_owned(), left)), "{body:?} in pieces of {size}");
                }
            }
        }
    }

    #[test]
    fn other_framing_is_malformed() {
        let long = "x".repeat(MAX_DISCARDED + 1);
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
            "3 4\n",
            "0\r\n\n",
            "0\r\nX: a\nY: b\r\n\r\n",
            "0\r\n\r\r",
            "10000000000000000\r\n",
            "fffffffffffffffff\r\n",
            &format!("3;{long}"),
            &format!("0\r\n{long}"),
        ] {
            for size in [1, usize::MAX] {
                assert_eq!(passed(body, size), Err(MalformedChunk), "{:?}", body.get(..40).unwrap_or(body));
            }
        }
        assert!(passed("ffffffffffffffff\r\nabc", 1).is_ok());
    }
}
