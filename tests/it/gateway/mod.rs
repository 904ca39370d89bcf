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

use std::time::Instant;

use jiff::SignedDuration;

/// A period that began long ago and has no end.
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";

/// A period from and to these seconds after now, with `more` in its table.
fn period(from: i64, to: i64, more: &str) -> String {
    periods([(from, to, more)])
}

/// As [`period`], for several at the same now.
fn periods<'t>(all: impl IntoIterator<Item = (i64, i64, &'t str)>) -> String {
    let now = downtime::clock::now();
    let at = |seconds| now + SignedDuration::from_secs(seconds);
    let table = |(from, to, more)| format!("[[period]]\nstart = {}\nend = {}\n{more}\n", at(from), at(to));
    all.into_iter().map(table).collect()
}

/// Asserts that a number of seconds has been counted down from `seconds`, for no longer than since `begun`.
#[track_caller]
fn assert_counted_down(found: u64, seconds: u64, begun: Instant, case: &str) {
    let least = seconds.saturating_sub(begun.elapsed().as_secs() + 1);
    assert!((least..=seconds).contains(&found), "{found} of {seconds}: {case}");
}
