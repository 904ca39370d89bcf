//! The commands that wait for their turn. One runs at a time.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_local};
use tracing::{info, warn};

use super::HookCounts;
use super::command::{COMMAND_LIMIT, run};
use super::event::Event;
use super::queue::BoundedQueue;
use crate::config::hooks::HookCommand;

/// A command that is to be run.
pub(super) struct Job {
    pub(super) key: &'static str,
    pub(super) command: HookCommand,
    pub(super) event: Rc<Event>,
}

/// The commands that wait, and the task that runs them.
pub(super) struct Commands {
    queue: Rc<BoundedQueue<Job>>,
    /// True while a command runs. It has left the queue.
    is_running: Rc<Cell<bool>>,
    task: JoinHandle<()>,
    counts: Arc<HookCounts>,
}

impl Commands {
    /// Starts the task on the current [`tokio::task::LocalSet`]. Commands are told that the file is `file`.
    pub(super) fn start(file: String, counts: Arc<HookCounts>) -> Self {
        let (queue, is_running) = (Rc::<BoundedQueue<Job>>::default(), Rc::<Cell<bool>>::default());
        let task = {
            let (queue, is_running, counts) =
                (Rc::clone(&queue), Rc::clone(&is_running), Arc::clone(&counts));
            spawn_local(async move {
                loop {
                    let job = queue.pop().await;
                    is_running.set(true);
                    job.run(&file, &counts).await;
                    is_running.set(false);
                }
            })
        };
        Self { queue, is_running, task, counts }
    }

    /// Adds a command to the queue. If too many wait, the oldest one is dropped.
    pub(super) fn push(&self, job: Job) {
        if let Some(Job { key, .. }) = self.queue.push(job) {
            self.counts.commands.fail(1);
            warn!("too many commands of [hooks] wait: the oldest one, {key}, is dropped");
        }
    }

    /// Returns how many commands wait or run.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + usize::from(self.is_running.get())
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Job {
    async fn run(&self, file: &str, counts: &HookCounts) {
        let Self { key, command, event } = self;
        match run(command, &event.environment(file), COMMAND_LIMIT).await {
            Ok(()) => {
                counts.commands.succeed();
                info!("ran {key} of [hooks]");
            }
            Err(error) => {
                counts.commands.fail(1);
                warn!("{key} of [hooks] {error}");
            }
        }
    }
}
