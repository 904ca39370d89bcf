//! Each of the system calls of an edit fails (row W13).

use libtest_mimic::Trial;

use super::kills::{folder, of_the_edit};
use super::strace::{Call, Calls, Ended, run};
use super::{MINE, START, assert_alone, beside, started, text};
use crate::support::process::Folder;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::traced:
        an_input_error_at_any_call_is_told_and_leaves_the_old_file_or_the_new_one,
        a_full_disk_at_any_call_is_told_and_leaves_the_old_file_or_the_new_one,
        a_full_quota_at_any_call_is_told_and_leaves_the_old_file_or_the_new_one,
        an_interruption_of_any_call_is_got_over_or_told,
        what_is_not_permitted_at_any_call_is_told_and_leaves_the_old_file_or_the_new_one,
        each_error_is_told_with_what_to_do_about_it,
        an_error_of_a_plain_rename_is_told_with_what_to_do_about_it,
        a_folder_that_cannot_be_synced_is_told_and_the_edit_stands,
        a_file_system_that_does_not_sync_folders_is_no_error,
        what_is_interrupted_is_done_again,
    ]
}

fn an_input_error_at_any_call_is_told_and_leaves_the_old_file_or_the_new_one() {
    fail_each_call("EIO");
}

fn a_full_disk_at_any_call_is_told_and_leaves_the_old_file_or_the_new_one() {
    fail_each_call("ENOSPC");
}

fn a_full_quota_at_any_call_is_told_and_leaves_the_old_file_or_the_new_one() {
    fail_each_call("EDQUOT");
}

fn an_interruption_of_any_call_is_got_over_or_told() {
    fail_each_call("EINTR");
}

fn what_is_not_permitted_at_any_call_is_told_and_leaves_the_old_file_or_the_new_one() {
    fail_each_call("EPERM");
}

/// The calls of an edit that nothing is done to, of a file with attributes of its own.
fn calls() -> Calls {
    let ended = run(&folder(MINE), &[], &START);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.calls
}

/// Calls that do not fail, or that the language's runtime makes for itself as it ends.
const SURE: [&str; 3] = ["exit_group", "fcntl", "sigaltstack"];

fn fail_each_call(error: &str) {
    let calls = calls();
    let mut outcomes = [0, 0];
    for call in of_the_edit(&calls).filter(|call| !SURE.contains(&call.name.as_str())) {
        let folder = folder(MINE);
        let old = text(&folder);
        let ended = run(&folder, &[call.inject(&format!("error={error}"))], &START);
        assert_eq!(ended.calls.of(&call.name, "(INJECTED)").count(), 1, "{call}\n{}", ended.calls);
        let edited = assert_truth(&folder, &old, &ended, call);
        outcomes[usize::from(edited)] += 1;
        let left = beside(&folder);
        assert_eq!(left.len(), usize::from(call.name == "unlink"), "{call}: {left:?}");
    }
    assert!(outcomes.iter().all(|count| *count > 3), "not edited, and edited: {outcomes:?}");
}

/// Asserts that the exit code and what is said are true of the file; whether it was edited.
#[track_caller]
fn assert_truth(folder: &Folder, old: &str, ended: &Ended, call: &Call) -> bool {
    let found = text(folder);
    let new = started(old);
    assert!(found == old || found == new, "{call}: a mix:\n{found}");
    let edited = found == new;
    let said = &ended.stderr;
    match ended.code {
        Some(0) => assert!(edited && said.is_empty(), "{call}: {said}"),
        Some(1) => {
            let path = folder.path().canonicalize().expect("a folder").join("downtime.toml");
            let reason = said.strip_prefix(&format!("error: {}", path.display()));
            assert!(reason.is_some_and(|reason| reason.starts_with([' ', ':'])), "{call}: {said}");
            assert_eq!(said.contains(" was edited, but "), edited, "{call}: {said}");
            assert!(REMEDIES.iter().any(|remedy| said.contains(remedy)), "{call}: {said}");
            assert_eq!(ended.stdout, "", "{call}");
        }
        code => panic!("{call}: {code:?}: {said}"),
    }
    edited
}

const SOUND: &str = "check its path and its disk, and try again";
const SPACE: &str = "free some space, and try again";
const USER: &str = "run the command as ";
const SYNC: &str = "run sync";
const STDOUT: &str = "check where stdout goes";
const REMEDIES: [&str; 5] = [SOUND, SPACE, USER, SYNC, STDOUT];

/// Runs an edit with this injected, of a file with attributes: it says this, and leaves the file and the folder alone.
fn assert_refused(injected: &[String], said: &str) {
    let folder = folder(MINE);
    let old = text(&folder);
    let ended = run(&folder, injected, &START);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{injected:?}\n{}", ended.calls);
    assert!(ended.stderr.contains(said), "{injected:?}: {}", ended.stderr);
    assert_alone(&folder, &old);
}

