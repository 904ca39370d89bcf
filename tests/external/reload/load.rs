//! Edits while requests come as fast as they are answered (row W16).

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

use super::latencies::Latencies;
use super::saying;
use super::watching::{Behaviour, Watching};
use crate::support::http::Client;
use crate::support::process::Gateway;

pub(crate) const BEHAVIOURS: &[Behaviour] =
    behaviours![no_request_fails_and_memory_stays_flat_while_the_file_is_rewritten];

pub(crate) const FULL: &[Behaviour] =
    behaviours![no_request_fails_and_memory_stays_flat_while_the_file_is_rewritten_ten_thousand_times];

const CLIENTS: usize = 4;

/// Edits while some clients repeat what each of them gets from `asking`, each on a connection of its own; a client that
/// panics fails the test. Gives what the edits gave, and how often was asked.
pub(crate) fn under_load<T, A: FnMut(&mut Client)>(
    gateway: &Gateway,
    asking: impl Fn() -> A + Sync,
    edit: impl FnOnce() -> T,
) -> (T, usize) {
    let done = AtomicBool::new(false);
    scope(|scope| {
        let repeat = || {
            let (mut client, mut ask) = (gateway.connect(), asking());
            let asked = (0..).take_while(|_| !done.load(Ordering::Relaxed));
            asked.inspect(|_| ask(&mut client)).count()
        };
        let clients = [(); CLIENTS].map(|()| scope.spawn(repeat));
        // Also where an edit panics: the scope waits for the clients.
        let end = Set(&done);
        let edited = edit();
        drop(end);
        (edited, clients.map(|client| client.join().expect("no request fails")).iter().sum())
    })
}

/// Sets a flag when it is dropped.
pub(crate) struct Set<'a>(pub(crate) &'a AtomicBool);

impl Drop for Set<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks once, and expects to be told of an edit, and of none that is older than one that was told of before.
fn expect_no_older_edit() -> impl FnMut(&mut Client) {
    let mut last = 0;
    move |client| {
        let response = client.request("GET", "/", &["Accept: text/plain"]);
        assert_eq!((response.status, response.downtime()), (503, Some("planned")));
        let number = response.text().trim().strip_prefix("edit ").and_then(|number| number.parse().ok());
        let number: usize = number.unwrap_or_else(|| panic!("a mix: {:?}", response.text()));
        assert!(last <= number, "{number} after {last}");
        last = number;
    }
}

/// How much the memory may grow over any number of reloads, in KiB: as much as the heap is scattered by.
pub(crate) const FLAT: usize = 4 << 10;

/// Edits so often for the memory to come to what it will stay at, and then `count` times.
fn rewrite_under_load(watching: Watching, warm_up: usize, count: usize) -> String {
    let gateway = watching.start(&saying("edit 0"));
    let edits = || {
        Latencies::of(&gateway, 1..=warm_up, Gateway::edit);
        let before = gateway.process.resident();
        (
            Latencies::of(&gateway, warm_up + 1..=warm_up + count, Gateway::edit),
            before,
            gateway.process.resident(),
        )
    };
    let ((latencies, before, after), asked) = under_load(&gateway, expect_no_older_edit, edits);
    latencies.assert_in_time(watching);
    super::assert_applied(&gateway, warm_up + count);
    let told = format!("{latencies}; {asked} requests, none failed; from {before} to {after} KiB");
    assert!(after < before + FLAT, "{told}");
    assert!(asked > count, "{told}");
    told
}

fn no_request_fails_and_memory_stays_flat_while_the_file_is_rewritten(watching: Watching) {
    rewrite_under_load(watching, watching.times(100, 2), watching.times(200, 3));
}

fn no_request_fails_and_memory_stays_flat_while_the_file_is_rewritten_ten_thousand_times(watching: Watching) {
    eprintln!("{}", rewrite_under_load(watching, 1000, 9000));
}
