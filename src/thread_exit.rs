//! Notifies the main thread when one that it needs ends, by a panic or otherwise, so that no request waits for a thread that
//! is missing. Without those that write the log and prepare pages, requests are answered all the same.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Held by a thread while it runs. Dropping it sends the notice.
#[derive(Clone, Debug)]
pub struct ExitNotice(UnboundedSender<String>);

/// Creates a notice, and the receiver of the names of the threads that end.
pub fn exit_notice() -> (ExitNotice, UnboundedReceiver<String>) {
    let (sender, receiver) = unbounded_channel();
    (ExitNotice(sender), receiver)
}

impl Drop for ExitNotice {
    fn drop(&mut self) {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        // Without a receiver, the process is ending anyway.
        let _ = self.0.send(name);
    }
}
