//! The framing of a response's body, from the upstream and to the client (RFC 9112, section 6.3).

use super::chunks::{self, Chunks, MalformedChunk};

/// The rest of a body.
pub(super) enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunks, which are written again.
    Chunks(Chunks),
    /// Everything until the connection closes. It is forwarded in chunks, so that the client can tell its end from an
    /// error.
    UntilClose,
}

impl Framing {
    /// No body.
    pub(super) const EMPTY: Self = Self::Length(0);

    /// Returns true if the body is complete.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunks(chunks) => chunks.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Moves the body's bytes from `input`, starting at `from`, to `output`. What is left in `input` comes after the body.
    pub(super) fn forward(
        &mut self,
        input: &mut Vec<u8>,
        from: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), MalformedChunk> {
        let received = input.get(from..).unwrap_or_default();
        let taken = match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(received.len());
                *left -= taken as u64;
                if taken == input.len() && output.is_empty() {
                    std::mem::swap(input, output);
                    return Ok(());
                }
                output.extend_from_slice(received.get(..taken).unwrap_or_default());
                taken
            }
            Self::Chunks(chunks) => chunks.forward(received, output)?,
            Self::UntilClose => {
                chunks::write(received, output);
                received.len()
            }
        };
        input.drain(..from + taken);
        Ok(())
    }

    /// Ends the body when the upstream has closed.
    pub(super) fn end(&mut self, output: &mut Vec<u8>) -> Result<(), MalformedChunk> {
        match self {
            Self::UntilClose => {
                output.extend_from_slice(chunks::LAST);
                *self = Self::EMPTY;
                Ok(())
            }
            Self::Length(_) | Self::Chunks(_) => Err(MalformedChunk),
        }
    }
}
