//! A server: several threads, each with a current-thread runtime that accepts connections.
//!
//! A connection stays on the thread that accepted it, and so do the connections to upstreams that its requests use. No
//! locks or wake-ups across threads are needed.

mod connection;
mod frames;
mod guarded;
mod head;
mod http2;
pub mod listener;
mod pipe_body;
pub mod refusal;
pub mod response;
mod service;
mod translated;

use std::cell::Cell;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::warn;

pub use self::connection::serve;
use self::listener::Listener;
pub use self::service::Service;
use crate::net::stream::Stream;
use crate::thread_exit::ExitNotice;

/// The time that requests in progress have to finish after the server was asked to stop.
pub const DRAIN: Duration = Duration::from_secs(10);
/// The time limit for a client to send the head of a request, and for a connection to be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after an accept failed for lack of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);
/// The interval at which such failures are logged.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub struct Server {
    threads: Vec<JoinHandle<io::Result<()>>>,
    shutdown: watch::Sender<bool>,
}

impl Server {
    /// Starts threads of these names. Each accepts on all `listeners` and responds with its own `service()`. A thread that
    /// exits sends `exit_notice`.
    pub fn start<S: Service>(
        names: impl IntoIterator<Item = String>,
        listeners: &[Listener],
        exit_notice: &ExitNotice,
        service: impl Fn() -> S + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (shutdown, stopped) = watch::channel(false);
        let thread = |name: String| {
            let listeners = listeners.iter().map(Listener::try_clone).collect::<io::Result<Vec<_>>>()?;
            let (service, stopped, exit_notice) = (service.clone(), stopped.clone(), exit_notice.clone());
            std::thread::Builder::new().name(name).spawn(move || {
                let _sent_when_dropped = exit_notice;
                work(listeners, service, stopped)
            })
        };
        Ok(Self { threads: names.into_iter().map(thread).collect::<io::Result<_>>()?, shutdown })
    }

    /// Stops accepting, gives running requests [`DRAIN`] to finish, and returns when all threads have ended.
    pub fn stop(self) -> io::Result<()> {
        self.shutdown.send_replace(true);
        for thread in self.threads {
            thread.join().map_err(|_| io::Error::other("a server thread has panicked"))??;
        }
        Ok(())
    }
}

/// Returns one thread name for each core that the process may use.
pub fn workers() -> impl Iterator<Item = String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (0..cores).map(|number| format!("worker-{number}"))
}

fn work<S: Service>(
    listeners: Vec<Listener>,
    service: impl FnOnce() -> S,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let service = service();
        let open = Rc::new(OpenConnections::default());
        for listener in listeners {
            let socket = ListeningSocket::try_from(listener)?;
            tokio::task::spawn_local(accept(socket, service.clone(), Rc::clone(&open), stopped.clone()));
        }
        // The sender lives until it has sent.
        let _ = stopped.wait_for(|stopped| *stopped).await;
        if tokio::time::timeout(DRAIN, open.all_closed()).await.is_err() {
            let (count, limit) = (open.count.get(), humantime::format_duration(DRAIN));
            warn!("{count} connections were still open after {limit} and have been closed");
        }
        Ok(())
    })
}

/// Counts the open connections of a thread.
#[derive(Default)]
struct OpenConnections {
    count: Cell<usize>,
    closed: Notify,
}

impl OpenConnections {
    async fn all_closed(&self) {
        while self.count.get() > 0 {
            self.closed.notified().await;
        }
    }

    fn open(self: Rc<Self>) -> OpenConnection {
        self.count.set(self.count.get() + 1);
        OpenConnection(self)
    }
}

/// Counts as one open connection until it is dropped.
struct OpenConnection(Rc<OpenConnections>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get().saturating_sub(1));
        self.0.closed.notify_one();
    }
}

/// A listening socket on a thread's runtime.
enum ListeningSocket {
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

async fn accept<S: Service>(
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
