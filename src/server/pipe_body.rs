//! A response of HTTP/1.1 that comes through a pipe, as one of HTTP/2.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Response};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncReadExt as _, DuplexStream, ReadHalf};
use tokio::task::AbortHandle;

use super::open_connections::OpenStream;
use crate::http1::fields::{FieldLine, is_hop_by_hop};
use crate::http1::framing::Framing;
use crate::http1::request::to_header;
use crate::http1::response::ResponseHead;

/// How much is read at once, in bytes.
const READ_SIZE: usize = 16 << 10;

/// Aborts a task when it is dropped.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The content of a response that comes through the pipe.
pub(super) struct PipeBody {
    from: ReadHalf<DuplexStream>,
    received: BytesMut,
    framing: Framing,
    _task: AbortOnDrop,
    _stream: OpenStream,
}

impl PipeBody {
    /// Reads from a pipe that `task` writes to, as the content of a response on `stream`.
    pub(super) fn new(from: ReadHalf<DuplexStream>, task: AbortHandle, stream: OpenStream) -> Self {
        Self {
            from,
            received: BytesMut::new(),
            framing: Framing::EMPTY,
            _task: AbortOnDrop(task),
            _stream: stream,
        }
    }

    /// Waits for the head of a response, and returns it with this as its content.
    ///
    /// # Errors
    /// The pipe ends before that.
    pub(super) async fn into_response(mut self, to_head: bool) -> io::Result<Response<Self>> {
        loop {
            let parsed = ResponseHead::parse(&self.received, to_head);
            let Some((length, head)) = parsed.map_err(|invalid| io::Error::other(invalid.0))? else {
                if self.from.read_buf(&mut self.received).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            };
            // hyper can only send final responses.
            if head.status.is_informational() {
                self.received.advance(length);
                continue;
            }
            let fields = head.fields.iter().filter(|field| !is_hop_by_hop(field.name));
            let (status, headers) = (head.status, fields.filter_map(to_header).collect());
            self.framing = head.framing;
            self.received.advance(length);
            let mut response = Response::new(self);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            return Ok(response);
        }
    }

    /// Takes a part of the content from what was received.
    fn take(&mut self) -> io::Result<Option<Frame<Bytes>>> {
        let malformed = |_| io::Error::from(io::ErrorKind::InvalidData);
        let Framing::Chunked(chunks) = &mut self.framing else {
            let taken = self.framing.discard(&self.received).map_err(malformed)?;
            return Ok((taken > 0).then(|| Frame::data(self.received.split_to(taken).freeze())));
        };
        let mut data = BytesMut::new();
        let taken =
            chunks.decode(&self.received, |bytes| data.extend_from_slice(bytes)).map_err(malformed)?;
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
            received.reserve(READ_SIZE);
            if ready!(pin!(from.read_buf(received)).poll(cx))? == 0 {
                return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
            }
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
