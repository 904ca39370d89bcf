//! Files whose size and times do not tell them from the one before (row W8).

use std::fs::metadata;
use std::process::Command;
use std::time::SystemTime;

use super::watching::{Behaviour, Watching};
use super::{assert_settled, await_in_time, saying};
use crate::support::process::{Folder, Gateway, listening};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    a_file_of_the_same_size_and_time_as_the_one_before_is_seen,
    an_older_file_restored_with_its_time_is_seen,
];

/// Runs a command in the gateway's folder.
pub(crate) fn run(gateway: &Gateway, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let status = command.args(arguments).current_dir(gateway.folder.path()).status().expect("started");
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

fn size_and_time(folder: &Folder, name: &str) -> (u64, SystemTime) {
    let metadata = metadata(folder.join(name)).expect("a file");
    (metadata.len(), metadata.modified().expect("a time"))
}

fn start(watching: Watching) -> Gateway {
    let gateway = watching.start(&saying("first"));
    run(&gateway, "cp", &["-p", "downtime.toml", "first.toml"]);
    gateway
}

fn a_file_of_the_same_size_and_time_as_the_one_before_is_seen(watching: Watching) {
    let gateway = start(watching);
    let before = size_and_time(&gateway.folder, "downtime.toml");
    gateway.edit_in_place(&saying("other"));
    run(&gateway, "touch", &["-r", "first.toml", "downtime.toml"]);
    await_in_time(&gateway, watching, "other");
    assert_eq!(size_and_time(&gateway.folder, "downtime.toml"), before);
    gateway.folder.write("third.toml", &listening(&saying("third")));
    run(&gateway, "touch", &["-r", "first.toml", "third.toml"]);
    run(&gateway, "mv", &["third.toml", "downtime.toml"]);
    await_in_time(&gateway, watching, "third");
    assert_eq!(size_and_time(&gateway.folder, "downtime.toml"), before);
}

fn an_older_file_restored_with_its_time_is_seen(watching: Watching) {
    let gateway = start(watching);
    gateway.edit(&saying("newer"));
    await_in_time(&gateway, watching, "newer");
    run(&gateway, "cp", &["-p", "first.toml", "downtime.toml"]);
    await_in_time(&gateway, watching, "first");
    let [restored, old] = ["downtime.toml", "first.toml"].map(|name| size_and_time(&gateway.folder, name));
    assert_eq!(restored, old);
    assert_settled(&gateway);
}
