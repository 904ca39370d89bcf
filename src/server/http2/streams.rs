//! The open streams of a connection of HTTP/2, and since when each has waited for the client.

use std::cell::{Cell, OnceCell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::task::coop::consume_budget;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::Instant;

use crate::net::deadline::after;
use crate::server::open_connections::{BusyConnection, Idleness};

/// The streams of a connection. Clones share them. hyper runs them by this, as its executor.
#[derive(Clone)]
pub(super) struct Streams(Rc<Shared>);

struct Shared {
    idleness: Rc<Idleness>,
    /// Those that are open, and some that have ended.
    all: RefCell<Vec<Rc<Progress>>>,
    /// The stream that hyper begins to run next.
    begun: RefCell<Option<Rc<Progress>>>,
}

impl Streams {
    pub(super) fn new(idleness: Rc<Idleness>) -> Self {
        Self(Rc::new(Shared { idleness, all: RefCell::default(), begun: RefCell::default() }))
    }

    /// Records that a stream is open, until the returned value is dropped. hyper begins to run it next.
    pub(super) fn open(&self) -> OpenStream {
        let progress = Rc::new(Progress::default());
        let mut all = self.0.all.borrow_mut();
        if all.len() == all.capacity() {
            all.retain(Progress::is_open);
            let open = all.len();
            all.reserve(open + 1);
        }
        all.push(Rc::clone(&progress));
        self.0.begun.replace(Some(Rc::clone(&progress)));
        OpenStream { progress, _connection: self.0.idleness.open_stream() }
    }

    /// Resets the streams of whose response the client has taken nothing for `limit`. Returns how many, and when the next one
    /// is due.
    pub(super) fn reset_stalled(&self, limit: Duration, now: Instant) -> (usize, Option<Instant>) {
        let mut all = self.0.all.borrow_mut();
        all.retain(Progress::is_open);
        let (stalled, others): (Vec<_>, Vec<_>) = all
            .iter()
            .filter_map(|stream| Some((stream.expiry(limit)?, stream)))
            .partition(|(at, _)| *at <= now);
        for (_, stream) in &stalled {
            stream.reset();
        }
        (stalled.len(), others.into_iter().map(|(at, _)| at).min())
    }
}

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, future: F) {
        let begun = self.0.begun.take();
        let mut future = Box::pin(future);
        let mut context = Context::from_waker(Waker::noop());
        // Most streams are complete at once, and need no task. A task polls again, with its own waker. A client that sends one
        // request after another must not keep the thread for itself.
        let has_budget = pin!(consume_budget()).poll(&mut context).is_ready();
        if has_budget && future.as_mut().poll(&mut context).is_ready() {
            return;
        }
        let task = spawn_local(future);
        if let Some(stream) = begun {
            // A stream has one task.
            let _ = stream.task.set(task.abort_handle());
        }
    }
}

/// Whether a stream waits for the client.
#[derive(Default)]
pub(super) struct Progress {
    /// The task that runs it. Without it, hyper resets the stream.
    task: OnceCell<AbortHandle>,
    sending_since: Cell<Option<Instant>>,
}

impl Progress {
    /// Records if the client has to take a part of the response.
    pub(super) fn record_sending(&self, is_sending: bool) {
        self.sending_since.set(is_sending.then(Instant::now));
    }

    /// When the client will have taken nothing for `limit`.
    fn expiry(&self, limit: Duration) -> Option<Instant> {
        self.sending_since.get().map(|since| after(since, limit))
    }

    fn is_open(self: &Rc<Self>) -> bool {
        Rc::strong_count(self) > 1
    }

    fn reset(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// An open stream, until it is dropped. The connection is idle while it has none.
pub(super) struct OpenStream {
    progress: Rc<Progress>,
    _connection: BusyConnection,
}

impl OpenStream {
    pub(super) fn progress(&self) -> &Rc<Progress> {
        &self.progress
    }
}

#[cfg(test)]
mod tests {
    use hyper::rt::Executor as _;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test(flavor = "local")]
    async fn a_connection_runs_some_streams_at_once_and_then_lets_others_run() {
        let streams = Streams::new(Rc::default());
        let ended = Rc::new(Cell::new(0));
        for _ in 0..1000 {
            let ended = Rc::clone(&ended);
            streams.execute(async move { ended.set(ended.get() + 1) });
        }
        assert!((50..500).contains(&ended.get()), "{}", ended.get());
        while ended.get() < 1000 {
            yield_now().await;
        }
    }
}
