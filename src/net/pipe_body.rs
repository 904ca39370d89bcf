//! The content of a message of HTTP/1.1 that comes through a pipe, for hyper.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};

use super::memory_pipe::PipeReader;
use crate::http1::fields::FieldLine;
use crate::http1::framing::Framing;
use crate::http1::request::to_header;

/// The longest part of the content, in bytes: a frame of HTTP/2 (RFC 9113, section 4.2).
pub const MAX_PART: usize = 16 << 10;

/// The content of a message that comes through a pipe, whose head was taken from it.
pub struct PipeBody {
    from: PipeReader,
    received: BytesMut,
    framing: Framing,
}

impl PipeBody {
    /// The content with this framing. Some of it may be in `received`, which was read before.
    pub fn new(from: PipeReader, received: BytesMut, framing: Framing) -> Self {
        Self { from, received, framing }
    }

    /// Takes a part of the content from what was received.
    fn take(&mut self) -> io::Result<Option<Frame<Bytes>>> {
        let malformed = |_| io::Error::from(io::ErrorKind::InvalidData);
        let part = self.received.get(..MAX_PART).unwrap_or(&self.received);
        let Framing::Chunked(chunks) = &mut self.framing else {
            let taken = self.framing.discard(part).map_err(malformed)?;
            return Ok((taken > 0).then(|| Frame::data(self.received.split_to(taken).freeze())));
        };
        let mut data = BytesMut::new();
        let taken = chunks.decode(part, |bytes| data.extend_from_slice(bytes)).map_err(malformed)?;
        self.received.advance(taken);
        if !data.is_empty() {
            return Ok(Some(Frame::data(data.freeze())));
        }
        let mut trailers = HeaderMap::new();
        if chunks.is_done() {
            let each = |name: &str, value: &[u8]| trailers.extend(to_header(&FieldLine { name, value }));
            chunks.take_trailers(each).map_err(malformed)?;
        }
        Ok((!trailers.is_empty()).then(|| Frame::trailers(trailers)))
    }
}

impl Body for PipeBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match self.take() {
                Ok(None) if self.framing.is_done() => return Poll::Ready(None),
                Ok(None) => {}
                frame => return Poll::Ready(frame.transpose()),
            }
            let Self { from, received, .. } = &mut *self;
            let taken = ready!(from.poll_take(cx));
            if taken.is_empty() {
                return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
            }
            received.unsplit(taken);
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.framing, Framing::Length(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self.framing {
            Framing::Length(left) => SizeHint::with_exact(left),
            Framing::Chunked(_) | Framing::UntilClose => SizeHint::default(),
        }
    }
}
