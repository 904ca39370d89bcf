//! Reads from and writes to a stream as tokio does.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;

/// rustls gets what it encrypts in parts of this many bytes. It copies each, and Debian 12's C library copies more than about 2 KiB
/// with `rep movsb`, which is several times as slow as other ways where AMD's Zen 3 writes to an address that is not aligned (glibc bug
/// 30994).
const TLS_PART: usize = 2 << 10;
/// How many parts rustls gets at once: as many as its buffer holds.
const MAX_TLS_PARTS: usize = 32;

macro_rules! on_stream {
    ($stream:expr, $inner:ident => $body:expr) => {{
        let stream = $stream.get_mut();
        stream.register()?;
        match stream {
            Stream::Accepted(_) => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            Stream::Tcp($inner) => $body,
            Stream::Unix($inner) => $body,
            Stream::Tls($inner) => $body,
            Stream::Pipe($inner) => $body,
        }
    }};
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl Stream {
    fn poll_write_some(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Most writes need not wait, and so no waker.
        match self.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
        if let Self::Tls(stream) = &mut *self
            && bytes.len() > TLS_PART
        {
            let mut parts = [IoSlice::new(&[]); MAX_TLS_PARTS];
            for (part, bytes) in parts.iter_mut().zip(bytes.chunks(TLS_PART)) {
                *part = IoSlice::new(bytes);
            }
            return Pin::new(stream).poll_write_vectored(cx, &parts);
        }
        on_stream!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }
}

impl AsyncWrite for Stream {
    /// Fails instead of writing nothing of some bytes, so that no caller has to look for that.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(self.poll_write_some(cx, bytes))? {
            0 if !bytes.is_empty() => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => Poll::Ready(Ok(written)),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Accepted(_) | Self::Tcp(_) | Self::Unix(_) => true,
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Pipe(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self {
            // Nothing to do, and one that was just accepted need not be registered for this.
            Self::Accepted(_) | Self::Tcp(_) | Self::Unix(_) => return Poll::Ready(Ok(())),
            Self::Tls(_) | Self::Pipe(_) => {}
        }
        on_stream!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
