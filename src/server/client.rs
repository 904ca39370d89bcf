//! The client of a connection, while one of its requests is passed on.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::sync::watch;

use super::stream::Stream;
use super::unread::Unread;
use crate::filters::proxy::relay;

/// The client's end of a connection.
pub struct Client<'a> {
    stream: &'a mut Stream,
    unread: &'a mut Unread,
    stopped: &'a watch::Receiver<bool>,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        stream: &'a mut Stream,
        unread: &'a mut Unread,
        stopped: &'a watch::Receiver<bool>,
    ) -> Self {
        Self { stream, unread, stopped }
    }

    /// What it has sent, from the request on that is passed on.
    pub fn unread(&self) -> &[u8] {
        self.unread.bytes()
    }

    /// Writes all of a response.
    pub async fn write(&mut self, response: &[u8]) -> io::Result<()> {
        let mut rest = response;
        poll_fn(|cx| {
            while !rest.is_empty() {
                let taken = ready!(relay::Client::poll_write(self, cx, rest))?;
                rest = rest.get(taken..).unwrap_or_default();
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}

impl relay::Client for Client<'_> {
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
            let mut buffer = ReadBuf::new(room);
            let read = ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut buffer));
            let length = buffer.filled().len();
            if read.is_err() || length == 0 {
                return Poll::Ready(());
            }
            self.unread.filled(length);
        }
    }

    fn is_last(&self) -> bool {
        self.stopped.has_changed().unwrap_or(true)
    }
}
