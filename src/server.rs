//! A server: several threads, each with a current-thread runtime that accepts connections.
//!
//! A connection stays on the thread that accepted it, and so do the connections to upstreams that its requests use. No
//! locks or wake-ups across threads are needed.

mod accept;
mod connection;
mod frames;
mod guarded;
mod head;
mod http2;
pub mod listener;
mod open_connections;
mod pipe_body;
mod readiness;
pub mod refusal;
pub mod response;
mod service;
mod translated;

use std::io;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tracing::warn;

use self::accept::{ListeningSocket, accept};
pub use self::connection::serve;
use self::listener::Listener;
use self::open_connections::OpenConnections;
pub use self::readiness::Readiness;
pub use self::service::Service;
use crate::thread_exit::ExitNotice;

/// The time that requests in progress have to finish after the server was asked to stop.
pub const DRAIN: Duration = Duration::from_secs(10);
/// The time limit for a client to send the head of a request, and for a connection to be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

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
            let (count, limit) = (open.count(), humantime::format_duration(DRAIN));
            warn!("{count} connections were still open after {limit} and have been closed");
        }
        Ok(())
    })
}
