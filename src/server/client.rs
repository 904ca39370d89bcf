//! The client's connection, while one of its requests is forwarded.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncWrite as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::timeout;

use super::HEAD_TIMEOUT;
use super::read_buffer::ReadBuffer;
use super::stream::Stream;
use crate::upstream::relay;

/// The client's end of a connection.
pub struct ClientConnection<'a> {
    stream: &'a mut Stream,
    unread: &'a mut ReadBuffer,
    stopped: &'a watch::Receiver<bool>,
}

impl<'a> ClientConnection<'a> {
    pub(super) fn new(
        stream: &'a mut Stream,
        unread: &'a mut ReadBuffer,
        stopped: &'a watch::Receiver<bool>,
    ) -> Self {
        Self { stream, unread, stopped }
    }

    /// Returns the bytes that the client has sent, starting with the request that is forwarded.
    pub fn unread(&self) -> &[u8] {
        self.unread.bytes()
    }

    /// Writes a whole response. Fails if the client takes longer than the head timeout.
    pub async fn write(&mut self, response: &[u8]) -> io::Result<()> {
        timeout(HEAD_TIMEOUT, self.stream.write_all(response)).await?
    }
}

impl relay::RelayClient for ClientConnection<'_> {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut *self.stream).poll_write(cx, bytes)) {
            Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            taken => Poll::Ready(taken),
        }
    }

    /// Does not notice that the client has left while the buffer is full.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let free = self.unread.free();
            if free.is_empty() {
                return Poll::Pending;
            }
            match ready!(self.stream.poll_read_into(cx, free)) {
                Ok(length @ 1..) => self.unread.filled(length),
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    fn is_last(&self) -> bool {
        self.stopped.has_changed().unwrap_or(true)
    }
}
