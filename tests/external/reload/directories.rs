//! The directory of the file is replaced by another.

use std::fs::{create_dir, remove_dir_all, rename};
use std::time::Duration;

use super::watching::{Behaviour, Watching};
use super::{REJECTED, await_in_time, await_message, config_with_message};
use crate::support::process::{ConfigDirectory, GatewayProcess, listening};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    edits_in_a_directory_that_replaces_another_are_applied,
    edits_in_a_directory_that_was_removed_and_created_again_are_applied,
    edits_are_applied_again_once_a_missing_directory_is_back,
];

/// Starts a gateway on `conf/downtime.toml` in its directory.
pub(crate) fn start_below(watching: Watching) -> GatewayProcess {
    let directory = ConfigDirectory::with("");
    create_dir(directory.join("conf")).expect("made");
    directory.write("conf/downtime.toml", &config("first"));
    let mut command = watching.command(&directory);
    command.args(["-c", "conf/downtime.toml"]);
    watching.run(directory, command)
}

fn config(message: &str) -> String {
    listening(&config_with_message(message))
}

/// Replaces `conf` by another directory with a file that has this message.
pub(crate) fn replace_directory(gateway: &GatewayProcess, message: &str) {
    let directory = &gateway.directory;
    create_dir(directory.join("new")).expect("made");
    directory.write("new/downtime.toml", &config(message));
    rename(directory.join("conf"), directory.join(&format!("old {message}"))).expect("renamed");
    rename(directory.join("new"), directory.join("conf")).expect("renamed");
}

fn create_again(gateway: &GatewayProcess, message: &str) {
    create_dir(gateway.directory.join("conf")).expect("made");
    gateway.directory.write("conf/downtime.toml", &config(message));
}

/// The time within which the file of a new directory must be applied, in both modes.
const IN_TIME: Duration = Duration::from_secs(2);

fn await_directory(gateway: &GatewayProcess, message: &str) {
    let taken = await_message(gateway, message);
    assert!(taken < IN_TIME, "{message}: {taken:?}");
}

/// Makes edits, and awaits each before the next: a gateway that only polls would be too late for all but the first.
pub(crate) fn assert_edits_are_applied(gateway: &GatewayProcess, watching: Watching, message: &str) {
    for edit in 1..=watching.times(2, 1) {
        let [in_place, renamed] = ["in place", "renamed"].map(|how| format!("{message} {edit} {how}"));
        gateway.directory.write("conf/downtime.toml", &config(&in_place));
        await_in_time(gateway, watching, &in_place);
        gateway.directory.replace("conf/downtime.toml", &config(&renamed));
        await_in_time(gateway, watching, &renamed);
    }
}

fn edits_in_a_directory_that_replaces_another_are_applied(watching: Watching) {
    let gateway = start_below(watching);
    for version in ["second", "third"] {
        replace_directory(&gateway, version);
        await_directory(&gateway, version);
    }
    assert_edits_are_applied(&gateway, watching, "third");
}

/// The new directory may get the inode number of the old one.
fn edits_in_a_directory_that_was_removed_and_created_again_are_applied(watching: Watching) {
    let gateway = start_below(watching);
    for round in 0..watching.times(5, 1) {
        let message = format!("round {round}");
        remove_dir_all(gateway.directory.join("conf")).expect("removed");
        create_again(&gateway, &message);
        await_directory(&gateway, &message);
        assert_edits_are_applied(&gateway, watching, &message);
    }
}

fn edits_are_applied_again_once_a_missing_directory_is_back(watching: Watching) {
    let gateway = start_below(watching);
    remove_dir_all(gateway.directory.join("conf")).expect("removed");
    gateway.log().wait_for(REJECTED);
    create_again(&gateway, "back");
    await_directory(&gateway, "back");
    assert_edits_are_applied(&gateway, watching, "back");
    let moved = [("conf", "aside"), ("aside", "conf")];
    let [away, back] = moved.map(|(from, to)| (gateway.directory.join(from), gateway.directory.join(to)));
    rename(&away.0, &away.1).expect("renamed");
    gateway.log().wait_for(REJECTED);
    rename(&back.0, &back.1).expect("renamed");
    gateway.log().wait_for("is back to the applied version");
    assert_edits_are_applied(&gateway, watching, "moved");
}
