//! The client of a connection, while one of its requests is passed on.

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

    /// What it has sent, from the request on that is passed on.
    pub fn unread(&self) -> &[u8] {
        self.unread.bytes()
    }

    /// Writes all of a response, within the time that a client may take over one that is made here.
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

    /// A client that has sent more than is kept is not looked at before that has been answered.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let room = self.unread.room();
            if room.is_empty() {
                return Poll::Pending;
            }
            match ready!(self.stream.poll_read_into(cx, room)) {
                Ok(length @ 1..) => self.unread.filled(length),
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    fn is_last(&self) -> bool {
        self.stopped.has_changed().unwrap_or(true)
    }
}
