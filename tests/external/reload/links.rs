//! The file is reached over symbolic links, which are exchanged (rows W6 and W14).

use std::fs::{create_dir, read_link, remove_dir_all, rename};
use std::os::unix::fs::symlink;
use std::path::Path;

use super::watching::{Behaviour, Watching};
use super::{assert_applied, await_in_time, saying};
use crate::support::process::{Folder, listening};

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    a_file_behind_a_link_is_followed_and_so_is_the_link,
    versions_exchanged_as_kubernetes_does_are_each_applied,
];

fn config(message: &str) -> String {
    listening(&saying(message))
}

/// Puts a link in place by a rename.
pub(crate) fn swap(folder: &Folder, target: &str, link: &str) {
    let beside = folder.join("..beside");
    symlink(target, &beside).expect("a link");
    rename(beside, folder.join(link)).expect("renamed");
}

fn a_file_behind_a_link_is_followed_and_so_is_the_link(watching: Watching) {
    let folder = Folder::with("");
    create_dir(folder.join("real")).expect("made");
    folder.write("real/one.toml", &config("first"));
    folder.write("real/two.toml", &config("other target"));
    swap(&folder, "real/one.toml", "downtime.toml");
    let gateway = watching.on(folder);
    await_in_time(&gateway, watching, "first");
    gateway.folder.write("real/one.toml", &config("in place"));
    await_in_time(&gateway, watching, "in place");
    gateway.folder.replace("real/one.toml", &config("renamed"));
    await_in_time(&gateway, watching, "renamed");
    swap(&gateway.folder, "real/two.toml", "downtime.toml");
    await_in_time(&gateway, watching, "other target");
    gateway.folder.write("real/two.toml", &config("other in place"));
    await_in_time(&gateway, watching, "other in place");
    assert_eq!(read_link(gateway.folder.join("downtime.toml")).expect("a link"), Path::new("real/two.toml"));
}

fn versions_exchanged_as_kubernetes_does_are_each_applied(watching: Watching) {
    let folder = Folder::with("");
    create_dir(folder.join("..v0")).expect("made");
    folder.write("..v0/downtime.toml", &config("version 0"));
    swap(&folder, "..v0", "..data");
    swap(&folder, "..data/downtime.toml", "downtime.toml");
    let gateway = watching.on(folder);
    for version in 1..=3 {
        let (new, old) = (format!("..v{version}"), format!("..v{}", version - 1));
        create_dir(gateway.folder.join(&new)).expect("made");
        gateway.folder.write(&format!("{new}/downtime.toml"), &config(&format!("version {version}")));
        swap(&gateway.folder, &new, "..data");
        remove_dir_all(gateway.folder.join(&old)).expect("removed");
        await_in_time(&gateway, watching, &format!("version {version}"));
    }
    assert_applied(&gateway, 3);
}
