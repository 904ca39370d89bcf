//! A byte stream over any kind of connection.

mod async_io;
mod sendfile;

use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

use super::accepted::AcceptedTcp;
use super::memory_pipe::PipeEnd;
use crate::http1::scheme::Scheme;

/// A silent connection is checked after a minute, and then each 15 seconds. It ends after four checks without an answer.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(15))
    .with_retries(4);

/// The stream of a client or of an upstream.
#[derive(Debug)]
pub enum Stream {
    /// TCP that nothing had to wait for yet.
    Accepted(AcceptedTcp),
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS over TCP: to an upstream, or from a client.
    Tls(Box<TlsStream<TcpStream>>),
    /// Memory: one request of a multiplexed connection.
    Pipe(PipeEnd),
}

impl From<AcceptedTcp> for Stream {
    fn from(stream: AcceptedTcp) -> Self {
        Self::Accepted(stream)
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

impl From<TlsStream<TcpStream>> for Stream {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

impl Stream {
    /// Returns true unless it was just accepted, and nothing had to wait for it yet.
    pub fn is_registered(&self) -> bool {
        !matches!(self, Self::Accepted(_))
    }

    /// Registers it with the runtime, which can then wait for it.
    ///
    /// # Errors
    /// As those of [`AcceptedTcp::register`]. The connection is over.
    #[inline]
    fn register(&mut self) -> io::Result<()> {
        if matches!(self, Self::Accepted(_)) { self.register_accepted() } else { Ok(()) }
    }

    /// Apart from its caller, which each read and write inlines.
    #[cold]
    fn register_accepted(&mut self) -> io::Result<()> {
        if let Self::Accepted(stream) = self {
            *self = Self::Tcp(stream.register()?);
        }
        Ok(())
    }

    /// Returns it as TCP.
    ///
    /// # Errors
    /// It is something else, or the system has no memory for it.
    pub fn into_tcp(mut self) -> io::Result<TcpStream> {
        self.register()?;
        let Self::Tcp(stream) = self else { return Err(io::ErrorKind::Unsupported.into()) };
        Ok(stream)
    }

    /// Appends to the free capacity of `bytes` what a connection that was just accepted has received, and returns its length; 0 at
    /// the end of the stream. Returns `None` if that must be waited for.
    pub fn receive_first(&mut self, bytes: &mut Vec<u8>) -> Option<io::Result<usize>> {
        match self {
            Self::Accepted(stream) => stream.receive_first(bytes),
            _ => None,
        }
    }

    /// Writes as much as the system takes now. Returns `WouldBlock` if that is nothing, or cannot be known.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Accepted(stream) => stream.try_write(bytes),
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
            Self::Tls(_) | Self::Pipe(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Reads what was received, as far as the runtime knows if it waits for the stream. Returns `WouldBlock` if that is nothing, or
    /// cannot be known.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read(buffer),
            Self::Accepted(stream) => stream.try_read(buffer),
            Self::Tls(_) | Self::Pipe(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Ready when the other end waits for bytes: how many it takes, if that is known before they are written.
    pub fn poll_wanted(&self, cx: &Context<'_>) -> Poll<Option<usize>> {
        match self {
            Self::Pipe(pipe) => pipe.poll_wanted(cx).map(Some),
            Self::Accepted(_) | Self::Tcp(_) | Self::Unix(_) | Self::Tls(_) => Poll::Ready(None),
        }
    }

    /// Writes as [`Stream::try_write`] does. If all was written to TCP, it also ends the sending direction, in the same packet.
    pub fn try_finish(&self, bytes: &[u8]) -> io::Result<usize> {
        // The system holds the bytes back until the shutdown, or for 200 ms (tcp(7)).
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        let written = match self {
            Self::Accepted(_) | Self::Tcp(_) if bytes.is_empty() => 0,
            Self::Accepted(stream) => send(stream.socket()?, bytes, flags)?,
            Self::Tcp(stream) => stream.try_io(Interest::WRITABLE, || Ok(send(stream, bytes, flags)?))?,
            Self::Unix(_) | Self::Tls(_) | Self::Pipe(_) => return self.try_write(bytes),
        };
        if let Some(socket) = self.socket().filter(|_| written == bytes.len()) {
            // If this fails, the connection is over already.
            let _ = socket.shutdown(Shutdown::Write);
        }
        Ok(written)
    }

    /// Receives what is there, at least one byte, and leaves it there. Returns its length; 0 at the end of the stream.
    ///
    /// # Errors
    /// The connection has failed, or does not come from the system.
    pub async fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer, RecvFlags::PEEK).await
    }

    /// Receives exactly these bytes, which [`Stream::peek`] has seen.
    ///
    /// # Errors
    /// As those of [`Stream::peek`].
    pub async fn take(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.receive(buffer, RecvFlags::empty()).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => buffer = buffer.get_mut(length..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    async fn receive(&mut self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        self.register()?;
        match self {
            Self::Tcp(stream) => {
                let receive = || Ok(recv(&*stream, &mut *buffer, flags)?.0);
                stream.async_io(Interest::READABLE, receive).await
            }
            Self::Unix(stream) => {
                let receive = || Ok(recv(&*stream, &mut *buffer, flags)?.0);
                stream.async_io(Interest::READABLE, receive).await
            }
            Self::Accepted(_) | Self::Tls(_) | Self::Pipe(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The socket, except in memory.
    fn socket(&self) -> Option<SockRef<'_>> {
        match self {
            Self::Accepted(stream) => stream.socket().ok().map(SockRef::from),
            Self::Tcp(stream) => Some(stream.into()),
            Self::Tls(stream) => Some(stream.get_ref().0.into()),
            Self::Unix(stream) => Some(stream.into()),
            Self::Pipe(_) => None,
        }
    }

    /// Returns true if the connection has failed, for example by a reset.
    pub fn has_failed(&self) -> bool {
        self.socket().is_some_and(|socket| !matches!(socket.take_error(), Ok(None)))
    }

    /// Makes the system check a silent connection, and end it if the other end is gone without a word.
    pub fn keep_alive(&self) {
        if let Some(socket) = self.socket() {
            // If this fails, the connection is over already.
            let _ = socket.set_tcp_keepalive(&KEEPALIVE);
        }
    }

    /// Makes dropping the stream reset the connection, so that the other end cannot take what it received for the whole.
    pub fn reset_on_drop(&self) {
        if let Some(socket) = self.socket() {
            // If this fails, the connection is over already.
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }

    /// The scheme of the requests on it.
    pub fn scheme(&self) -> Scheme {
        if matches!(self, Self::Tls(_)) { Scheme::Https } else { Scheme::Http }
    }

    /// Returns the protocol that both ends agreed on by ALPN (RFC 7301), if they did.
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        match self {
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
            _ => None,
        }
    }

    /// Returns true if the end of the received data means that the other end has left, and not only that it has stopped
    /// sending.
    pub fn end_means_gone(&self) -> bool {
        matches!(self, Self::Pipe(_))
    }
}
