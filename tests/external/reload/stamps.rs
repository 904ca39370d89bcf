//! Files with the same size and times as the file before, or with older times.

use std::fs::metadata;
use std::process::Command;
use std::time::SystemTime;

use super::watching::{Behaviour, Watching};
use super::{assert_settled, await_in_time, config_with_message};
use crate::support::process::{ConfigDirectory, GatewayProcess, listening};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    a_new_file_of_the_same_size_and_time_is_applied,
    an_older_file_that_is_restored_with_its_time_is_applied,
];

/// Runs a command in the gateway's directory.
pub(crate) fn run(gateway: &GatewayProcess, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let status = command.args(arguments).current_dir(gateway.directory.path()).status().expect("started");
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

fn size_and_time(directory: &ConfigDirectory, name: &str) -> (u64, SystemTime) {
    let metadata = metadata(directory.join(name)).expect("a file");
    (metadata.len(), metadata.modified().expect("a time"))
}

fn start(watching: Watching) -> GatewayProcess {
    let gateway = watching.start(&config_with_message("first"));
    run(&gateway, "cp", &["-p", "downtime.toml", "first.toml"]);
    gateway
}

fn a_new_file_of_the_same_size_and_time_is_applied(watching: Watching) {
    let gateway = start(watching);
    let before = size_and_time(&gateway.directory, "downtime.toml");
    gateway.edit_in_place(&config_with_message("other"));
    run(&gateway, "touch", &["-r", "first.toml", "downtime.toml"]);
    await_in_time(&gateway, watching, "other");
    assert_eq!(size_and_time(&gateway.directory, "downtime.toml"), before);
    gateway.directory.write("third.toml", &listening(&config_with_message("third")));
    run(&gateway, "touch", &["-r", "first.toml", "third.toml"]);
    run(&gateway, "mv", &["third.toml", "downtime.toml"]);
    await_in_time(&gateway, watching, "third");
    assert_eq!(size_and_time(&gateway.directory, "downtime.toml"), before);
}

fn an_older_file_that_is_restored_with_its_time_is_applied(watching: Watching) {
    let gateway = start(watching);
    gateway.edit(&config_with_message("newer"));
    await_in_time(&gateway, watching, "newer");
    run(&gateway, "cp", &["-p", "first.toml", "downtime.toml"]);
    await_in_time(&gateway, watching, "first");
    let [restored, old] = ["downtime.toml", "first.toml"].map(|name| size_and_time(&gateway.directory, name));
    assert_eq!(restored, old);
    assert_settled(&gateway);
}
