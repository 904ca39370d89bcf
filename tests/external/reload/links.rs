//! Symbolic links lead to the file, and are replaced.

use std::fs::{create_dir, read_link, remove_dir_all, rename};
use std::os::unix::fs::symlink;
use std::path::Path;

use super::watching::{Behaviour, Watching};
use super::{assert_applied, await_in_time, config_with_message};
use crate::support::process::{ConfigDirectory, listening};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    edits_of_the_link_and_of_its_target_are_applied,
    each_version_that_kubernetes_switches_to_is_applied,
];

fn config(message: &str) -> String {
    listening(&config_with_message(message))
}

/// Replaces a link by a rename.
pub(crate) fn swap(directory: &ConfigDirectory, target: &str, link: &str) {
    let beside = directory.join("..beside");
    symlink(target, &beside).expect("a link");
    rename(beside, directory.join(link)).expect("renamed");
}

fn edits_of_the_link_and_of_its_target_are_applied(watching: Watching) {
    let directory = ConfigDirectory::with("");
    create_dir(directory.join("real")).expect("made");
    directory.write("real/one.toml", &config("first"));
    directory.write("real/two.toml", &config("other target"));
    swap(&directory, "real/one.toml", "downtime.toml");
    let gateway = watching.on(directory);
    await_in_time(&gateway, watching, "first");
    gateway.directory.write("real/one.toml", &config("in place"));
    await_in_time(&gateway, watching, "in place");
    gateway.directory.replace("real/one.toml", &config("renamed"));
    await_in_time(&gateway, watching, "renamed");
    swap(&gateway.directory, "real/two.toml", "downtime.toml");
    await_in_time(&gateway, watching, "other target");
    gateway.directory.write("real/two.toml", &config("other in place"));
    await_in_time(&gateway, watching, "other in place");
    assert_eq!(
        read_link(gateway.directory.join("downtime.toml")).expect("a link"),
        Path::new("real/two.toml")
    );
}

fn each_version_that_kubernetes_switches_to_is_applied(watching: Watching) {
    let directory = ConfigDirectory::with("");
    create_dir(directory.join("..v0")).expect("made");
    directory.write("..v0/downtime.toml", &config("version 0"));
    swap(&directory, "..v0", "..data");
    swap(&directory, "..data/downtime.toml", "downtime.toml");
    let gateway = watching.on(directory);
    for version in 1..=3 {
        let (new, old) = (format!("..v{version}"), format!("..v{}", version - 1));
        create_dir(gateway.directory.join(&new)).expect("made");
        gateway.directory.write(&format!("{new}/downtime.toml"), &config(&format!("version {version}")));
        swap(&gateway.directory, &new, "..data");
        remove_dir_all(gateway.directory.join(&old)).expect("removed");
        await_in_time(&gateway, watching, &format!("version {version}"));
    }
    assert_applied(&gateway, 3);
}
