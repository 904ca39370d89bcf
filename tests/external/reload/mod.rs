//! Edits of the file take effect while the gateway runs. The tests edit the file and send requests meanwhile.
//!
//! A behaviour must not depend on how the gateway detects changes, so each is tested twice: as `reload::events::NAME`
//! with file system events, and as `reload::polling::NAME` without. A test that the machine cannot run is ignored with
//! a reason; under CI it fails. The full counts run with `--ignored` in release mode.

#[macro_use]
mod watching;

mod applied;
mod beside;
mod clock;
mod directories;
mod editors;
mod edits;
mod faults;
mod latencies;
mod links;
pub(crate) mod load;
mod reports;
mod soak;
mod stamps;
mod together;

use std::time::Duration;

use libtest_mimic::Trial;

use crate::support::http::Client;
use crate::support::process::{GatewayProcess, listening};
use crate::support::until;
use watching::{Behaviour, Watching};

/// The behaviours of both modes.
const BEHAVIOURS: [&[Behaviour]; 11] = [
    applied::BEHAVIOURS,
    beside::BEHAVIOURS,
    clock::BEHAVIOURS,
    directories::BEHAVIOURS,
    editors::BEHAVIOURS,
    edits::BEHAVIOURS,
    faults::BEHAVIOURS,
    links::BEHAVIOURS,
    load::BEHAVIOURS,
    stamps::BEHAVIOURS,
    together::BEHAVIOURS,
];
const BY_EVENTS: [&[Behaviour]; 1] = [beside::BY_EVENTS];
const BY_POLLING: [&[Behaviour]; 1] = [reports::BY_POLLING];
/// The tests with full counts, which take minutes.
const FULL: [&[Behaviour]; 3] = [edits::FULL, load::FULL, soak::FULL];

/// The number of tests that run in parallel; they wait most of the time.
pub(crate) const THREADS: usize = 6;

pub(crate) fn trials() -> Vec<Trial> {
    // The one that waits longest comes first, so that the others run meanwhile.
    trials_of(&BY_POLLING, Watching::Polling)
        .chain(trials_of(&BEHAVIOURS, Watching::Polling))
        .chain(trials_of(&BEHAVIOURS, Watching::Events))
        .chain(trials_of(&BY_EVENTS, Watching::Events))
        .chain(trials_of(&FULL, Watching::Events).map(|trial| trial.with_ignored_flag(true)))
        .collect()
}

fn trials_of(behaviours: &[&[Behaviour]], watching: Watching) -> impl Iterator<Item = Trial> {
    behaviours.concat().into_iter().map(move |behaviour| behaviour.trial(watching))
}

/// A period that began long ago and has no end.
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";
const REJECTED: &str = "is not applied, and the last valid configuration stays in effect";

/// Returns a config of a site that is down with this message.
fn config_with_message(message: &str) -> String {
    format!("[response]\nmessage = \"{message}\"\n{DOWN}")
}

impl GatewayProcess {
    /// Writes the file in place.
    pub(crate) fn edit_in_place(&self, config: &str) {
        self.directory.write("downtime.toml", &listening(config));
    }
}

/// Returns the current message of the public status.
fn current_message(client: &mut Client) -> Option<String> {
    let status = client.request("GET", "/.downtime/status", &[]);
    status.json()["message"].as_str().map(ToOwned::to_owned)
}

/// The threads that receive the events of the system, and that apply edits, by the 15 bytes of their names that the system keeps.
const WATCHING_THREADS: [&str; 2] = ["notify-rs inoti", "watch"];

/// Polls the public status until it has this message, and returns how long that took, without the time for which other processes kept
/// the processor from the threads that apply the edit. It opens a connection, because an edit on a slow disk can take longer than the
/// gateway keeps an idle one.
fn await_message(gateway: &GatewayProcess, message: &str) -> Duration {
    let wait =
        || WATCHING_THREADS.map(|thread| gateway.process.processor_wait(thread)).iter().sum::<Duration>();
    let before = wait();
    let mut client = gateway.connect();
    let ((), taken) =
        until(message, || (current_message(&mut client).as_deref() == Some(message)).then_some(()));
    taken.saturating_sub(wait().saturating_sub(before))
}

/// Lets time pass where a pace or a duration is what a test is about. The test fails at once if the gateway ends.
fn let_pass(gateway: &GatewayProcess, time: Duration) {
    assert!(!gateway.log().has_ended_within(time), "the gateway has ended:\n{}", gateway.log().text());
}

/// Asserts that the public status has this message now.
fn assert_message(gateway: &GatewayProcess, message: &str) {
    assert_eq!(current_message(&mut gateway.connect()).as_deref(), Some(message));
}

/// Like [`await_message`], and asserts that the edit that was just made was noticed by an event, if there are any. The look at the
/// files each second finds it too, so only the time tells. Polling has no faster way.
fn await_in_time(gateway: &GatewayProcess, watching: Watching, message: &str) {
    let taken = await_message(gateway, message);
    let is_in_time = watching == Watching::Polling || taken < watching.in_time();
    assert!(is_in_time, "{message}: {taken:?}\n{}", gateway.log().text());
}

/// Makes the gateway read the file again, and asserts that it finds no change.
fn assert_settled(gateway: &GatewayProcess) {
    gateway.process.signal(rustix::process::Signal::HUP);
    gateway.log().wait_for("received SIGHUP: reading");
    gateway.log().wait_for("unchanged");
}

/// Asserts that this number of edits was applied, each once, and that no reading failed.
fn assert_applied(gateway: &GatewayProcess, edits: usize) {
    assert_settled(gateway);
    assert_eq!(gateway.log().count(" applied "), edits, "{}", gateway.log().text());
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}
