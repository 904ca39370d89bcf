//! Accepts the connections of a listening socket.

use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use super::connection::{serve_open, serve_tls};
use super::connection_tasks::ConnectionTasks;
use super::limit_log;
use super::listening_socket::{Accepted, ListeningSocket, is_of_one_connection};
use super::open_connections::{OpenConnection, OpenConnections};
use super::proxied::client_of_proxy;
use super::{Service, begin};
use crate::config::Limits;
use crate::log_interval::LogInterval;
use crate::net::peer::Peer;
use crate::plural::{are, counted};

/// The longest pause after an accept failed for lack of descriptors or memory, or while as many connections are open as may be.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts and serves connections until the server is stopped, and then those that are complete by then.
pub(super) async fn accept<S: Service>(
    socket: ListeningSocket,
    service: S,
    open: Rc<OpenConnections>,
    mut stopped: watch::Receiver<bool>,
) {
    let (stopping, tls) = (stopped.clone(), socket.tls());
    let tasks = ConnectionTasks::new({
        let (service, stopped) = (service.clone(), stopping.clone());
        move |(accepted, open)| serve_accepted(accepted, open, tls.clone(), service.clone(), stopped.clone())
    });
    // Registered once, not for each connection.
    let mut stop = pin!(stopped.wait_for(|stopped| *stopped));
    // Looks before each connection, since the wait for the stop is polled only when there is none. An error means that the server
    // has ended.
    while !stopping.has_changed().unwrap_or(true) {
        let accepted = tokio::select! {
            biased;
            accepted = socket.accept() => accepted,
            _ = &mut stop => break,
        };
        match accepted {
            Ok(accepted) => tasks.serve((accepted, open_one(&open, &service, &stopping).await)),
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
            tasks.serve((accepted, (connection, service.limits())));
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
            let configured = if S::HAS_CONFIGURED_CONNECTIONS { "`[limits] connections` and " } else { "" };
            warn!(
                "{} {} open, the most within {configured}the limit of open files (`LimitNOFILE=` in the unit, or `ulimit -n`): idle \
                 ones are closed to make room",
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
