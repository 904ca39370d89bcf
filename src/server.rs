//! A server: several threads, each with a current-thread runtime that accepts connections.
//!
//! A connection stays on the thread that accepted it, and so do the connections to upstreams that its requests use. Locks and
//! wake-ups across threads are needed only at limits that all threads share, such as `[limits] connections`.

mod accept;
pub mod body;
mod capacity;
mod connection;
mod connection_tasks;
mod handshake;
mod head;
mod http2;
mod limit_log;
pub mod listener;
mod listening_socket;
mod open_connections;
mod preface;
mod proxied;
mod pulse;
mod readiness;
pub mod refusal;
pub mod response;
mod service;

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use self::accept::accept;
pub use self::capacity::Capacity;
pub use self::connection::serve;
use self::listener::Listener;
use self::listening_socket::ListeningSocket;
use self::open_connections::{Idleness, OpenConnections};
pub use self::pulse::Pulse;
use self::pulse::PulseAnswer;
pub use self::readiness::Readiness;
pub use self::service::Service;
use crate::plural::counted;
use crate::thread_exit::ExitNotice;

/// The time limit for the next head, or for what comes before the first one, after the server was asked to stop: a request may
/// be on its way.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// A running server.
#[derive(Debug)]
pub struct Server {
    threads: Vec<JoinHandle<io::Result<()>>>,
    /// True once the threads must end with the requests in progress.
    stop: watch::Sender<bool>,
    /// True once they must end at once.
    abort: watch::Sender<bool>,
    /// Closed when all threads have ended.
    running: mpsc::Receiver<Infallible>,
    pulse: Pulse,
}

impl Server {
    /// Starts threads of these names. Each accepts on all `listeners`, within `capacity`, and responds with its own
    /// `service()`. A thread that exits sends `exit_notice`.
    ///
    /// # Errors
    /// A thread cannot serve: the system may lack descriptors.
    pub fn start<S: Service>(
        names: impl IntoIterator<Item = String>,
        listeners: &[Listener],
        exit_notice: &ExitNotice,
        capacity: &Arc<Capacity>,
        service: impl Fn() -> S + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let ((stop, stopped), (abort, aborted)) = (watch::channel(false), watch::channel(false));
        let (is_running, running) = mpsc::channel(1);
        let names: Vec<_> = names.into_iter().collect();
        let pulse = Pulse::new(names.len());
        let thread = |name: String| {
            let listeners = listeners.iter().map(Listener::try_clone).collect::<io::Result<Vec<_>>>()?;
            let (service, stopped, aborted) = (service.clone(), stopped.clone(), aborted.clone());
            let capacity = Arc::clone(capacity);
            let dropped_at_the_end = (exit_notice.clone(), is_running.clone());
            let (accepts, accepting) = std::sync::mpsc::channel();
            let pulse = pulse.answer();
            let thread = std::thread::Builder::new().name(name).spawn(move || {
                let _dropped_at_the_end = dropped_at_the_end;
                work(listeners, service(), capacity, (stopped, aborted), pulse, &accepts)
            })?;
            Ok((thread, accepting))
        };
        // All of them start before the first is awaited.
        let threads = names.into_iter().map(thread).collect::<io::Result<Vec<_>>>()?;
        let accepting = |(thread, accepting): (JoinHandle<_>, std::sync::mpsc::Receiver<()>)| {
            if accepting.recv().is_err() {
                join(thread)?;
                return Err(io::Error::other("a server thread has ended"));
            }
            Ok(thread)
        };
        let threads = threads.into_iter().map(accepting).collect::<io::Result<_>>()?;
        Ok(Self { threads, stop, abort, running, pulse })
    }

    /// Returns what asks its threads whether they still run.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Serves the connections that clients have made by now, lets requests in progress finish within `limit`, and returns
    /// when all threads have ended. Close all other handles of the listeners before, so that new clients are refused.
    pub async fn stop(mut self, limit: Duration) -> io::Result<()> {
        self.stop.send_replace(true);
        if timeout(limit, self.running.recv()).await.is_err() {
            self.abort.send_replace(true);
            self.running.recv().await;
        }
        self.threads.into_iter().try_for_each(join)
    }
}

/// Waits until a thread has ended.
fn join(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().map_err(|_| io::Error::other("a server thread has panicked"))?
}

/// Returns one thread name for each core that the process may use.
pub fn workers() -> impl Iterator<Item = String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (0..cores).map(|number| format!("worker-{number}"))
}

fn work<S: Service>(
    listeners: Vec<Listener>,
    service: S,
    capacity: Arc<Capacity>,
    ends: (watch::Receiver<bool>, watch::Receiver<bool>),
    pulse: PulseAnswer,
    accepts: &std::sync::mpsc::Sender<()>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let served = runtime.block_on(serve_all(listeners, service, capacity, ends, pulse, accepts));
    // A name look-up blocks its thread for as long as a dead resolver makes it wait. Leave it behind.
    runtime.shutdown_background();
    served
}

