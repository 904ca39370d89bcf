//! One message of HTTP/2 as HTTP/1.1, through a pipe in memory, so that it is handled by the same rules.

use std::io;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRAILER};
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::io::AsyncWriteExt as _;
use tokio::task::AbortHandle;

use super::memory_pipe::PipeWriter;
use crate::http1::chunked::{write_chunk, write_last_chunk};
use crate::http1::fields::write_field;

/// Aborts a task when it is dropped.
pub struct AbortOnDrop(Option<AbortHandle>);

impl AbortOnDrop {
    /// Aborts the task of this handle.
    pub fn new(task: AbortHandle) -> Self {
        Self(Some(task))
    }

    /// Lets the task run to its end.
    pub fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Runs the streams of an HTTP/2 connection on its thread.
#[derive(Clone, Copy, Debug)]
pub struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// The framing of a body as HTTP/1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyFraming {
    /// No body.
    None,
    /// The head has its length.
    Length,
    /// Chunks.
    Chunked,
}

impl BodyFraming {
    /// The framing of a body that comes with these fields. Trailers need chunks, so if the fields announce some, the length is not
    /// used, and must not be written.
    pub fn new(is_empty: bool, fields: &HeaderMap) -> Self {
        if is_empty {
            Self::None
        } else if fields.contains_key(CONTENT_LENGTH) && !fields.contains_key(TRAILER) {
            Self::Length
        } else {
            Self::Chunked
        }
    }

    /// Returns true if a field of this name belongs into the head of a body that is framed so.
    pub fn passes(self, name: &HeaderName) -> bool {
        self != Self::Chunked || *name != CONTENT_LENGTH
    }
}

/// Writes a body and its trailers to a pipe. Takes more of it only as the other end does.
///
/// # Errors
/// The body was broken off, or the other end of the pipe is closed.
pub async fn send_body(
    mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
    to: &mut PipeWriter,
    framing: BodyFraming,
) -> io::Result<()> {
    if framing == BodyFraming::None {
        return Ok(());
    }
    let (mut bytes, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = body.frame().await {
        match frame.map_err(io::Error::other)?.into_data() {
            Ok(data) if framing == BodyFraming::Length => to.write_all(&data).await?,
            Ok(data) => {
                write_chunk(&data, &mut bytes);
                to.write_all(&bytes).await?;
                bytes.clear();
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    if framing == BodyFraming::Chunked {
        let mut lines = Vec::new();
        for (name, value) in &trailers {
            write_field(&mut lines, name.as_str(), &[value.as_bytes()]);
        }
        write_last_chunk(&lines, &mut bytes);
        to.write_all(&bytes).await?;
    }
    Ok(())
}
