//! The thread that runs commands, one after the other, and sends webhooks.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::Builder;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tracing::warn;

use super::HookCounts;
use super::commands::{Commands, Job};
use super::event::Event;
use super::webhooks::Webhooks;
use crate::config::hooks::HooksConfig;
use crate::plural::counted;

/// How long the thread may take to end. It kills processes and drops connections, for which it need not wait.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum ThreadMessage {
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
    ) -> io::Result<(UnboundedSender<ThreadMessage>, Self)> {
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

/// Returns a runtime for commands and webhooks, on the thread that drives it.
pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Returns the path of the file as hooks are told it.
pub(super) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Distributes messages until there are no more. When it is dropped, it logs how many commands and messages are dropped with it.
async fn follow(
    mut received: UnboundedReceiver<ThreadMessage>,
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
            ThreadMessage::Config(config) => {
                work.webhooks.apply(&config);
                work.config = config;
            }
            ThreadMessage::Event(event) => work.push(event),
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
            let (commands, messages) = (counted(commands, "command"), counted(messages, "message"));
            warn!("stopping: {commands} of [hooks] and {messages} of webhooks are dropped");
        }
    }
}
