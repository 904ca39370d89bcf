//! The gateway as its users run it: the binary, a file in a folder, sockets.

pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod process;

use std::time::{Duration, Instant};

/// Within this, all that is awaited has come, or never will: long, for machines that have much else to do.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Polls until there is something, and says how long that took.
pub(crate) fn until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(found) = poll() {
            return (found, begun.elapsed());
        }
        assert!(begun.elapsed() < DEADLINE, "{what} did not come in {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
