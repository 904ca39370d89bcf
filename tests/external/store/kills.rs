//! A kill at each system call of an edit.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

use libtest_mimic::Trial;
use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::strace::{Call, Calls, run};
use super::{MINE, START, beside, period, started, text};
use crate::support::process::{ConfigDirectory, downtime};

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::traced:
        a_start_that_is_killed_at_any_call_leaves_the_old_or_the_new_file,
        an_end_that_is_killed_at_any_call_leaves_the_old_or_the_new_file,
        a_start_that_is_killed_without_an_exchange_leaves_the_old_or_the_new_file,
    ]
}

/// Calls that change no file. Their number can depend on the layout of the memory.
const IRRELEVANT: [&str; 6] = ["brk", "mmap", "munmap", "mprotect", "read", "getrandom"];

/// Returns the calls from the opening of the file to the end of the process.
pub(crate) fn edit_calls(calls: &Calls) -> impl Iterator<Item = &Call> {
    let from = calls.position("openat", "/downtime.toml\"");
    calls.all().iter().skip(from).filter(|call| !IRRELEVANT.contains(&call.name.as_str()))
}

/// Makes a directory whose file has an owner and an attribute of its own, if the machine allows it.
pub(crate) fn directory(text: &str) -> ConfigDirectory {
    let directory = ConfigDirectory::with(text);
    let path = directory.join("downtime.toml");
    // Not every user may set the owner, and not every file system has attributes.
    let _ = chown(&path, Some(1234), Some(5678));
    let _ = setxattr(&path, "user.origin", b"the site", XattrFlags::empty());
    fs::set_permissions(path, Permissions::from_mode(0o640)).expect("set");
    directory
}

/// Returns what an edit has to keep: the mode, the owner, the group, and an attribute.
fn attributes(directory: &ConfigDirectory) -> (u32, u32, u32, Vec<u8>) {
    let path = directory.join("downtime.toml");
    let metadata = fs::metadata(&path).expect("a file");
    let mut value = vec![0; 64];
    let length = getxattr(&path, "user.origin", &mut value).unwrap_or(0);
    value.truncate(length);
    (metadata.mode(), metadata.uid(), metadata.gid(), value)
}

fn a_start_that_is_killed_at_any_call_leaves_the_old_or_the_new_file() {
    assert_new_after("renameat2", &kill_at_each_call(MINE, &[], &START));
}

fn a_start_that_is_killed_without_an_exchange_leaves_the_old_or_the_new_file() {
    let refused = "inject=renameat2:error=EINVAL".to_owned();
    assert_new_after("renameat", &kill_at_each_call(MINE, &[refused], &START));
}

fn an_end_that_is_killed_at_any_call_leaves_the_old_or_the_new_file() {
    let planned = started(MINE) + "message = \"odd\"   # formatting\n";
    assert_new_after("renameat2", &kill_at_each_call(&planned, &[], &["end", "db"]));
}

/// Runs the edit once for each of its calls, and kills it at that call. Returns the name of each call, and true if
/// the file then has the new text.
fn kill_at_each_call(old: &str, injections: &[String], arguments: &[&str]) -> Vec<(String, bool)> {
    let reference = directory(old);
    let old = text(&reference);
    let ended = run(&reference, injections, arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let new = text(&reference);
    let kill = |call: &Call| {
        let directory = directory(&old);
        let kept = attributes(&directory);
        let ended = run(&directory, &with_kill(call, injections), arguments);
        assert_eq!(ended.code, None, "{call}: the process was not killed\n{}", ended.calls);
        assert_eq!(ended.calls.all().last().map(|call| &call.name), Some(&call.name));
        let found = text(&directory);
        assert!(found == old || found == new, "{call}: neither the old nor the new text:\n{found}");
        assert_eq!(attributes(&directory), kept, "{call}");
        assert_at_most_a_hidden_file_is_left(&directory, call);
        assert_next_edit_works(&directory, &found);
        (call.name.clone(), found == new)
    };
    edit_calls(&ended.calls).map(kill).collect()
}

/// Returns the injections with a kill at this call. Of two injections for one name, strace only uses the last.
fn with_kill(call: &Call, injections: &[String]) -> Vec<String> {
    injections.iter().cloned().chain([call.inject("signal=KILL")]).collect()
}

/// Asserts that at most one other file is left, named after the edited file and with no permissions beyond its own.
fn assert_at_most_a_hidden_file_is_left(directory: &ConfigDirectory, call: &Call) {
    let names = beside(directory);
    assert!(names.len() <= 1, "{call}: {names:?}");
    for name in names {
        let random = name.strip_prefix(".downtime.toml.").unwrap_or_default();
        assert!(random.len() == 6 && random.chars().all(|c| c.is_ascii_alphanumeric()), "{call}: {name}");
        let mode = fs::metadata(directory.join(&name)).expect("a file").mode() & 0o7777;
        assert_eq!(mode & !0o640, 0, "{call}: {name} has mode {mode:o}");
    }
}

fn assert_next_edit_works(directory: &ConfigDirectory, found: &str) {
    let arguments = ["start", "--name", "next", "--at", "2999-01-01T00:00:00Z"];
    let output = downtime(directory).args(arguments).output().expect("the binary");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(directory), [found, &period("next")].concat());
}

/// Asserts that the file has the old text until this call has been made, and the new text afterwards.
#[track_caller]
fn assert_new_after(name: &str, outcomes: &[(String, bool)]) {
    let replaced = outcomes.iter().position(|(call, _)| call == name).expect("a rename");
    assert!(replaced > 10 && outcomes.len() - replaced > 8, "{outcomes:?}");
    for (index, (call, is_new)) in outcomes.iter().enumerate() {
        assert_eq!(*is_new, index > replaced, "{call}: {outcomes:?}");
    }
}
