//! A TCP connection that was just accepted.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::log_interval::LogInterval;

/// A TCP connection that the runtime does not wait for yet. Waiting takes two more system calls. A client that asks for one
/// response often need not be waited for: its request is there when the connection is accepted.
#[derive(Debug)]
pub struct AcceptedTcp {
    /// `None` once the runtime has it, or could not take it.
    socket: Option<TcpStream>,
    /// True after the first try to receive something. Whatever reads next gives the connection to the runtime.
    has_received: bool,
}

impl From<OwnedFd> for AcceptedTcp {
    /// Takes a socket that does not block.
    fn from(socket: OwnedFd) -> Self {
        Self { socket: Some(socket.into()), has_received: false }
    }
}

impl AcceptedTcp {
    /// The socket.
    ///
    /// # Errors
    /// The runtime could not take it.
    pub(super) fn socket(&self) -> io::Result<&TcpStream> {
        self.socket.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Writes as much as the system takes now.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket()?.write(bytes)
    }

    /// Reads what was received.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket()?.read(buffer)
    }

    /// Appends what is there to the free capacity of `bytes`, and returns its length; 0 at the end of the stream. Returns `None` if
    /// nothing is there, or after the first call.
    pub(super) fn receive_first(&mut self, bytes: &mut Vec<u8>) -> Option<io::Result<usize>> {
        if std::mem::replace(&mut self.has_received, true) {
            return None;
        }
        match recv(self.socket().ok()?, spare_capacity(bytes), RecvFlags::empty()) {
            Err(Errno::WOULDBLOCK | Errno::INTR) => None,
            received => Some(received.map(|(_, length)| length).map_err(Into::into)),
        }
    }

    /// Gives the connection to the runtime, which can wait for it.
    ///
    /// # Errors
    /// The system has no memory for another one, or limits their number (epoll_ctl(2)). The connection is closed, and a warning logged.
    pub(super) fn register(&mut self) -> io::Result<tokio::net::TcpStream> {
        static WARNED: LogInterval = LogInterval::new();
        let socket = self.socket.take().ok_or(io::ErrorKind::NotConnected)?;
        tokio::net::TcpStream::from_std(socket).inspect_err(|error| {
            if WARNED.is_due() {
                tracing::warn!("cannot wait for a client, which is disconnected: {error}");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;
    use crate::net::buffer::Buffer;
    use crate::net::stream::Stream;

    fn connection() -> (TcpStream, Stream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        (client, AcceptedTcp::from(OwnedFd::from(accepted)).into())
    }

    #[tokio::test]
    async fn a_request_that_is_there_is_answered_without_registering() {
        let (mut client, mut stream) = connection();
        let mut buffer = Buffer::new();
        client.write_all(b"one").unwrap();
        assert_eq!(poll_fn(|cx| buffer.poll_fill(&mut stream, cx)).await.unwrap(), 3);
        stream.try_write(b"two").unwrap();
        assert!(matches!(stream, Stream::Accepted(_)));
        // The next request is waited for.
        let receive = poll_fn(|cx| buffer.poll_fill(&mut stream, cx));
        let sending = async { client.write_all(b" three") };
        let (received, sent) = tokio::join!(receive, sending);
        assert_eq!((received.unwrap(), sent.unwrap(), buffer.bytes()), (6, (), &b"one three"[..]));
    }

    #[tokio::test]
    async fn a_request_that_comes_later_is_waited_for() {
        let (mut client, mut stream) = connection();
        let mut buffer = Buffer::new();
        assert!(poll_fn(|cx| std::task::Poll::Ready(buffer.poll_fill(&mut stream, cx))).await.is_pending());
        assert!(matches!(stream, Stream::Tcp(_)));
        client.write_all(b"one").unwrap();
        assert_eq!(poll_fn(|cx| buffer.poll_fill(&mut stream, cx)).await.unwrap(), 3);
        drop(client);
        assert_eq!(poll_fn(|cx| buffer.poll_fill(&mut stream, cx)).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_response_that_does_not_fit_waits_for_the_client() {
        use tokio::io::AsyncWriteExt as _;
        let (mut client, mut stream) = connection();
        let sent = vec![7; 16 << 20];
        let reading = tokio::task::spawn_blocking(move || {
            let mut got = Vec::new();
            std::io::Read::read_to_end(&mut client, &mut got).unwrap();
            got
        });
        stream.write_all(&sent).await.unwrap();
        drop(stream);
        assert!(reading.await.unwrap() == sent);
    }
}
