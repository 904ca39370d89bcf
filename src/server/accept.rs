//! Accepts the connections of a listening socket.

use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use super::Service;
use super::connection::serve;
use super::listener::Listener;
use super::open_connections::OpenConnections;
use crate::net::stream::Stream;

/// The pause after an accept failed for lack of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);
/// The interval at which such failures are logged.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// A listening socket on a thread's runtime.
pub(super) enum ListeningSocket {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl TryFrom<Listener> for ListeningSocket {
    type Error = io::Error;

    fn try_from(listener: Listener) -> io::Result<Self> {
        match listener {
            Listener::Tcp(listener) => tokio::net::TcpListener::from_std(listener).map(Self::Tcp),
            Listener::Unix(listener, _) => tokio::net::UnixListener::from_std(listener).map(Self::Unix),
        }
    }
}

impl ListeningSocket {
    async fn accept(&self) -> io::Result<(Stream, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // A response is written at once: Nagle's algorithm would only delay its last packet.
                stream.set_nodelay(true)?;
                Ok((stream.into(), Some(address.ip())))
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| (stream.into(), None)),
        }
    }
}

pub(super) async fn accept<S: Service>(
    socket: ListeningSocket,
    service: S,
    open: Rc<OpenConnections>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut warned: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let count = Rc::clone(&open).open();
                let connection = serve(stream, address, service.clone(), stopped.clone());
                tokio::task::spawn_local(async move {
                    connection.await;
                    drop(count);
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if warned.is_none_or(|warned| warned.elapsed() >= WARNING_INTERVAL) {
                    warn!("cannot accept connections: {error}; trying again every {} ms", PAUSE.as_millis());
                    warned = Some(Instant::now());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Returns true if an error concerns the accepted connection, not the listening socket (`accept(2)`).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput)
}
