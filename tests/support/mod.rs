//! Runs the gateway as its users do: the binary, a file in a directory, and sockets.

pub(crate) mod admin;
pub(crate) mod awaited;
pub(crate) mod closed_port;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod tls;

use std::time::{Duration, Instant};

/// How long tests wait for an event. It is long, for busy machines.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Polls what does not tell of its changes, such as the answers of a gateway or a page in a browser, until there is a result.
/// Returns it and the time that it took. What does tell is in [`awaited`] and [`log::Log`].
pub(crate) fn until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> (T, Duration) {
    let begun = Instant::now();
    loop {
        if let Some(found) = poll() {
            return (found, begun.elapsed());
        }
        assert!(begun.elapsed() < DEADLINE, "no {what} in {DEADLINE:?}");
        // A pace, so that the polls do not take the processor from what they wait for.
        std::thread::sleep(Duration::from_millis(1));
    }
}
