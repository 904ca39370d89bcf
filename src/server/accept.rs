//! Accepts the connections of a listening socket.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use super::connection::{serve_open, serve_tls};
use super::limit_log;
use super::listener::{BACKLOG, Listener};
use super::open_connections::{OpenConnection, OpenConnections};
use super::proxied::client_of_proxy;
use super::{Service, begin};
use crate::config::Limits;
use crate::log_interval::LogInterval;
use crate::net::accepted::AcceptedTcp;
use crate::net::peer::Peer;
use crate::net::stream::Stream;
use crate::plural::{are, counted};

/// The longest pause after an accept failed for lack of descriptors or memory, or while as many connections are open as may be.
const PAUSE: Duration = Duration::from_millis(50);

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
type Accepted = (Stream, Option<IpAddr>);

impl ListeningSocket {
    fn tls(&self) -> Option<TlsAcceptor> {
        match self {
            Self::Tcp(_, tls) => tls.clone(),
            Self::Unix(_) => None,
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener, _) => listener.async_io(Interest::READABLE, accept_next).await,
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| (stream.into(), None)),
        }
    }

    /// Passes the connections that are complete and were not accepted yet to `serve`, and closes the socket. The system would
    /// reset them, although their clients may have sent a request.
    fn drain(self, mut serve: impl FnMut(Accepted)) -> io::Result<()> {
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

/// Accepts and serves connections until the server is stopped, and then those that are complete by then.
pub(super) async fn accept<S: Service>(
    socket: ListeningSocket,
    service: S,
    open: Rc<OpenConnections>,
    mut stopped: watch::Receiver<bool>,
) {
    let (connections, tls) = (stopped.clone(), socket.tls());
    let serve = |accepted: Accepted, open: (OpenConnection, Limits)| {
        let connection = serve_accepted(accepted, open, tls.clone(), service.clone(), connections.clone());
        // In a box of its own: tokio would copy the future when the task begins, and twice more when it ends.
        tokio::task::spawn_local(Box::pin(connection));
    };
    // Registered once, not for each connection.
    let mut stop = pin!(stopped.wait_for(|stopped| *stopped));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut stop => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => serve(accepted, open_one(&open, &service, &connections).await),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                warn_of(&error);
                if is_out_of_descriptors(&error) {
                    open.close_idle();
                }
                let _is_closed = timeout(PAUSE, open.one_closed()).await;
            }
        }
    }
    let serve_without_limit = |accepted| {
        if let Some(connection) = Rc::clone(&open).open_within(0) {
            serve(accepted, (connection, service.limits()));
        }
    };
    if let Err(error) = socket.drain(serve_without_limit) {
        warn!("cannot accept the last connections: {error}");
    }
}

/// Serves a connection from its first byte to its end.
async fn serve_accepted<S: Service>(
    (mut stream, address): Accepted,
    (mut connection, limits): (OpenConnection, Limits),
    tls: Option<TlsAcceptor>,
    service: S,
    stopped: watch::Receiver<bool>,
) {
    let peer = if service.expects_proxy_header(address) {
        // On the heap, because most connections do not need it.
        let header = client_of_proxy(&mut stream, address, limits.handshake_timeout);
        let header = begin(stopped.clone(), &connection.idleness, header);
        let Some(client) = Box::pin(header).await.flatten() else { return };
        client
    } else {
        Peer::new(address)
    };
    if !connection.place.admits(peer.address(), limits.connections_per_client) {
        limit_log::CONNECTIONS_PER_CLIENT.record(&peer);
        return;
    }
    let idleness = &connection.idleness;
    match tls {
        None => serve_open(stream, peer, service, &limits, stopped, idleness).await,
        // In a box, so that this future is small.
        Some(acceptor) => {
            Box::pin(serve_tls(stream, acceptor, peer, service, &limits, stopped, idleness)).await;
        }
    }
}

/// Counts an accepted connection as open, and returns it with its limits. While as many are open as may be, it waits until one
/// closes, and closes idle ones. A server that stops does not wait.
async fn open_one<S: Service>(
    open: &Rc<OpenConnections>,
    service: &S,
    stopped: &watch::Receiver<bool>,
) -> (OpenConnection, Limits) {
    static WARNED: LogInterval = LogInterval::new();
    loop {
        let limits = service.limits();
        let limit = if *stopped.borrow() { 0 } else { limits.connections };
        if let Some(connection) = Rc::clone(open).open_within(limit) {
            return (connection, limits);
        }
        if WARNED.is_due() {
            warn!(
                "{} {} open, the most that `[limits] connections` and the limit of open files (`LimitNOFILE=` in the unit, or \
                 `ulimit -n`) allow: idle ones are closed to make room",
                counted(limit, "connection"),
                are(limit)
            );
        }
        open.ask_for_room();
        let _is_closed = timeout(PAUSE, open.one_closed()).await;
    }
}

/// Logs an error, unless a thread has logged one within the last minute.
fn warn_of(error: &io::Error) {
    static WARNED: LogInterval = LogInterval::new();
    if !WARNED.is_due() {
        return;
    }
    if is_out_of_descriptors(error) {
        warn!(
            "cannot accept more connections: {error}: idle ones are closed to make room; allow more with \
             `LimitNOFILE=` in the unit, or `ulimit -n`"
        );
    } else {
        warn!("cannot accept connections: {error}; trying again every {} ms", PAUSE.as_millis());
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    is(Errno::MFILE) || is(Errno::NFILE)
}

/// Returns true if an error concerns the accepted connection, not the listening socket (`accept(2)`).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput)
}
