//! Tells the main thread that another one has ended, by a panic or otherwise, so that a gateway never goes on by half.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Held by a thread for as long as it runs; sounds when it is dropped.
#[derive(Clone, Debug)]
pub struct ExitNotice(UnboundedSender<String>);

/// An alarm, and where it is heard: as the name of the thread that has ended.
pub fn alarm() -> (ExitNotice, UnboundedReceiver<String>) {
    let (sender, receiver) = unbounded_channel();
    (ExitNotice(sender), receiver)
}

impl Drop for ExitNotice {
    fn drop(&mut self) {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        // Where nobody listens any more, the process is ending.
        let _ = self.0.send(name);
    }
}
