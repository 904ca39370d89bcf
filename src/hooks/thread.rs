//! The thread that runs commands, one after the other, and sends webhooks.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::Builder;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tracing::{info, warn};

use super::HookCounts;
use super::client::send;
use super::command::{COMMAND_LIMIT, run};
use super::delivery::AttemptError;
use super::event::Event;
use super::queue::Queue;
use super::webhooks::Webhooks;
use crate::config::hooks::{EventKind, HookCommand, HooksConfig};
use crate::net::names::Names;

/// How long the thread may take to end. It kills processes and drops connections, for which it need not wait.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    /// Another version of the file is applied.
    Config(Arc<HooksConfig>),
    /// Something has happened.
    Event(Event),
}

/// The thread, as the one that started it sees it.
#[derive(Debug)]
pub struct HooksThread {
    counts: Arc<HookCounts>,
    stop: oneshot::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl HooksThread {
    /// Starts the thread for the file at `path`.
    pub(super) fn start(
        path: &Path,
        config: Arc<HooksConfig>,
    ) -> io::Result<(UnboundedSender<Message>, Self)> {
        let file = absolute(path);
        let runtime = runtime()?;
        let counts = Arc::<HookCounts>::default();
        let (messages, received) = unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (ending, ended) = mpsc::channel();
        let own_counts = Arc::clone(&counts);
        Builder::new().name("hooks".into()).spawn(move || {
            let local = LocalSet::new();
            let work = follow(received, file, &config, own_counts);
            runtime.block_on(local.run_until(async {
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = work => {}
                }
            }));
            drop(local);
            runtime.shutdown_background();
            let _ = ending.send(());
        })?;
        Ok((messages, Self { counts, stop, ended }))
    }

    /// Returns what has become of commands and webhooks so far.
    pub fn counts(&self) -> Arc<HookCounts> {
        Arc::clone(&self.counts)
    }

    /// Kills the command that runs, drops everything that waits, and ends the thread.
    pub fn stop(self) {
        // If the thread has ended, there is nothing to stop.
        let _ = self.stop.send(());
        let _ = self.ended.recv_timeout(STOP_LIMIT);
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Distributes messages until there are no more. When it is dropped, it logs how many commands and messages are dropped with it.
async fn follow(
    mut received: UnboundedReceiver<Message>,
    file: String,
    config: &Arc<HooksConfig>,
    counts: Arc<HookCounts>,
) {
    let mut work = Work {
        config: Arc::clone(config),
        commands: Commands::start(file, Arc::clone(&counts)),
        webhooks: Webhooks::new(counts),
    };
    work.webhooks.apply(config);
    while let Some(message) = received.recv().await {
        match message {
            Message::Config(config) => {
                work.webhooks.apply(&config);
                work.config = config;
            }
            Message::Event(event) => work.push(event),
        }
    }
}

/// Everything that is to be done.
struct Work {
    config: Arc<HooksConfig>,
    commands: Commands,
    webhooks: Webhooks,
}

impl Work {
    fn push(&self, event: Event) {
        let event = Rc::new(event);
        self.webhooks.push(&event);
        if let Some((key, command)) = self.config.command(event.kind) {
            self.commands.push(Job { key, command: command.clone(), event });
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let (commands, messages) = (self.commands.waiting(), self.webhooks.waiting());
        if commands + messages > 0 {
            warn!("stopping: {commands} commands of [hooks] and {messages} messages of webhooks are dropped");
        }
    }
}

/// A command that is to be run.
struct Job {
    key: &'static str,
    command: HookCommand,
    event: Rc<Event>,
}

/// The commands that wait, and the task that runs them.
struct Commands {
    queue: Rc<Queue<Job>>,
    /// True while a command runs. It has left the queue.
    is_running: Rc<Cell<bool>>,
    task: JoinHandle<()>,
    counts: Arc<HookCounts>,
}

impl Commands {
    fn start(file: String, counts: Arc<HookCounts>) -> Self {
        let (queue, is_running) = (Rc::<Queue<Job>>::default(), Rc::<Cell<bool>>::default());
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

    fn push(&self, job: Job) {
        if let Some(Job { key, .. }) = self.queue.push(job) {
            self.counts.commands.fail(1);
            warn!("too many commands of [hooks] wait: the oldest one, {key}, is dropped");
        }
    }

    fn waiting(&self) -> usize {
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

/// Runs the command and sends the webhooks for a file that was rejected at the start. Returns what failed. A signal that stops the
/// gateway ends both.
pub(super) fn reject_start(path: &Path, config: &HooksConfig, event: &Event) -> Vec<String> {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return vec![format!("cannot run [hooks]: {error}")],
    };
    let file = absolute(path);
    let command = async {
        let (key, command) = config.command(EventKind::Rejected)?;
        let failed = run(command, &event.environment(&file), COMMAND_LIMIT).await.err()?;
        Some(format!("{key} of [hooks] {failed}"))
    };
    let names = Names::default();
    let told = config.webhooks.iter().filter(|(_, webhook)| webhook.is_told(EventKind::Rejected));
    let webhooks = told.map(|(number, webhook)| {
        let names = names.clone();
        async move {
            let outcome = send(webhook, &event.id, event.payload().into(), &names).await;
            let failed = AttemptError::check(outcome).err()?;
            Some(format!("cannot send `rejected` to webhook {number} ({}): {failed}", webhook.url))
        }
    });
    let failed = runtime.block_on(async {
        tokio::select! {
            biased;
            stopped = stop_signal() => vec![stopped.map_or_else(
                |error| format!("cannot run [hooks]: {error}"),
                |()| "a signal has ended what was told of the rejected file".to_owned(),
            )],
            (command, webhooks) = async { tokio::join!(command, join_all(webhooks)) } => {
                command.into_iter().chain(webhooks.into_iter().flatten()).collect()
            }
        }
    });
    runtime.shutdown_background();
    failed
}

/// Waits for a signal that stops the gateway. Without this, it would end at once and leave its command behind.
async fn stop_signal() -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
