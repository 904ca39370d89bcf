//! Asks the threads of a server whether they still run.

use std::convert::Infallible;
use std::future::pending;

use tokio::sync::{mpsc, watch};

/// Where a thread answers.
type Answers = Option<mpsc::Sender<()>>;

/// Asks all threads of a server.
#[derive(Clone, Debug)]
pub struct Pulse {
    asked: watch::Sender<Answers>,
    threads: usize,
}

/// The part of a thread.
pub(super) struct PulseAnswer(watch::Receiver<Answers>);

impl Pulse {
    /// For this number of threads.
    pub(super) fn new(threads: usize) -> Self {
        Self { asked: watch::Sender::new(None), threads }
    }

    pub(super) fn answer(&self) -> PulseAnswer {
        PulseAnswer(self.asked.subscribe())
    }

    /// Waits until each thread has answered from its own event loop; for ever if one hangs or has ended.
    pub async fn check(&self) {
        let (answer, mut answers) = mpsc::channel(self.threads.max(1));
        self.asked.send_replace(Some(answer));
        for _ in 0..self.threads {
            if answers.recv().await.is_none() {
                return pending().await;
            }
        }
    }
}

impl PulseAnswer {
    /// Answers whenever it is asked.
    pub(super) async fn run(mut self) -> Infallible {
        while self.0.changed().await.is_ok() {
            let answer = self.0.borrow_and_update().clone();
            if let Some(answer) = answer {
                // The one who asked may have given up.
                let _ = answer.try_send(());
            }
        }
        pending().await
    }
}
