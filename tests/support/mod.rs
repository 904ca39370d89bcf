//! The gateway as its users run it: the binary, a file in a directory, sockets.

pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod process;

use std::time::{Duration, Instant};

/// What has not happened after this time never will. It is long, for busy machines.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Polls until there is a result, and returns it with the time that it took.
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
