//! Commands and webhooks: what they are told, in which order, and that they hold up nothing.

mod commands;
mod delivery;
mod documented;
mod edits;
mod https;
mod rejected;
mod stop;
mod test_command;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Pid;

use crate::exits;
use crate::receiver::{Receiver, SECRET};
use crate::support::process::{ConfigDirectory, GatewayProcess};

/// A period that began long ago and has no end.
const DOWN: &str = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\nmessage = \"We move.\"\n";

/// Returns a `[[webhook]]` for a receiver, with more keys.
fn webhook(receiver: &Receiver, keys: &str) -> String {
    format!("[[webhook]]\nurl = \"{}\"\nsecret_file = \"hook.key\"\n{keys}\n", receiver.url())
}

/// Returns a directory with the secret of webhooks.
fn directory(config: &str) -> ConfigDirectory {
    let directory = ConfigDirectory::with(config);
    write_secret(&directory, SECRET);
    directory
}

fn write_secret(directory: &ConfigDirectory, secret: &str) {
    directory.write("hook.key", secret);
    fs::set_permissions(directory.join("hook.key"), fs::Permissions::from_mode(0o600)).expect("a mode");
}

fn start(config: &str) -> GatewayProcess {
    GatewayProcess::on(directory(config))
}

/// Writes a shell script that can be run.
fn script(directory: &ConfigDirectory, name: &str, text: &str) {
    directory.write(name, &format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o700)).expect("a mode");
}

/// Waits until a process that was killed has ended: the signal is sent before the gateway ends, but the kernel may deliver it after
/// that.
fn until_ended(pid: &str) {
    let pid = pid.parse().ok().and_then(Pid::from_raw);
    exits::until_ended(pid.expect("a process"));
}
