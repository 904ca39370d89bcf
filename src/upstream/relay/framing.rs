//! Where a response's body ends, as the upstream says it, and as it is said to the client (RFC 9112 6.3).

use super::chunks::{self, Chunks, MalformedChunk};

/// What is still to come of a body.
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks, which are made anew.
    Chunks(Chunks),
    /// Whatever comes until the connection closes: it is passed on in chunks, so that the client can tell an end from
    /// a break.
    UntilClose,
}

impl Framing {
    /// Nothing.
    pub(super) const NOTHING: Self = Self::Length(0);

    /// Whether all of the body has come.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunks(chunks) => chunks.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Takes what has come, from this place on, and appends what goes on. What is left in `input` afterwards is behind the body's end.
    pub(super) fn pass(
        &mut self,
        input: &mut Vec<u8>,
        from: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), MalformedChunk> {
        let came = input.get(from..).unwrap_or_default();
        let taken = match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(came.len());
                *left -= taken as u64;
                if taken == input.len() && output.is_empty() {
                    std::mem::swap(input, output);
                    return Ok(());
                }
                output.extend_from_slice(came.get(..taken).unwrap_or_default());
                taken
            }
            Self::Chunks(chunks) => chunks.pass(came, output)?,
            Self::UntilClose => {
                chunks::write(came, output);
                came.len()
            }
        };
        input.drain(..from + taken);
        Ok(())
    }

    /// The upstream has closed.
    pub(super) fn end(&mut self, output: &mut Vec<u8>) -> Result<(), MalformedChunk> {
        match self {
            Self::UntilClose => {
                output.extend_from_slice(chunks::LAST);
                *self = Self::NOTHING;
                Ok(())
            }
            Self::Length(_) | Self::Chunks(_) => Err(MalformedChunk),
        }
    }
}
