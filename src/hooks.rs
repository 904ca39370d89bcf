//! Commands and webhooks that learn of changes: of the state, of rejected files, and of downtimes that need attention.
//!
//! [`Hooks`] finds events on the thread of the watch, where every change is seen, in order. A thread of its own runs the
//! commands and sends the webhooks, so that neither requests nor edits wait for them.

mod changes;
mod client;
mod command;
mod commands;
mod delivery;
mod event;
mod queue;
mod rejected_start;
mod retry_after;
mod signature;
mod thread;
mod webhooks;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::sync::mpsc::UnboundedSender;
use tracing::error;

use self::changes::Changes;
pub use self::client::{SendError, send_test};
use self::event::Event;
pub use self::rejected_start::reject_start;
pub use self::thread::HooksThread;
use self::thread::ThreadMessage;
use crate::clock;
use crate::config::hooks::HooksConfig;
use crate::snapshot::{RejectedReading, Snapshot};

/// What has become of commands and webhooks since the start.
#[derive(Debug, Default)]
pub struct HookCounts {
    commands: Outcomes,
    webhooks: Outcomes,
    /// The webhooks whose receivers want no more messages now.
    disabled: AtomicI64,
}

/// What has become of one kind.
#[derive(Debug, Default)]
struct Outcomes {
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl Outcomes {
    fn succeed(&self) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
    }

    fn fail(&self, count: usize) {
        self.failed.fetch_add(count.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl HookCounts {
    /// Returns the number of commands that succeeded, and of those that failed or were not run.
    pub fn commands(&self) -> (u64, u64) {
        (self.commands.succeeded.load(Ordering::Relaxed), self.commands.failed.load(Ordering::Relaxed))
    }

    /// Returns the number of messages that a receiver has taken, and of those that were given up.
    pub fn webhooks(&self) -> (u64, u64) {
        (self.webhooks.succeeded.load(Ordering::Relaxed), self.webhooks.failed.load(Ordering::Relaxed))
    }

    /// Returns the number of webhooks that are disabled now, since their receivers want no more messages.
    pub fn disabled_webhooks(&self) -> i64 {
        self.disabled.load(Ordering::Relaxed)
    }
}

/// Finds events, and hands them to the thread that runs commands and sends webhooks.
#[derive(Debug)]
pub struct Hooks {
    changes: Changes,
    /// What the thread has.
    config: Arc<HooksConfig>,
    messages: UnboundedSender<ThreadMessage>,
}

impl Hooks {
    /// Starts the thread for the file at `path`, of which `snapshot` is applied. The state at the start is not an event.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(path: &Path, snapshot: &Snapshot) -> io::Result<(Self, HooksThread)> {
        let config = Arc::clone(&snapshot.config.hooks);
        let (messages, thread) = HooksThread::start(path, Arc::clone(&config))?;
        Ok((Self { changes: Changes::new(snapshot, clock::now()), config, messages }, thread))
    }

    /// Looks for events, given the current snapshot. Must be called for each snapshot, and at least once a second.
    pub fn update(&mut self, snapshot: &Snapshot) {
        let config = &snapshot.config.hooks;
        if !Arc::ptr_eq(&self.config, config) {
            self.config = Arc::clone(config);
            self.send(ThreadMessage::Config(Arc::clone(config)));
        }
        for event in self.changes.update(snapshot, clock::now()) {
            self.send(ThreadMessage::Event(event));
        }
    }

    /// Reports a version of the file that was rejected while `snapshot` was the current one.
    pub fn reject(&self, snapshot: &Snapshot, rejected: &RejectedReading) {
        self.send(ThreadMessage::Event(Event::rejected(snapshot, rejected)));
    }

    fn send(&self, message: ThreadMessage) {
        if self.messages.send(message).is_err() {
            error!("the thread for commands and webhooks has ended: no more are run until the next start");
        }
    }
}
