//! An error of each system call of an edit.

use libtest_mimic::Trial;

use super::kills::{directory, edit_calls};
use super::strace::{Call, Calls, TraceResult, run};
use super::{MINE, START, assert_alone, beside, started, text};
use crate::support::process::ConfigDirectory;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::traced:
        an_input_error_at_any_call_is_reported_and_leaves_the_old_or_the_new_file,
        a_full_disk_at_any_call_is_reported_and_leaves_the_old_or_the_new_file,
        a_full_quota_at_any_call_is_reported_and_leaves_the_old_or_the_new_file,
        an_interruption_of_any_call_is_retried_or_reported,
        a_missing_permission_at_any_call_is_reported_and_leaves_the_old_or_the_new_file,
        each_error_is_reported_with_its_remedy,
        an_error_of_a_plain_rename_is_reported_with_its_remedy,
        a_failed_sync_of_the_directory_is_reported_and_the_edit_is_kept,
        a_failed_sync_after_a_file_was_created_is_reported_and_the_file_stays,
        a_file_system_that_does_not_sync_directories_is_accepted,
        interrupted_calls_are_retried,
    ]
}

fn an_input_error_at_any_call_is_reported_and_leaves_the_old_or_the_new_file() {
    fail_each_call("EIO");
}

fn a_full_disk_at_any_call_is_reported_and_leaves_the_old_or_the_new_file() {
    fail_each_call("ENOSPC");
}

fn a_full_quota_at_any_call_is_reported_and_leaves_the_old_or_the_new_file() {
    fail_each_call("EDQUOT");
}

fn an_interruption_of_any_call_is_retried_or_reported() {
    fail_each_call("EINTR");
}

fn a_missing_permission_at_any_call_is_reported_and_leaves_the_old_or_the_new_file() {
    fail_each_call("EPERM");
}

/// Returns the calls of an undisturbed edit of a file with attributes of its own.
fn calls() -> Calls {
    let ended = run(&directory(MINE), &[], &START);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.calls
}

/// Calls that cannot fail, or that the Rust runtime makes as it ends.
const EXCLUDED: [&str; 3] = ["exit_group", "fcntl", "sigaltstack"];

fn fail_each_call(error: &str) {
    let calls = calls();
    let mut outcomes = [0, 0];
    for call in edit_calls(&calls).filter(|call| !EXCLUDED.contains(&call.name.as_str())) {
        let directory = directory(MINE);
        let old = text(&directory);
        let ended = run(&directory, &[call.inject(&format!("error={error}"))], &START);
        assert_eq!(ended.calls.of(&call.name, "(INJECTED)").count(), 1, "{call}\n{}", ended.calls);
        let edited = assert_report_is_true(&directory, &old, &ended, call);
        outcomes[usize::from(edited)] += 1;
        let left = beside(&directory);
        assert_eq!(left.len(), usize::from(call.name == "unlink"), "{call}: {left:?}");
    }
    assert!(outcomes.iter().all(|count| *count > 3), "too few edits were refused or made: {outcomes:?}");
}

/// Asserts that the exit code and the message are true of the file, and returns true if it was edited.
#[track_caller]
fn assert_report_is_true(directory: &ConfigDirectory, old: &str, ended: &TraceResult, call: &Call) -> bool {
    let found = text(directory);
    let new = started(old);
    assert!(found == old || found == new, "{call}: neither the old nor the new text:\n{found}");
    let edited = found == new;
    let stderr = &ended.stderr;
    match ended.code {
        Some(0) => assert!(edited && stderr.is_empty(), "{call}: {stderr}"),
        Some(1) => {
            let path = directory.path().canonicalize().expect("a directory").join("downtime.toml");
            let reason = stderr.strip_prefix(&format!("error: {}", path.display()));
            assert!(reason.is_some_and(|reason| reason.starts_with([' ', ':'])), "{call}: {stderr}");
            assert_eq!(stderr.contains(" was edited, but "), edited, "{call}: {stderr}");
            assert!(REMEDIES.iter().any(|remedy| stderr.contains(remedy)), "{call}: {stderr}");
            assert_eq!(ended.stdout, "", "{call}");
        }
        code => panic!("{call}: {code:?}: {stderr}"),
    }
    edited
}

const DISK: &str = "check its path and its disk, and try again";
const SPACE: &str = "free some space, and try again";
const USER: &str = "run the command as ";
const SYNC: &str = "run sync";
const STDOUT: &str = "check where stdout goes";
const REMEDIES: [&str; 5] = [DISK, SPACE, USER, SYNC, STDOUT];

/// Asserts that an edit with these injections fails with a message that contains this text, and changes nothing.
fn assert_refused(injections: &[String], expected: &str) {
    let directory = directory(MINE);
    let old = text(&directory);
    let ended = run(&directory, injections, &START);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{injections:?}\n{}", ended.calls);
    assert!(ended.stderr.contains(expected), "{injections:?}: {}", ended.stderr);
    assert_alone(&directory, &old);
}

