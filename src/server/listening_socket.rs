//! Accepts single connections from the sockets of a thread.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::task::{Context, Poll, ready};

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
    Tcp(TcpSocket, Option<TlsAcceptor>),
    Unix(tokio::net::UnixListener),
}

impl TryFrom<Listener> for ListeningSocket {
    type Error = io::Error;

    fn try_from(listener: Listener) -> io::Result<Self> {
        match listener {
            Listener::Tcp(listener) => Ok(Self::Tcp(listener.try_into()?, None)),
            Listener::Tls(listener, config) => Ok(Self::Tcp(listener.try_into()?, Some(config.into()))),
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
            Self::Tcp(socket, _) => poll_fn(|cx| socket.poll_accept(cx)).await,
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| (stream.into(), None)),
        }
    }

    /// Passes the connections that are complete and were not accepted yet to `serve`, and closes the socket. The system would
    /// reset them, although their clients may have sent a request.
    pub(super) fn drain(self, mut serve: impl FnMut(Accepted)) -> io::Result<()> {
        match self {
            Self::Tcp(socket, _) => {
                let listener = socket.listener.into_inner();
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

/// A listening socket of TCP. A failed accept costs several times as much as asking whether a connection waits, because Linux creates a
/// socket before it looks (`do_accept` in net/socket.c). So the gateway first asks whether one waits, or each burst would end with a failure.
pub(super) struct TcpSocket {
    listener: AsyncFd<TcpListener>,
    /// True if nothing waited at the last look. Then the runtime tells when something does.
    was_empty: Cell<bool>,
    /// True once another thread, which the same connection woke, was faster. It stays true, because the threads stay: of two that
    /// were idle, nearly each connection woke both, and an accept that fails takes as long as six looks or more.
    has_rivals: Cell<bool>,
}

impl TryFrom<TcpListener> for TcpSocket {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<Self> {
        #[expect(
            deprecated,
            reason = "its successor is unsafe, because a type may change its descriptor; this one does not"
        )]
        let listener = AsyncFd::with_interest(listener, Interest::READABLE)?;
        Ok(Self { listener, was_empty: Cell::new(true), has_rivals: Cell::new(false) })
    }
}

impl TcpSocket {
    /// For one task.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        loop {
            let mut guard = ready!(self.listener.poll_read_ready(cx))?;
            if let Ok(accepted) = guard.try_io(|listener| self.accept_next(listener.get_ref())) {
                return Poll::Ready(accepted);
            }
        }
    }

    /// Accepts a connection if one waits.
    fn accept_next(&self, listener: &TcpListener) -> io::Result<Accepted> {
        let is_told = self.was_empty.replace(false) && !self.has_rivals.get();
        let accepted = if is_told || may_accept(listener) {
            accept_tcp(listener)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        };
        if accepted.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.was_empty.set(true);
            self.has_rivals.set(self.has_rivals.get() || is_told);
        }
        accepted
    }
}

/// Returns true if a connection waits, or if only an attempt shows what is wrong.
fn may_accept(listener: &TcpListener) -> bool {
    let mut waiting = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut waiting, Some(&Timespec::default())) != Ok(0)
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