fn each_error_is_told_with_what_to_do_about_it() {
    const FILE: &str = "/downtime.toml\"";
    const NEW: &str = "/.downtime.toml.";
    let calls = calls();
    for (name, text, error, said) in [
        ("openat", FILE, "EACCES", "may not be read by this user: run the command as a user who may read it"),
        ("openat", FILE, "EIO", SOUND),
        ("openat", "O_EXCL", "ENOSPC", SPACE),
        ("openat", "O_EXCL", "EDQUOT", SPACE),
        ("openat", "O_EXCL", "EROFS", "read-only file system: remount it read-write"),
        ("openat", "O_EXCL", "EACCES", "run the command as a user who may write there"),
        ("openat", "O_EXCL", "EIO", SOUND),
        ("write", NEW, "ENOSPC", SPACE),
        ("write", NEW, "EDQUOT", SPACE),
        ("write", NEW, "EIO", SOUND),
        ("fchown", NEW, "EPERM", " belongs to user 1234 and group 5678"),
        ("fchown", NEW, "EINVAL", " belongs to user 1234 and group 5678"),
        ("fchown", NEW, "EDQUOT", SPACE),
        ("fchown", NEW, "EIO", SOUND),
        ("fsetxattr", NEW, "EPERM", " has the extended attribute user.origin, which cannot be given"),
        ("fsetxattr", NEW, "ENOSPC", SPACE),
        ("fsetxattr", NEW, "EDQUOT", SPACE),
        ("fchmod", NEW, "EDQUOT", SPACE),
        ("fchmod", NEW, "EROFS", "read-only file system: remount it read-write"),
        ("fchmod", NEW, "EIO", SOUND),
        ("fsync", NEW, "ENOSPC", SPACE),
        ("fsync", NEW, "EDQUOT", SPACE),
        ("fsync", NEW, "EIO", SOUND),
        ("renameat2", NEW, "EBUSY", "mount its directory instead"),
        ("renameat2", NEW, "EACCES", "run the command as its owner, and check with lsattr"),
        ("renameat2", NEW, "EROFS", "read-only file system: remount it read-write"),
        ("renameat2", NEW, "ENOSPC", SPACE),
        ("renameat2", NEW, "EIO", SOUND),
    ] {
        // Whoever may not give a file away, or gave it no attribute, has no such call.
        let Some(call) = calls.of(name, text).next() else {
            assert!(["fchown", "fsetxattr"].contains(&name), "no {name}:\n{calls}");
            continue;
        };
        assert_refused(&[call.inject(&format!("error={error}"))], said);
    }
}

fn an_error_of_a_plain_rename_is_told_with_what_to_do_about_it() {
    for (error, said) in [
        ("EBUSY", "mount its directory instead"),
        ("EPERM", "run the command as its owner, and check with lsattr"),
        ("ENOSPC", SPACE),
        ("EIO", SOUND),
    ] {
        let injected = ["inject=renameat2:error=EPERM".to_owned(), format!("inject=renameat:error={error}")];
        assert_refused(&injected, said);
    }
}

/// The call that syncs the folder: the second of the two that sync.
#[track_caller]
fn folder_sync(calls: &Calls) -> Call {
    let syncs: Vec<_> = calls.of("fsync", "").collect();
    let [_, last] = syncs.as_slice() else { panic!("{calls}") };
    assert!(!last.text.contains("downtime.toml"), "{last}");
    (*last).clone()
}

fn a_folder_that_cannot_be_synced_is_told_and_the_edit_stands() {
    let sync = folder_sync(&calls());
    let folder = folder(MINE);
    let new = started(&text(&folder));
    let ended = run(&folder, &[sync.inject("error=EIO")], &START);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains(" was edited, but the change may not survive a power failure"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains(SYNC), "{}", ended.stderr);
    assert_alone(&folder, &new);
}

fn a_file_system_that_does_not_sync_folders_is_no_error() {
    assert_edited_despite(&folder_sync(&calls()), "EINVAL");
}

fn what_is_interrupted_is_done_again() {
    let calls = calls();
    for (name, text) in [
        ("openat", "/downtime.toml\""),
        ("openat", "O_EXCL"),
        ("write", "/.downtime.toml."),
        ("fchmod", "/.downtime.toml."),
        ("fsync", "/.downtime.toml."),
    ] {
        assert_edited_despite(calls.first(name, text), "EINTR");
    }
    assert_edited_despite(&folder_sync(&calls), "EINTR");
}

fn assert_edited_despite(call: &Call, error: &str) {
    let folder = folder(MINE);
    let new = started(&text(&folder));
    let ended = run(&folder, &[call.inject(&format!("error={error}"))], &START);
    assert_eq!(ended.calls.of(&call.name, "(INJECTED)").count(), 1, "{call}\n{}", ended.calls);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{call}");
    assert_alone(&folder, &new);
}
