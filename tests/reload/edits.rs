//! Many edits: each is seen, in time, and no request fails (rows W1 and W3).

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::support::http::Client;
use crate::support::process::Gateway;
use crate::{await_message, said, saying};

const IN_TIME: Duration = Duration::from_millis(500);

/// How long each of the edits took to be seen over HTTP.
struct Latencies(Vec<Duration>);

impl Latencies {
    /// Edits so often, and awaits each.
    fn of(gateway: &Gateway, count: usize, edit: impl Fn(&Gateway, &str)) -> Self {
        let mut client = gateway.connect();
        let one = |number| {
            let message = format!("edit {number}");
            let begun = Instant::now();
            edit(gateway, &saying(&message));
            await_message(&mut client, &message);
            begun.elapsed()
        };
        let mut latencies: Vec<Duration> = (0..count).map(one).collect();
        latencies.sort();
        Self(latencies)
    }

    /// The share of a hundred that was no slower than this: by the rank below, so that of 50 one may be slower.
    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() - 1) * percent / 100]
    }

    fn assert_in_time(&self, what: &str) {
        let [half, most, all] = [50, 99, 100].map(|percent| self.percentile(percent));
        eprintln!("{what}: {} edits, p50 {half:?}, p99 {most:?}, max {all:?}", self.0.len());
        assert!(most < IN_TIME, "{what}: p50 {half:?}, p99 {most:?}, max {all:?}");
    }
}

fn every_edit_is_seen_once(count: usize, what: &str, edit: impl Fn(&Gateway, &str)) {
    let gateway = Gateway::start("");
    Latencies::of(&gateway, count, edit).assert_in_time(what);
    crate::assert_settled(&gateway);
    assert_eq!(gateway.log().count(" applied "), count);
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}

#[test]
fn every_file_put_in_place_by_a_rename_is_applied_once_and_in_time() {
    every_edit_is_seen_once(50, "renames", Gateway::edit);
}

#[test]
#[ignore = "the full count: run alone, in release"]
fn a_thousand_renames_are_applied_once_and_in_time() {
    every_edit_is_seen_once(1000, "renames", Gateway::edit);
}

#[test]
fn every_file_written_in_place_is_applied_once_and_in_time() {
    every_edit_is_seen_once(20, "writes in place", Gateway::edit_in_place);
}

#[test]
#[ignore = "the full count: run alone, in release"]
fn a_thousand_writes_in_place_are_applied_once_and_in_time() {
    every_edit_is_seen_once(1000, "writes in place", Gateway::edit_in_place);
}

#[test]
fn of_edits_faster_than_they_can_be_applied_the_last_wins() {
    let gateway = Gateway::start("");
    let mut client = gateway.connect();
    for burst in 0..5 {
        for number in 0..50 {
            gateway.edit(&saying(&format!("edit {burst} {number}")));
        }
        await_message(&mut client, &format!("edit {burst} 49"));
    }
    crate::assert_settled(&gateway);
    assert_eq!(said(&mut client).as_deref(), Some("edit 4 49"));
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}

/// Asks until the edits are done; the messages never go back. How many requests that were.
fn ask(mut client: Client, done: &AtomicBool) -> usize {
    let mut last = 0;
    for asked in 0.. {
        let response = client.request("GET", "/", &["Accept: text/plain"]);
        assert_eq!((response.status, response.downtime()), (503, Some("planned")));
        let number = response.text().trim().strip_prefix("edit ").and_then(|number| number.parse().ok());
        let number: usize = number.unwrap_or_else(|| panic!("a mix: {:?}", response.text()));
        assert!(last <= number, "{number} after {last}");
        last = number;
        if done.load(Ordering::SeqCst) {
            return asked;
        }
    }
    unreachable!("it is done once")
}

/// Sets a flag when it is dropped.
struct Set<'a>(&'a AtomicBool);

impl Drop for Set<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn no_request_fails_while_the_file_is_rewritten(count: usize) {
    let gateway = Gateway::start(&saying("edit 0"));
    let done = AtomicBool::new(false);
    let asked: usize = scope(|scope| {
        let asking = [(); 4].map(|()| gateway.connect()).map(|client| scope.spawn(|| ask(client, &done)));
        // Also where that panics: the scope waits for those who ask.
        let end = Set(&done);
        Latencies::of(&gateway, count, Gateway::edit).assert_in_time("renames under load");
        drop(end);
        asking.map(|thread| thread.join().expect("no failure")).iter().sum()
    });
    eprintln!("{asked} requests, none failed");
    assert!(asked > count, "{asked}");
}

#[test]
fn no_request_fails_while_the_file_is_rewritten_under_load() {
    no_request_fails_while_the_file_is_rewritten(50);
}

#[test]
#[ignore = "the full count: run alone, in release"]
fn no_request_fails_while_the_file_is_rewritten_a_thousand_times_under_load() {
    no_request_fails_while_the_file_is_rewritten(1000);
}

const PACE: Duration = Duration::from_millis(50);
/// Below what counts as quiet, with room for the time that a write takes.
const STEADY: Duration = Duration::from_millis(95);

/// Writes line by line, as slowly as `PACE`; whether the machine let it keep that pace.
fn write_in_pieces(gateway: &Gateway, text: &str) -> bool {
    let path = gateway.folder.join("downtime.toml");
    let mut file = OpenOptions::new().write(true).truncate(true).open(path).expect("opened");
    let mut last = Instant::now();
    let mut steady = true;
    for line in text.split_inclusive('\n') {
        sleep(PACE);
        file.write_all(line.as_bytes()).expect("written");
        steady &= last.elapsed() < STEADY;
        last = Instant::now();
    }
    steady
}

#[test]
fn a_file_written_in_pieces_is_applied_whole_and_no_piece_of_it() {
    let gateway = Gateway::start(&saying("before"));
    let mut client = gateway.connect();
    for attempt in 0..20 {
        let message = format!("whole {attempt}");
        // Each line ends a config that is valid by itself.
        let server = "[server]\nlisten = [\"127.0.0.1:0\"]\n";
        let text = format!("# first\n{server}[response]\nmessage = \"{message}\"\n{}# last\n", crate::DOWN);
        let applied = gateway.log().count(" applied ");
        let steady = write_in_pieces(&gateway, &text);
        await_message(&mut client, &message);
        crate::assert_settled(&gateway);
        // A pause of 100 ms is quiet: then a piece may be applied, and this says nothing.
        if steady {
            assert_eq!(gateway.log().count(" applied "), applied + 1, "{}", gateway.log().text());
            assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
            return;
        }
    }
    panic!("the machine is too busy to write at a steady pace");
}
