//! The framing of a body, as it is received and as it is sent on (RFC 9112, section 6).

use super::chunked::{Chunks, MalformedBody, write_chunk, write_last_chunk};

/// The rest of a body that is received.
#[derive(Clone, Debug)]
pub enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
    /// Everything until the connection closes. Only responses have such bodies.
    UntilClose,
}

/// How a body is sent on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransferCoding {
    /// As it is: its length is known, or the connection closes at its end.
    Identity,
    /// In chunks.
    Chunked,
}

impl Framing {
    /// No body.
    pub const EMPTY: Self = Self::Length(0);

    /// A chunked body before its first byte.
    pub const fn chunked() -> Self {
        Self::Chunked(Chunks::new())
    }

    /// Returns true if the body is complete.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Returns how many of the `received` bytes are sent on unchanged, so that they need not be copied.
    pub fn unchanged(&self, received: usize, coding: TransferCoding) -> usize {
        match (self, coding) {
            (Self::Length(left), TransferCoding::Identity) => {
                usize::try_from(*left).unwrap_or(usize::MAX).min(received)
            }
            (Self::UntilClose, TransferCoding::Identity) => received,
            _ => 0,
        }
    }

    /// Records that this many bytes of a body were sent on unchanged.
    pub fn skip(&mut self, length: usize) {
        if let Self::Length(left) = self {
            *left = left.saturating_sub(length as u64);
        }
    }

    /// Returns a number that grows by one with each byte of the content of a request.
    pub fn position(&self) -> u64 {
        match self {
            Self::Length(left) => u64::MAX - left,
            Self::Chunked(chunks) => chunks.data(),
            // No request has this framing.
            Self::UntilClose => 0,
        }
    }

    /// Appends the content of `received` to `out` in this coding, and the end of the body if it is there. `passes` chooses
    /// the trailers. Returns how many of the bytes belong to the body.
    ///
    /// # Errors
    /// The framing is malformed.
    pub fn forward(
        &mut self,
        received: &[u8],
        coding: TransferCoding,
        out: &mut Vec<u8>,
        passes: impl Fn(&str) -> bool,
    ) -> Result<usize, MalformedBody> {
        let write = |data: &[u8], out: &mut Vec<u8>| match coding {
            TransferCoding::Identity => out.extend_from_slice(data),
            TransferCoding::Chunked => write_chunk(data, out),
        };
        match self {
            Self::Length(_) | Self::UntilClose => {
                let taken = self.unchanged(received.len(), TransferCoding::Identity);
                write(received.get(..taken).unwrap_or_default(), out);
                self.skip(taken);
                Ok(taken)
            }
            Self::Chunked(chunks) => {
                let was_done = chunks.is_done();
                let taken = chunks.decode(received, |data| write(data, out))?;
                if chunks.is_done() && !was_done {
                    match coding {
                        TransferCoding::Identity => chunks.take_trailers(|_, _| {})?,
                        TransferCoding::Chunked => chunks.write_last(out, passes)?,
                    }
                }
                Ok(taken)
            }
        }
    }

    /// Takes the bytes of the body from `received` without keeping them. Returns how many there are.
    ///
    /// # Errors
    /// The framing is malformed.
    pub fn discard(&mut self, received: &[u8]) -> Result<usize, MalformedBody> {
        match self {
            Self::Chunked(chunks) => {
                let taken = chunks.decode(received, |_| {})?;
                if chunks.is_done() {
                    chunks.take_trailers(|_, _| {})?;
                }
                Ok(taken)
            }
            Self::Length(_) | Self::UntilClose => {
                let taken = self.unchanged(received.len(), TransferCoding::Identity);
                self.skip(taken);
                Ok(taken)
            }
        }
    }

    /// Ends the body when the other end has closed the connection.
    ///
    /// # Errors
    /// The body is not complete.
    pub fn end(&mut self, coding: TransferCoding, out: &mut Vec<u8>) -> Result<(), MalformedBody> {
        match self {
            Self::UntilClose => {
                if coding == TransferCoding::Chunked {
                    write_last_chunk(b"", out);
                }
                *self = Self::EMPTY;
                Ok(())
            }
            _ if self.is_done() => Ok(()),
            Self::Length(_) | Self::Chunked(_) => Err(MalformedBody),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_framed_again() {
        for (framing, coding, received, out, taken) in [
            (Framing::Length(3), TransferCoding::Identity, "abcdef", "abc", 3),
            (Framing::Length(3), TransferCoding::Chunked, "abc", "3\r\nabc\r\n", 3),
            (Framing::chunked(), TransferCoding::Identity, "3\r\nabc\r\n0\r\nX: y\r\n\r\nmore", "abc", 19),
            (
                Framing::chunked(),
                TransferCoding::Chunked,
                "3;x\r\nabc\r\n0\r\nX: y\r\n\r\n",
                "3\r\nabc\r\n0\r\nX: y\r\n\r\n",
                21,
            ),
            (Framing::UntilClose, TransferCoding::Chunked, "abc", "3\r\nabc\r\n", 3),
        ] {
            let (mut framing, mut sent) = (framing, Vec::new());
            assert_eq!(
                framing.forward(received.as_bytes(), coding, &mut sent, |_| true),
                Ok(taken),
                "{received}"
            );
            assert_eq!(String::from_utf8(sent).unwrap(), out, "{received}");
        }
    }

    #[test]
    fn a_body_is_discarded_only_if_it_could_be_forwarded() {
        for (body, expected) in [
            ("3\r\nabc\r\n0\r\nX: y\r\n\r\nmore", Ok(19)),
            ("3\r\nabc\r\n0\r\nX : y\r\n\r\n", Err(MalformedBody)),
            ("0\r\nX: y\r\n Z: y\r\n\r\n", Err(MalformedBody)),
        ] {
            assert_eq!(Framing::chunked().discard(body.as_bytes()), expected, "{body:?}");
        }
    }

    #[test]
    fn only_a_body_until_close_may_end_with_the_connection() {
        for (framing, coding, expected) in [
            (Framing::UntilClose, TransferCoding::Chunked, Ok("0\r\n\r\n")),
            (Framing::UntilClose, TransferCoding::Identity, Ok("")),
            (Framing::EMPTY, TransferCoding::Identity, Ok("")),
            (Framing::Length(1), TransferCoding::Identity, Err(MalformedBody)),
            (Framing::chunked(), TransferCoding::Chunked, Err(MalformedBody)),
        ] {
            let (mut framing, mut out) = (framing, Vec::new());
            let ended = framing.end(coding, &mut out).map(|()| std::str::from_utf8(&out).unwrap());
            assert_eq!(ended, expected, "{framing:?}");
        }
    }
}
