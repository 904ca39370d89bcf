//! Edits while clients send requests without a pause.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

use super::config_with_message;
use super::latencies::Latencies;
use super::watching::{Behaviour, Watching};
use crate::support::http::Client;
use crate::support::process::GatewayProcess;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![no_request_fails_and_memory_stays_flat_during_edits];

pub(crate) const FULL: &[Behaviour] =
    behaviours![no_request_fails_and_memory_stays_flat_during_ten_thousand_edits];

const CLIENTS: usize = 4;

/// Runs `edit` while several clients, each on a connection of its own, repeat a request function from `make_request`. A
/// client that panics fails the test. Returns the result of `edit` and the number of requests.
pub(crate) fn under_load<T, A: FnMut(&mut Client)>(
    gateway: &GatewayProcess,
    make_request: impl Fn() -> A + Sync,
    edit: impl FnOnce() -> T,
) -> (T, usize) {
    let done = AtomicBool::new(false);
    scope(|scope| {
        let repeat = || {
            let (mut client, mut request) = (gateway.connect(), make_request());
            let requests = (0..).take_while(|_| !done.load(Ordering::Relaxed));
            requests.inspect(|_| request(&mut client)).count()
        };
        let clients = [(); CLIENTS].map(|()| scope.spawn(repeat));
        // If the edit panics, the scope still waits for the clients.
        let done = SetOnDrop(&done);
        let result = edit();
        drop(done);
        (result, clients.map(|client| client.join().expect("no request fails")).iter().sum())
    })
}

/// Sets a flag when it is dropped.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns a function that requests the page and expects an edit that is not older than the one of the last request.
fn expect_no_older_edit() -> impl FnMut(&mut Client) {
    let mut last = 0;
    move |client| {
        let response = client.request("GET", "/", &["Accept: text/plain"]);
        assert_eq!((response.status, response.downtime()), (503, Some("planned")));
        let mut lines = response.text().lines();
        let number = lines.find_map(|line| line.strip_prefix("edit ")?.parse().ok());
        let number: usize = number.unwrap_or_else(|| panic!("unexpected page: {:?}", response.text()));
        assert!(last <= number, "{number} after {last}");
        last = number;
    }
}

/// How much the memory may grow during any number of reloads, in KiB, because the heap fragments.
pub(crate) const MAX_GROWTH_KIB: usize = 4 << 10;

/// Makes `warm_up` edits until the memory settles, and then `count` edits. Returns a summary.
fn rewrite_under_load(watching: Watching, warm_up: usize, count: usize) -> String {
    let gateway = watching.start(&config_with_message("edit 0"));
    let edits = || {
        Latencies::measure(&gateway, 1..=warm_up, GatewayProcess::edit);
        let before = gateway.process.resident_kib();
        (
            Latencies::measure(&gateway, warm_up + 1..=warm_up + count, GatewayProcess::edit),
            before,
            gateway.process.resident_kib(),
        )
    };
    let ((latencies, before, after), requests) = under_load(&gateway, expect_no_older_edit, edits);
    latencies.assert_in_time(watching);
    super::assert_applied(&gateway, warm_up + count);
    let summary = format!("{latencies}; {requests} requests, none failed; from {before} to {after} KiB");
    assert!(after < before + MAX_GROWTH_KIB, "{summary}");
    assert!(requests > count, "{summary}");
    summary
}

fn no_request_fails_and_memory_stays_flat_during_edits(watching: Watching) {
    rewrite_under_load(watching, watching.times(100, 2), watching.times(200, 3));
}

fn no_request_fails_and_memory_stays_flat_during_ten_thousand_edits(watching: Watching) {
    eprintln!("{}", rewrite_under_load(watching, 1000, 9000));
}
