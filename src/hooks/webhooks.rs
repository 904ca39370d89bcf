//! The webhooks of the current file, each with a queue and a task of its own: a receiver that does not answer holds up no other.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::Instant;
use tracing::{info, warn};

use super::HookCounts;
use super::client::send;
use super::delivery::{AttemptError, GivenUp, deliver};
use super::event::Event;
use super::queue::BoundedQueue;
use crate::config::hooks::{HooksConfig, Webhook};
use crate::net::names::Names;
use crate::plural::{are, counted};

/// The webhooks of the current file.
pub(super) struct Webhooks {
    senders: Vec<(Rc<WebhookSender>, JoinHandle<()>)>,
    names: Names,
    counts: Arc<HookCounts>,
}

/// One webhook, with the messages that it has not taken.
struct WebhookSender {
    /// Its number in the file, from 1.
    number: Cell<usize>,
    webhook: RefCell<Webhook>,
    queue: BoundedQueue<WebhookMessage>,
    /// True while a message is on its way. It has left the queue.
    is_sending: Cell<bool>,
    /// True if the receiver wants no more messages. Another version of the webhook may be welcome.
    is_disabled: Cell<bool>,
    counts: Arc<HookCounts>,
}

/// A message.
struct WebhookMessage {
    event: Rc<Event>,
    body: Bytes,
    /// When the event was found.
    at: Instant,
}

impl Webhooks {
    /// Starts with no webhooks.
    pub(super) fn new(counts: Arc<HookCounts>) -> Self {
        Self { senders: Vec::new(), names: Names::default(), counts }
    }

    /// Follows a new version of the file. A webhook with the same URL keeps its messages. One that is disabled stays so unless it has
    /// changed.
    pub(super) fn apply(&mut self, config: &HooksConfig) {
        let mut before = std::mem::take(&mut self.senders);
        for (number, webhook) in &config.webhooks {
            let same = before.iter().position(|(sender, _)| sender.webhook.borrow().url == webhook.url);
            let sender = match same {
                Some(at) => before.swap_remove(at),
                None => self.start(webhook),
            };
            if sender.0.webhook.replace(webhook.clone()) != *webhook {
                sender.0.enable();
            }
            sender.0.number.set(*number);
            self.senders.push(sender);
        }
        for (sender, task) in before {
            task.abort();
            sender.enable();
            let waiting = sender.waiting();
            if waiting > 0 {
                self.counts.webhooks.fail(waiting);
                let messages = counted(waiting, "message");
                warn!("{sender} was removed from the file: {messages} to it {} dropped", are(waiting));
            }
        }
    }

    fn start(&self, webhook: &Webhook) -> (Rc<WebhookSender>, JoinHandle<()>) {
        let sender = Rc::new(WebhookSender {
            number: Cell::new(0),
            webhook: RefCell::new(webhook.clone()),
            queue: BoundedQueue::default(),
            is_sending: Cell::new(false),
            is_disabled: Cell::new(false),
            counts: Arc::clone(&self.counts),
        });
        let task = spawn_local(run(Rc::clone(&sender), self.names.clone()));
        (sender, task)
    }

    /// Queues a message for each webhook that is told this event.
    pub(super) fn push(&self, event: &Rc<Event>) {
        let body = Bytes::from(event.payload());
        for (sender, _) in &self.senders {
            if !sender.webhook.borrow().is_told(event.kind) {
                continue;
            }
            sender.push(WebhookMessage { event: Rc::clone(event), body: body.clone(), at: Instant::now() });
        }
    }

    /// Returns the number of messages that no receiver has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.senders.iter().map(|(sender, _)| sender.waiting()).sum()
    }
}

impl WebhookSender {
    fn push(&self, message: WebhookMessage) {
        if self.is_disabled.get() {
            self.counts.webhooks.fail(1);
            warn!(
                "{self} is disabled, since its receiver has answered with status 410: {message} is not sent"
            );
        } else if let Some(dropped) = self.queue.push(message) {
            self.counts.webhooks.fail(1);
            warn!("{self} has too many messages: the oldest one, {dropped}, is dropped");
        }
    }

    fn waiting(&self) -> usize {
        self.queue.len() + usize::from(self.is_sending.get())
    }

    /// Drops the messages that wait, and takes no more until the webhook changes (Standard Webhooks, "Operational considerations").
    fn disable(&self) {
        self.is_disabled.set(true);
        self.counts.disabled.fetch_add(1, Ordering::Relaxed);
        let dropped = self.queue.clear();
        self.counts.webhooks.fail(dropped);
        warn!(
            "{self} is disabled until its keys or its secret change, or the gateway restarts: status 410 means that its receiver \
             wants no more messages; {} to it {} dropped",
            counted(dropped, "message"),
            are(dropped)
        );
    }

    fn enable(&self) {
        if self.is_disabled.replace(false) {
            self.counts.disabled.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Display for WebhookSender {
    /// Names the webhook, without the path of its URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook {} ({})", self.number.get(), self.webhook.borrow().url)
    }
}

impl fmt::Display for WebhookMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {}", self.event.kind.as_str(), self.event.at)
    }
}

/// Delivers one message after the other, so that the receiver gets them in order.
async fn run(sender: Rc<WebhookSender>, names: Names) {
    let counts = &sender.counts.webhooks;
    let mut earliest = Instant::now();
    loop {
        let message = sender.queue.pop().await;
        sender.is_sending.set(true);
        let tried = RefCell::new(sender.webhook.borrow().clone());
        let attempt = async || {
            // That of the current file: it may have another secret by now.
            let webhook = sender.webhook.borrow().clone();
            tried.replace(webhook.clone());
            AttemptError::check(send(&webhook, &message.event.id, message.body.clone(), &names).await)
        };
        let has_failed = Cell::new(false);
        let on_first_failure = |error: &AttemptError| {
            has_failed.set(true);
            warn!("cannot send {message} to {sender}: {error}; trying again for 15 minutes");
        };
        match deliver(message.at, earliest, attempt, on_first_failure).await {
            Ok(()) => {
                counts.succeed();
                if has_failed.get() {
                    info!("{sender} has taken {message}");
                }
            }
            Err(given_up) => {
                counts.fail(1);
                earliest = given_up.earliest;
                let GivenUp { attempts, error, .. } = given_up;
                let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
                warn!("{sender} has not taken {message}, which was sent {times}: {error}");
                // An edit during the attempt may have changed what the receiver objects to.
                if error.is_gone() && *tried.borrow() == *sender.webhook.borrow() {
                    sender.disable();
                }
            }
        }
        sender.is_sending.set(false);
    }
}
