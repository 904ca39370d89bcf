//! An edit of the file takes effect while the gateway runs: the binary, its file, and requests meanwhile.

#![allow(clippy::expect_used, clippy::panic, reason = "a test says what it expects, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod applied;
mod clock;
mod edits;
mod faults;
mod links;

use std::time::Duration;

use support::http::Client;
use support::process::Gateway;
use support::until;

/// Down since long ago, without end.
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";

/// A config that is down with this message.
fn saying(message: &str) -> String {
    format!("[response]\nmessage = \"{message}\"\n{DOWN}")
}

/// What the public status says now.
fn said(client: &mut Client) -> Option<String> {
    let status = client.request("GET", "/.well-known/downtime", &[]);
    status.json()["message"].as_str().map(ToOwned::to_owned)
}

/// Polls the public status until it says this; how long that took.
fn await_message(client: &mut Client, message: &str) -> Duration {
    until(message, || (said(client).as_deref() == Some(message)).then_some(())).1
}

/// Asserts that the file has been read since, and that this reading brought nothing new.
fn assert_settled(gateway: &Gateway) {
    gateway.process.signal(rustix::process::Signal::HUP);
    gateway.log().wait_for("again, as asked");
    gateway.log().wait_for("unchanged");
}