/// Serves until the server is stopped and the connections have ended, or must end. Sends to `accepts` when it begins.
async fn serve_all<S: Service>(
    listeners: Vec<Listener>,
    service: S,
    capacity: Arc<Capacity>,
    (stopped, mut aborted): (watch::Receiver<bool>, watch::Receiver<bool>),
    pulse: PulseAnswer,
    accepts: &std::sync::mpsc::Sender<()>,
) -> io::Result<()> {
    let open = Rc::new(OpenConnections::sharing(capacity));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let socket = ListeningSocket::try_from(listener)?;
        accepting.spawn_local(accept(socket, service.clone(), Rc::clone(&open), stopped.clone()));
    }
    // The server may have failed to start another thread meanwhile.
    let _ = accepts.send(());
    let all_served = async {
        accepting.join_all().await;
        open.wake_all();
        open.all_closed().await;
    };
    tokio::select! {
        () = all_served => {}
        never = open.make_room() => match never {},
        never = pulse.run() => match never {},
        // The sender lives until it has sent.
        _ = aborted.wait_for(|aborted| *aborted) => {
            let count = open.count();
            if count > 0 {
                warn!("closed {}, still open when the gateway ended", counted(count, "connection"));
            }
        }
    }
    Ok(())
}

/// Completes what a connection begins with; `None` if that takes longer than [`STOP_GRACE`] after the server was asked to stop, or
/// if `idleness` says that the connection must close.
async fn begin<T>(
    mut stopped: watch::Receiver<bool>,
    idleness: &Idleness,
    start: impl Future<Output = T>,
) -> Option<T> {
    idleness.begin(Instant::now());
    let stop = async {
        // An error means that the server has ended.
        let _ = stopped.wait_for(|stopped| *stopped).await;
        sleep(STOP_GRACE).await;
    };
    tokio::select! {
        biased;
        done = start => {
            idleness.end();
            Some(done)
        }
        () = stop => None,
        () = poll_fn(|cx| idleness.poll_must_close(cx)) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::Barrier;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpStream;

    use super::*;
    use crate::config::Listen;
    use crate::http1::request::RequestHead;
    use crate::net::client::ClientConnection;
    use crate::thread_exit::exit_notice;

    /// Looks up a name for each request, which a dead resolver delays. Records that it has begun.
    #[derive(Clone)]
    struct DeadResolver(std::sync::mpsc::Sender<()>);

    const DELAY: Duration = Duration::from_secs(60);

    impl Service for DeadResolver {
        async fn respond(&self, _: &RequestHead<'_>, _: &mut ClientConnection) -> ControlFlow<()> {
            let begun = self.0.clone();
            let look_up = move || {
                begun.send(()).unwrap();
                std::thread::sleep(DELAY);
            };
            tokio::task::spawn_blocking(look_up).await.unwrap();
            ControlFlow::Break(())
        }
    }

    /// Blocks its thread.
    #[derive(Clone)]
    struct Hanging(Arc<Barrier>);

    impl Service for Hanging {
        async fn respond(&self, _: &RequestHead<'_>, _: &mut ClientConnection) -> ControlFlow<()> {
            self.0.wait();
            self.0.wait();
            ControlFlow::Break(())
        }
    }

    #[tokio::test]
    async fn threads_answer_unless_one_hangs() {
        let listener = Listener::bind(&Listen::Tcp(([127, 0, 0, 1], 0).into())).unwrap();
        let address = listener.url().strip_prefix("http://").unwrap().to_owned();
        let (notice, _exits) = exit_notice();
        let barrier = Arc::new(Barrier::new(2));
        let service = Hanging(Arc::clone(&barrier));
        let names = ["one".to_owned(), "two".to_owned()];
        let capacity = Arc::default();
        let start = || Server::start(names, &[listener], &notice, &capacity, move || service.clone());
        let server = start().unwrap();
        let pulse = server.pulse();
        pulse.check().await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        barrier.wait();
        let asked = pulse.check();
        let mut asked = std::pin::pin!(asked);
        assert!(timeout(Duration::from_millis(100), &mut asked).await.is_err());
        barrier.wait();
        asked.await;
        server.stop(Duration::ZERO).await.unwrap();
    }

    #[tokio::test]
    async fn a_dead_resolver_does_not_delay_a_stop() {
        let listener = Listener::bind(&Listen::Tcp(([127, 0, 0, 1], 0).into())).unwrap();
        let address = listener.url().strip_prefix("http://").unwrap().to_owned();
        let (notice, _exits) = exit_notice();
        let (sender, begun) = std::sync::mpsc::channel();
        let service = DeadResolver(sender);
        let start = || {
            Server::start(["worker".to_owned()], &[listener], &notice, &Arc::default(), move || {
                service.clone()
            })
        };
        let server = start().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        begun.recv_timeout(DELAY).unwrap();
        let stopped = Instant::now();
        server.stop(Duration::from_millis(100)).await.unwrap();
        assert!(stopped.elapsed() < DELAY / 2, "{:?}", stopped.elapsed());
    }
}
