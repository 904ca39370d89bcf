//! A client's byte stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A client's stream over TCP or a Unix socket.
pub struct Stream {
    socket: ClientSocket,
    first: Bytes,
}

enum ClientSocket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self { socket: ClientSocket::Tcp(stream), first: Bytes::new() }
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self { socket: ClientSocket::Unix(stream), first: Bytes::new() }
    }
}

impl Stream {
    /// Makes these bytes the next ones to be read.
    pub(super) fn read_first(&mut self, bytes: Bytes) {
        self.first = bytes;
    }

    /// Returns the bytes of [`Self::read_first`] that were not read yet.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    /// Reads what is there into `free`, and returns its length in bytes; 0 at the end.
    pub(super) fn poll_read_into(
        &mut self,
        cx: &mut Context<'_>,
        free: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut free = ReadBuf::new(free);
        Pin::new(self).poll_read(cx, &mut free).map_ok(|()| free.filled().len())
    }

    /// Writes as much as the system takes now.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.socket {
            ClientSocket::Tcp(stream) => stream.try_write(bytes),
            ClientSocket::Unix(stream) => stream.try_write(bytes),
        }
    }
}

macro_rules! on_socket {
    ($stream:expr, $socket:ident => $body:expr) => {
        match &mut $stream.get_mut().socket {
            ClientSocket::Tcp($socket) => $body,
            ClientSocket::Unix($socket) => $body,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return on_socket!(self, socket => Pin::new(socket).poll_read(cx, buf));
        }
        let length = self.first.len().min(buf.remaining());
        if let Some(bytes) = self.first.get(..length) {
            buf.put_slice(bytes);
        }
        self.first.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_socket!(self, socket => Pin::new(socket).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_socket!(self, socket => Pin::new(socket).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, socket => Pin::new(socket).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, socket => Pin::new(socket).poll_shutdown(cx))
    }
}
