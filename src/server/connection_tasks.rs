//! Tasks of a thread that serve connections, each one after another.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// At most this many tasks wait for a connection. Each keeps the memory of one, some 6 kB.
const MAX_IDLE: usize = 64;

/// Serves connections `C` with `serve`. A task that is done with one waits for another: with a connection for each request, making
/// a task for each took a seventh of the gateway's own instructions, mostly to allocate and copy what a connection may need.
pub(super) struct ConnectionTasks<C, S> {
    serve: S,
    idle: RefCell<Vec<Rc<Handover<C>>>>,
}

impl<C, S, F> ConnectionTasks<C, S>
where
    C: 'static,
    S: Fn(C) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    pub(super) fn new(serve: S) -> Rc<Self> {
        Rc::new(Self { serve, idle: RefCell::default() })
    }

    /// Serves a connection in a local task, on the [`LocalRuntime`](tokio::runtime::LocalRuntime) of this thread.
    pub(super) fn serve(self: &Rc<Self>, connection: C) {
        let idle = self.idle.borrow_mut().pop();
        if let Some(task) = idle {
            task.give(connection);
        } else {
            // In a box of its own: tokio would copy the future when the task begins, and twice more when it ends.
            tokio::task::spawn_local(Box::pin(Rc::clone(self).serve_each(connection)));
        }
    }

    async fn serve_each(self: Rc<Self>, mut connection: C) {
        let handover = Rc::new(Handover { connection: Cell::default(), waker: Cell::default() });
        loop {
            (self.serve)(connection).await;
            if self.idle.borrow().len() >= MAX_IDLE {
                return;
            }
            self.idle.borrow_mut().push(Rc::clone(&handover));
            connection = poll_fn(|cx| handover.poll_taken(cx)).await;
        }
    }
}

/// Hands a connection to a task that waits for one.
struct Handover<C> {
    connection: Cell<Option<C>>,
    waker: Cell<Option<Waker>>,
}

impl<C> Handover<C> {
    fn give(&self, connection: C) {
        self.connection.set(Some(connection));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll_taken(&self, cx: &Context<'_>) -> Poll<C> {
        if let Some(connection) = self.connection.take() {
            return Poll::Ready(connection);
        }
        self.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    #[tokio::test(flavor = "local")]
    async fn connections_that_follow_one_another_share_a_task() {
        let (sender, mut served) = mpsc::unbounded_channel();
        let tasks = ConnectionTasks::new(move |connection: u8| {
            let sender = sender.clone();
            async move { sender.send((connection, tokio::task::id())).unwrap() }
        });
        let mut ids = Vec::new();
        for connection in 0..3 {
            tasks.serve(connection);
            let (served, id) = served.recv().await.unwrap();
            assert_eq!(served, connection);
            ids.push(id);
        }
        assert_eq!(ids, [ids[0]; 3]);
    }

    #[tokio::test(flavor = "local")]
    async fn connections_at_a_time_have_a_task_each_and_few_are_kept() {
        let tasks =
            ConnectionTasks::new(|(begun, end): (oneshot::Sender<()>, oneshot::Receiver<()>)| async {
                begun.send(()).unwrap();
                end.await.unwrap();
            });
        let mut ends = Vec::new();
        for _ in 0..MAX_IDLE + 9 {
            let ((begun, is_begun), (end, ended)) = (oneshot::channel(), oneshot::channel());
            tasks.serve((begun, ended));
            is_begun.await.unwrap();
            ends.push(end);
        }
        for end in ends {
            end.send(()).unwrap();
        }
        while tasks.idle.borrow().len() < MAX_IDLE || Rc::strong_count(&tasks) > MAX_IDLE + 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(flavor = "local")]
    async fn a_task_that_panics_takes_no_further_connection() {
        let (sender, mut served) = mpsc::unbounded_channel();
        let tasks = ConnectionTasks::new(move |connection: u8| {
            let sender = sender.clone();
            async move {
                assert_ne!(connection, 1, "this panic is a part of the test");
                sender.send(connection).unwrap();
            }
        });
        for connection in 0..3 {
            tasks.serve(connection);
            tokio::task::yield_now().await;
        }
        assert_eq!((served.recv().await, served.recv().await), (Some(0), Some(2)));
    }
}
