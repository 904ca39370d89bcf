//! The folder that the file is in gives way to another (row W7).

use std::fs::{create_dir, remove_dir_all, rename};
use std::time::Duration;

use super::watching::{Behaviour, Watching};
use super::{REJECTED, await_in_time, await_message, saying};
use crate::support::process::{Folder, Gateway, listening};
use crate::support::until;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    a_folder_moved_away_and_replaced_is_seen_and_so_are_edits_in_the_new_one,
    edits_in_a_folder_that_was_removed_and_made_again_are_seen,
    a_folder_that_was_away_for_a_while_is_seen_when_it_is_back,
];

/// A gateway on `conf/downtime.toml` in its folder.
pub(crate) fn start_below(watching: Watching) -> Gateway {
    let folder = Folder::with("");
    create_dir(folder.join("conf")).expect("made");
    folder.write("conf/downtime.toml", &config("first"));
    let mut command = watching.command(&folder);
    command.args(["-c", "conf/downtime.toml"]);
    watching.run(folder, command)
}

fn config(message: &str) -> String {
    listening(&saying(message))
}

/// Puts another folder in the place of `conf`, whose file says this.
pub(crate) fn replace_folder(gateway: &Gateway, message: &str) {
    let folder = &gateway.folder;
    create_dir(folder.join("new")).expect("made");
    folder.write("new/downtime.toml", &config(message));
    rename(folder.join("conf"), folder.join(&format!("old {message}"))).expect("renamed");
    rename(folder.join("new"), folder.join("conf")).expect("renamed");
}

fn make_again(gateway: &Gateway, message: &str) {
    create_dir(gateway.folder.join("conf")).expect("made");
    gateway.folder.write("conf/downtime.toml", &config(message));
}

/// However the folder itself came.
const SEEN: Duration = Duration::from_secs(2);

fn await_folder(gateway: &Gateway, message: &str) {
    let taken = await_message(gateway, message);
    assert!(taken < SEEN, "{message}: {taken:?}");
}

/// Each edit is awaited before the next is made: of a gateway that only polls none but the first could be in time.
pub(crate) fn assert_edits_are_seen(gateway: &Gateway, watching: Watching, message: &str) {
    for edit in 1..=watching.times(2, 1) {
        let [in_place, renamed] = ["in place", "renamed"].map(|how| format!("{message} {edit} {how}"));
        gateway.folder.write("conf/downtime.toml", &config(&in_place));
        await_in_time(gateway, watching, &in_place);
        gateway.folder.replace("conf/downtime.toml", &config(&renamed));
        await_in_time(gateway, watching, &renamed);
    }
}

fn a_folder_moved_away_and_replaced_is_seen_and_so_are_edits_in_the_new_one(watching: Watching) {
    let gateway = start_below(watching);
    for version in ["second", "third"] {
        replace_folder(&gateway, version);
        await_folder(&gateway, version);
    }
    assert_edits_are_seen(&gateway, watching, "third");
}

/// It may get the inode number of the one that went.
fn edits_in_a_folder_that_was_removed_and_made_again_are_seen(watching: Watching) {
    let gateway = start_below(watching);
    for round in 0..watching.times(5, 1) {
        let message = format!("round {round}");
        remove_dir_all(gateway.folder.join("conf")).expect("removed");
        make_again(&gateway, &message);
        await_folder(&gateway, &message);
        assert_edits_are_seen(&gateway, watching, &message);
    }
}

fn a_folder_that_was_away_for_a_while_is_seen_when_it_is_back(watching: Watching) {
    let gateway = start_below(watching);
    remove_dir_all(gateway.folder.join("conf")).expect("removed");
    gateway.log().wait_for(REJECTED);
    make_again(&gateway, "back");
    await_folder(&gateway, "back");
    assert_edits_are_seen(&gateway, watching, "back");
    let moved = [("conf", "aside"), ("aside", "conf")];
    let [away, back] = moved.map(|(from, to)| (gateway.folder.join(from), gateway.folder.join(to)));
    rename(&away.0, &away.1).expect("renamed");
    until("a second rejection", || (gateway.log().count(REJECTED) == 2).then_some(()));
    rename(&back.0, &back.1).expect("renamed");
    gateway.log().wait_for("is back to the applied version");
    assert_edits_are_seen(&gateway, watching, "moved");
}
