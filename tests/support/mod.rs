//! Runs the gateway as its users do: the binary, a file in a directory, and sockets.

pub(crate) mod admin;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod tls;

use std::time::{Duration, Instant};

/// How long tests wait for an event. It is long, for busy machines.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Polls until there is a result. Returns it and the time that it took.
pub(crate) fn until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(found) = poll() {
            return (found, begun.elapsed());
        }
        assert!(begun.elapsed() < DEADLINE, "no {what} in {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
