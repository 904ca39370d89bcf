//! Accepts single connections from the sockets of a thread.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio_rustls::TlsAcceptor;

use super::listener::{BACKLOG, Listener};
use crate::net::accepted::AcceptedTcp;
use crate::net::stream::Stream;

/// A listening socket on a thread's runtime.
pub(super) enum ListeningSocket {
    /// TCP, with TLS if there is an acceptor.
    Tcp(AsyncFd<TcpListener>, Option<TlsAcceptor>),
    Unix(tokio::net::UnixListener),
}

impl TryFrom<Listener> for ListeningSocket {
    type Error = io::Error;

    fn try_from(listener: Listener) -> io::Result<Self> {
        #[expect(
            deprecated,
            reason = "its successor is unsafe, because a type may change its descriptor; this one does not"
        )]
        let wait_for = |listener| AsyncFd::with_interest(listener, Interest::READABLE);
        let tcp = |listener, tls| Ok(Self::Tcp(wait_for(listener)?, tls));
        match listener {
            Listener::Tcp(listener) => tcp(listener, None),
            Listener::Tls(listener, config) => tcp(listener, Some(config.into())),
            Listener::Unix(listener, _) => tokio::net::UnixListener::from_std(listener).map(Self::Unix),
        }
    }
}

/// A connection, before the handshake of TLS, and the address of its client.
pub(super) type Accepted = (Stream, Option<IpAddr>);

impl ListeningSocket {
    pub(super) fn tls(&self) -> Option<TlsAcceptor> {
        match self {
            Self::Tcp(_, tls) => tls.clone(),
            Self::Unix(_) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener, _) => listener.async_io(Interest::READABLE, accept_next).await,
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| (stream.into(), None)),
        }
    }

    /// Passes the connections that are complete and were not accepted yet to `serve`, and closes the socket. The system would
    /// reset them, although their clients may have sent a request.
    pub(super) fn drain(self, mut serve: impl FnMut(Accepted)) -> io::Result<()> {
        match self {
            Self::Tcp(listener, _) => {
                let listener = listener.into_inner();
                drain(|| accept_tcp(&listener).map(&mut serve))
            }
            Self::Unix(listener) => {
                let listener = listener.into_std()?;
                drain(|| {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    serve((tokio::net::UnixStream::from_std(stream)?.into(), None));
                    Ok(())
                })
            }
        }
    }
}

/// Accepts a connection if one waits. A failed accept costs several times as much as asking first, because Linux creates a socket
/// before it looks (`do_accept` in net/socket.c). Otherwise each burst would end with one, and each wake-up of a thread when another
/// thread was faster.
fn accept_next(listener: &TcpListener) -> io::Result<Accepted> {
    let mut waiting = [PollFd::new(listener, PollFlags::IN)];
    match poll(&mut waiting, Some(&Timespec::default())) {
        Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
        // The attempt shows what is wrong.
        Ok(_) | Err(_) => accept_tcp(listener),
    }
}

/// Accepts a connection whose socket does not block.
fn accept_tcp(listener: &TcpListener) -> io::Result<Accepted> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, address) = retry_on_intr(|| acceptfrom_with(listener, flags))?;
    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
    Ok((AcceptedTcp::from(socket).into(), address.map(|address| address.ip())))
}

/// Repeats `accept` until there is nothing more to accept; at most for a full backlog, since new clients may keep coming.
fn drain(mut accept: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    for _ in 0..BACKLOG {
        match accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if !is_of_one_connection(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Returns true if an error concerns the accepted connection, not the listening socket (`accept(2)`).
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput)
}
