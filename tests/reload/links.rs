//! The file is reached over links, and what they lead through is exchanged (rows W6, W7 and W14).

use std::fs::{create_dir, read_link, remove_dir_all, rename};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use crate::support::process::{Folder, Gateway, downtime};
use crate::{await_message, saying};

const LISTEN: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\n";

fn config(message: &str) -> String {
    format!("{}{LISTEN}", saying(message))
}

/// Puts a link in place by a rename.
fn swap(folder: &Folder, target: &str, link: &str) {
    let beside = folder.join("..beside");
    symlink(target, &beside).expect("a link");
    rename(beside, folder.join(link)).expect("renamed");
}

fn within(gateway: &Gateway, message: &str, most: Duration) {
    let taken = await_message(&mut gateway.connect(), message);
    assert!(taken < most, "{message}: {taken:?}");
}

const AT_ONCE: Duration = Duration::from_millis(500);

#[test]
fn a_file_behind_a_link_is_followed_and_so_is_the_link() {
    let folder = Folder::with("");
    create_dir(folder.join("real")).expect("made");
    folder.write("real/one.toml", &config("first"));
    folder.write("real/two.toml", &config("other target"));
    swap(&folder, "real/one.toml", "downtime.toml");
    let gateway = Gateway::on(folder);
    within(&gateway, "first", AT_ONCE);
    gateway.folder.write("real/one.toml", &config("in place"));
    within(&gateway, "in place", AT_ONCE);
    gateway.folder.replace("real/one.toml", &config("renamed"));
    within(&gateway, "renamed", AT_ONCE);
    swap(&gateway.folder, "real/two.toml", "downtime.toml");
    within(&gateway, "other target", AT_ONCE);
    gateway.folder.write("real/two.toml", &config("other in place"));
    within(&gateway, "other in place", AT_ONCE);
    assert_eq!(read_link(gateway.folder.join("downtime.toml")).expect("a link"), Path::new("real/two.toml"));
}

#[test]
fn versions_exchanged_as_kubernetes_does_are_each_applied() {
    let folder = Folder::with("");
    create_dir(folder.join("..v0")).expect("made");
    folder.write("..v0/downtime.toml", &config("version 0"));
    swap(&folder, "..v0", "..data");
    swap(&folder, "..data/downtime.toml", "downtime.toml");
    let gateway = Gateway::on(folder);
    for version in 1..=3 {
        let (new, old) = (format!("..v{version}"), format!("..v{}", version - 1));
        create_dir(gateway.folder.join(&new)).expect("made");
        gateway.folder.write(&format!("{new}/downtime.toml"), &config(&format!("version {version}")));
        swap(&gateway.folder, &new, "..data");
        remove_dir_all(gateway.folder.join(&old)).expect("removed");
        within(&gateway, &format!("version {version}"), AT_ONCE);
    }
    crate::assert_settled(&gateway);
    assert_eq!(gateway.log().count(" applied "), 3);
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}

#[test]
fn a_parent_folder_moved_away_and_replaced_is_seen() {
    let folder = Folder::with("");
    create_dir(folder.join("conf")).expect("made");
    folder.write("conf/downtime.toml", &config("version 0"));
    let mut command = downtime(&folder);
    command.args(["-c", "conf/downtime.toml"]);
    let gateway = Gateway::run(folder, command);
    for version in 1..=2 {
        create_dir(gateway.folder.join("new")).expect("made");
        gateway.folder.write("new/downtime.toml", &config(&format!("version {version}")));
        rename(gateway.folder.join("conf"), gateway.folder.join(&format!("old{version}"))).expect("renamed");
        rename(gateway.folder.join("new"), gateway.folder.join("conf")).expect("renamed");
        within(&gateway, &format!("version {version}"), Duration::from_secs(2));
    }
    gateway.folder.write("conf/downtime.toml", &config("in the new one"));
    within(&gateway, "in the new one", AT_ONCE);
}