fn each_error_is_reported_with_its_remedy() {
    const FILE: &str = "/downtime.toml\"";
    const NEW: &str = "/.downtime.toml.";
    let calls = calls();
    for (name, text, error, expected) in [
        (
            "openat",
            FILE,
            "EACCES",
            "cannot be read by this user: nothing was changed\n |\n = help: run the command as a user who may read it",
        ),
        ("openat", FILE, "EIO", DISK),
        ("openat", "O_EXCL", "ENOSPC", SPACE),
        ("openat", "O_EXCL", "EDQUOT", SPACE),
        (
            "openat",
            "O_EXCL",
            "EROFS",
            "read-only file system: nothing was changed\n |\n = help: remount it read-write",
        ),
        ("openat", "O_EXCL", "EACCES", "run the command as a user who may write there"),
        ("openat", "O_EXCL", "EIO", DISK),
        ("write", NEW, "ENOSPC", SPACE),
        ("write", NEW, "EDQUOT", SPACE),
        ("write", NEW, "EIO", DISK),
        ("fchown", NEW, "EPERM", " belongs to user 1234 and group 5678"),
        ("fchown", NEW, "EINVAL", " belongs to user 1234 and group 5678"),
        ("fchown", NEW, "EDQUOT", SPACE),
        ("fchown", NEW, "EIO", DISK),
        ("fsetxattr", NEW, "EPERM", " has the extended attribute user.origin, which cannot be given"),
        ("fsetxattr", NEW, "ENOSPC", SPACE),
        ("fsetxattr", NEW, "EDQUOT", SPACE),
        ("fchmod", NEW, "EDQUOT", SPACE),
        (
            "fchmod",
            NEW,
            "EROFS",
            "read-only file system: nothing was changed\n |\n = help: remount it read-write",
        ),
        ("fchmod", NEW, "EIO", DISK),
        ("fsync", NEW, "ENOSPC", SPACE),
        ("fsync", NEW, "EDQUOT", SPACE),
        ("fsync", NEW, "EIO", DISK),
        ("renameat2", NEW, "EBUSY", "mount its directory instead"),
        ("renameat2", NEW, "EACCES", "run the command as its owner, and check with lsattr"),
        (
            "renameat2",
            NEW,
            "EROFS",
            "read-only file system: nothing was changed\n |\n = help: remount it read-write",
        ),
        ("renameat2", NEW, "ENOSPC", SPACE),
        ("renameat2", NEW, "EIO", DISK),
    ] {
        // Without the right to change the owner, or without attributes, the edit does not make these calls.
        let Some(call) = calls.of(name, text).next() else {
            assert!(["fchown", "fsetxattr"].contains(&name), "no {name}:\n{calls}");
            continue;
        };
        assert_refused(&[call.inject(&format!("error={error}"))], expected);
    }
}

fn an_error_of_a_plain_rename_is_reported_with_its_remedy() {
    for (error, expected) in [
        ("EBUSY", "mount its directory instead"),
        ("EPERM", "run the command as its owner, and check with lsattr"),
        ("ENOSPC", SPACE),
        ("EIO", DISK),
    ] {
        let injections =
            ["inject=renameat2:error=EPERM".to_owned(), format!("inject=renameat:error={error}")];
        assert_refused(&injections, expected);
    }
}

/// Returns the call that syncs the directory, which is the second of two syncs.
#[track_caller]
fn directory_sync(calls: &Calls) -> Call {
    let syncs: Vec<_> = calls.of("fsync", "").collect();
    let [_, last] = syncs.as_slice() else { panic!("{calls}") };
    assert!(!last.text.contains(".toml"), "{last}");
    (*last).clone()
}

fn a_failed_sync_of_the_directory_is_reported_and_the_edit_is_kept() {
    let sync = directory_sync(&calls());
    let directory = directory(MINE);
    let new = started(&text(&directory));
    let ended = run(&directory, &[sync.inject("error=EIO")], &START);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains(" was edited, but the change may not survive a power failure"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains(SYNC), "{}", ended.stderr);
    assert_alone(&directory, &new);
}

fn a_failed_sync_after_a_file_was_created_is_reported_and_the_file_stays() {
    let arguments = ["-c", "site.toml", "init"];
    let sync = directory_sync(&run(&directory(MINE), &[], &arguments).calls);
    for (error, code) in [("EIO", 1), ("EINVAL", 0)] {
        let directory = directory(MINE);
        let ended = run(&directory, &[sync.inject(&format!("error={error}"))], &arguments);
        let is_reported =
            ended.stderr.contains(" was edited, but the change may not survive a power failure");
        assert_eq!((ended.code, is_reported), (Some(code), code == 1), "{error}: {}", ended.stderr);
        assert!(directory.join("site.toml").exists(), "{error}");
    }
}

fn a_file_system_that_does_not_sync_directories_is_accepted() {
    assert_edited_despite(&directory_sync(&calls()), "EINVAL");
}

fn interrupted_calls_are_retried() {
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
    assert_edited_despite(&directory_sync(&calls), "EINTR");
}

fn assert_edited_despite(call: &Call, error: &str) {
    let directory = directory(MINE);
    let new = started(&text(&directory));
    let ended = run(&directory, &[call.inject(&format!("error={error}"))], &START);
    assert_eq!(ended.calls.of(&call.name, "(INJECTED)").count(), 1, "{call}\n{}", ended.calls);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{call}");
    assert_alone(&directory, &new);
}
