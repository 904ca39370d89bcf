//! An edit of the file takes effect while the gateway runs: the binary, its file, and requests meanwhile.
//!
//! A behaviour holds however the gateway gets to know of changes, so each is tested twice: as `reload::events::NAME` where
//! the system reports them, and as `reload::polling::NAME` where it does not. A test that needs what is not there is ignored and says
//! why; under CI it fails. The full counts run with `--ignored`, in release.

#[macro_use]
mod watching;

mod applied;
mod beside;
mod clock;
mod editors;
mod edits;
mod faults;
mod folders;
mod latencies;
mod links;
mod load;
mod reports;
mod soak;
mod stamps;
mod together;

use std::time::Duration;

use libtest_mimic::Trial;

use crate::support::http::Client;
use crate::support::process::{Gateway, listening};
use crate::support::until;
use watching::{Behaviour, Watching};

/// Those that hold in both modes.
const BEHAVIOURS: [&[Behaviour]; 11] = [
    applied::BEHAVIOURS,
    beside::BEHAVIOURS,
    clock::BEHAVIOURS,
    editors::BEHAVIOURS,
    edits::BEHAVIOURS,
    faults::BEHAVIOURS,
    folders::BEHAVIOURS,
    links::BEHAVIOURS,
    load::BEHAVIOURS,
    stamps::BEHAVIOURS,
    together::BEHAVIOURS,
];
const BY_EVENTS: [&[Behaviour]; 1] = [beside::BY_EVENTS];
const BY_POLLING: [&[Behaviour]; 1] = [reports::BY_POLLING];
/// The full counts, which take minutes.
const FULL: [&[Behaviour]; 3] = [edits::FULL, load::FULL, soak::FULL];

/// They wait most of the time.
pub(crate) const THREADS: usize = 6;

pub(crate) fn trials() -> Vec<Trial> {
    // The one that waits longest comes first, so that the others run beside it.
    of(&BY_POLLING, Watching::Polling)
        .chain(of(&BEHAVIOURS, Watching::Polling))
        .chain(of(&BEHAVIOURS, Watching::Events))
        .chain(of(&BY_EVENTS, Watching::Events))
        .chain(of(&FULL, Watching::Events).map(|trial| trial.with_ignored_flag(true)))
        .collect()
}

fn of(behaviours: &[&[Behaviour]], watching: Watching) -> impl Iterator<Item = Trial> {
    behaviours.concat().into_iter().map(move |behaviour| behaviour.trial(watching))
}

/// Down since long ago, without end.
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";
const REJECTED: &str = "is not applied: the last good version stays active";

/// A config that is down with this message.
fn saying(message: &str) -> String {
    format!("[response]\nmessage = \"{message}\"\n{DOWN}")
}

impl Gateway {
    /// Writes the file in place.
    pub(crate) fn edit_in_place(&self, config: &str) {
        self.folder.write("downtime.toml", &listening(config));
    }
}

/// What the public status says now.
fn said(client: &mut Client) -> Option<String> {
    let status = client.request("GET", "/.downtime/status", &[]);
    status.json()["message"].as_str().map(ToOwned::to_owned)
}

/// Polls the public status until it says this; how long that took. On a connection of its own: an edit may take the disk
/// longer than the gateway keeps an idle one.
fn await_message(gateway: &Gateway, message: &str) -> Duration {
    let mut client = gateway.connect();
    until(message, || (said(&mut client).as_deref() == Some(message)).then_some(())).1
}

/// Asserts that the public status says this now.
fn assert_says(gateway: &Gateway, message: &str) {
    assert_eq!(said(&mut gateway.connect()).as_deref(), Some(message));
}

/// As [`await_message`]; an edit that was just made is to be seen in time.
fn await_in_time(gateway: &Gateway, watching: Watching, message: &str) {
    let taken = await_message(gateway, message);
    assert!(taken < watching.in_time(), "{message}: {taken:?}\n{}", gateway.log().text());
}

/// Asserts that the file has been read since, and that this reading brought nothing new.
fn assert_settled(gateway: &Gateway) {
    gateway.process.signal(rustix::process::Signal::HUP);
    gateway.log().wait_for("received SIGHUP: reading");
    gateway.log().wait_for("unchanged");
}

/// Asserts that so many edits were applied, each once, and that nothing else was ever read.
fn assert_applied(gateway: &Gateway, edits: usize) {
    assert_settled(gateway);
    assert_eq!(gateway.log().count(" applied "), edits, "{}", gateway.log().text());
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}
