//! The content of a response over HTTP/2.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::streams::OpenStream;
use crate::net::pipe::AbortOnDrop;
use crate::net::pipe_body::{MAX_PART, PipeBody};

/// The content of a response. Dropping it before its end cancels the request.
pub(super) struct TranslatedBody {
    content: ResponseContent,
    has_ended: bool,
    stream: OpenStream,
    /// The task that handles the request.
    task: Option<AbortOnDrop>,
}

impl TranslatedBody {
    /// The content of a response to the request of `stream`, which `task` handles if it is not done.
    pub(super) fn new(content: ResponseContent, stream: OpenStream, task: Option<AbortOnDrop>) -> Self {
        Self { content, has_ended: false, stream, task }
    }
}

impl Drop for TranslatedBody {
    fn drop(&mut self) {
        if (self.has_ended || self.is_end_stream())
            && let Some(task) = self.task.take()
        {
            task.detach();
        }
    }
}

/// Where the content is.
pub(super) enum ResponseContent {
    /// In memory.
    Whole(Bytes),
    /// On its way through the pipe.
    Piped(PipeBody),
}

impl Body for TranslatedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = match &mut self.content {
            ResponseContent::Whole(rest) => Poll::Ready(take_part(rest).map(|part| Ok(Frame::data(part)))),
            ResponseContent::Piped(body) => Pin::new(body).poll_frame(cx),
        };
        self.has_ended |= matches!(frame, Poll::Ready(None));
        self.stream.progress().record_sending(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            ResponseContent::Whole(rest) => rest.is_empty(),
            ResponseContent::Piped(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            ResponseContent::Whole(rest) => SizeHint::with_exact(rest.len() as u64),
            ResponseContent::Piped(body) => body.size_hint(),
        }
    }
}

/// Takes as much as one frame holds. The gateway cannot see how much of what hyper has taken still waits for the client.
fn take_part(rest: &mut Bytes) -> Option<Bytes> {
    let length = rest.len().min(MAX_PART);
    (length > 0).then(|| rest.split_to(length))
}
