//! The command is killed at each of the system calls of its edit (row W13).

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

use libtest_mimic::Trial;
use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::strace::{Call, Calls, run};
use super::{MINE, START, beside, period, started, text};
use crate::support::process::{Folder, downtime};

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::traced:
        a_start_that_is_killed_at_any_call_leaves_the_old_file_or_the_new_one,
        an_end_that_is_killed_at_any_call_leaves_the_old_file_or_the_new_one,
        where_there_is_no_exchange_a_killed_start_leaves_the_old_file_or_the_new_one,
    ]
}

/// Calls that change no file; how many of them there are may depend on where things are put in memory.
const ELSEWHERE: [&str; 6] = ["brk", "mmap", "munmap", "mprotect", "read", "getrandom"];

/// The calls from the opening of the file to the end of the process.
pub(crate) fn of_the_edit(calls: &Calls) -> impl Iterator<Item = &Call> {
    let from = calls.position("openat", "/downtime.toml\"");
    calls.all().iter().skip(from).filter(|call| !ELSEWHERE.contains(&call.name.as_str()))
}

/// A folder whose file has attributes of its own, as far as they can be given here.
pub(crate) fn folder(text: &str) -> Folder {
    let folder = Folder::with(text);
    let path = folder.join("downtime.toml");
    // Not everybody may, and not every file system can.
    let _ = chown(&path, Some(1234), Some(5678));
    let _ = setxattr(&path, "user.origin", b"the site", XattrFlags::empty());
    fs::set_permissions(path, Permissions::from_mode(0o640)).expect("set");
    folder
}

/// What an edit has to keep: mode, owner, group, and an attribute.
fn attributes(folder: &Folder) -> (u32, u32, u32, Vec<u8>) {
    let path = folder.join("downtime.toml");
    let metadata = fs::metadata(&path).expect("a file");
    let mut value = vec![0; 64];
    let length = getxattr(&path, "user.origin", &mut value).unwrap_or(0);
    value.truncate(length);
    (metadata.mode(), metadata.uid(), metadata.gid(), value)
}

fn a_start_that_is_killed_at_any_call_leaves_the_old_file_or_the_new_one() {
    assert_new_after("renameat2", &kill_at_each_call(MINE, &[], &START));
}

fn where_there_is_no_exchange_a_killed_start_leaves_the_old_file_or_the_new_one() {
    let refused = "inject=renameat2:error=EINVAL".to_owned();
    assert_new_after("renameat", &kill_at_each_call(MINE, &[refused], &START));
}

fn an_end_that_is_killed_at_any_call_leaves_the_old_file_or_the_new_one() {
    let planned = started(MINE) + "message = \"odd\"   # formatting\n";
    assert_new_after("renameat2", &kill_at_each_call(&planned, &[], &["end", "db"]));
}

/// Runs the edit anew for each of its calls, and kills it there. The name of each call, and whether the new text then
/// stood in the file.
fn kill_at_each_call(old: &str, injected: &[String], arguments: &[&str]) -> Vec<(String, bool)> {
    let reference = folder(old);
    let old = text(&reference);
    let ended = run(&reference, injected, arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let new = text(&reference);
    let kill = |call: &Call| {
        let folder = folder(&old);
        let kept = attributes(&folder);
        let ended = run(&folder, &killing(call, injected), arguments);
        assert_eq!(ended.code, None, "{call}: it was not killed\n{}", ended.calls);
        assert_eq!(ended.calls.all().last().map(|call| &call.name), Some(&call.name));
        let found = text(&folder);
        assert!(found == old || found == new, "{call}: a mix:\n{found}");
        assert_eq!(attributes(&folder), kept, "{call}");
        assert_nothing_but_a_hidden_file_is_left(&folder, call);
        assert_next_edit_works(&folder, &found);
        (call.name.clone(), found == new)
    };
    of_the_edit(&ended.calls).map(kill).collect()
}

/// What is injected, and the kill; of two for one name strace takes the last alone.
fn killing(call: &Call, injected: &[String]) -> Vec<String> {
    injected.iter().cloned().chain([call.inject("signal=KILL")]).collect()
}

/// One at most, named after the file, and no more open to others than that.
fn assert_nothing_but_a_hidden_file_is_left(folder: &Folder, call: &Call) {
    let names = beside(folder);
    assert!(names.len() <= 1, "{call}: {names:?}");
    for name in names {
        let random = name.strip_prefix(".downtime.toml.").unwrap_or_default();
        assert!(random.len() == 6 && random.chars().all(|c| c.is_ascii_alphanumeric()), "{call}: {name}");
        let mode = fs::metadata(folder.join(&name)).expect("a file").mode() & 0o7777;
        assert_eq!(mode & !0o640, 0, "{call}: {name} has mode {mode:o}");
    }
}

fn assert_next_edit_works(folder: &Folder, found: &str) {
    let arguments = ["start", "--name", "next", "--at", "2999-01-01T00:00:00Z"];
    let output = downtime(folder).args(arguments).output().expect("the binary");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(folder), [found, &period("next")].concat());
}

/// Asserts that the old text stands until this call has been made, and the new one from then on.
#[track_caller]
fn assert_new_after(name: &str, killed: &[(String, bool)]) {
    let replaced = killed.iter().position(|(call, _)| call == name).expect("a rename");
    assert!(replaced > 10 && killed.len() - replaced > 8, "{killed:?}");
    for (index, (call, is_new)) in killed.iter().enumerate() {
        assert_eq!(*is_new, index > replaced, "{call}: {killed:?}");
    }
}
