//! How the binary responds to requests over sockets.

mod access_log;
mod branded;
mod bypass;
mod connection;
mod descriptors;
mod descriptors_of_files;
mod down;
mod exempt;
mod golden;
pub(crate) mod http2;
pub(crate) mod http2_limits;
mod journald;
mod lifecycle;
mod probes;
mod proxies;
mod proxy_protocol;
mod redirect;
mod relay;
mod request_id;
mod scope;
mod site;
mod stalled_log;
mod status;
mod stop;
mod templates;
mod tunnels;
mod upstream;
mod websocket;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};

/// A period that began long ago and has no end.
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";

/// A period from and to these seconds after the start of the tests, with `more` in its table.
fn period(from: i64, to: i64, more: &str) -> String {
    static NOW: LazyLock<Timestamp> = LazyLock::new(downtime::clock::now);
    let at = |seconds| *NOW + SignedDuration::from_secs(seconds);
    format!("[[period]]\nstart = {}\nend = {}\n{more}\n", at(from), at(to))
}
