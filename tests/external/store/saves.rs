//! Saves of an editor between the command's read and its rename.
//!
//! strace stops the command at a system call, an editor saves, and the command continues: the file has both the save
//! and the edit.

use std::fs::{self, File};

use libtest_mimic::Trial;

use super::strace::{Call, Calls, TraceResult, spawn};
use super::{MINE, START, assert_alone, beside, started, strace, text};
use crate::support::process::ConfigDirectory;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::traced:
        an_edit_is_synced_before_the_exchange_and_its_directory_afterwards,
        a_save_after_the_read_is_edited,
        a_save_after_the_new_file_is_written_is_edited,
        a_save_after_the_last_check_is_recovered_by_the_exchange_and_edited,
        a_save_before_the_last_check_is_edited_if_exchange_is_unsupported,
        a_second_save_that_replaces_the_new_file_wins_over_the_first,
        a_second_save_that_writes_into_the_new_file_wins_over_the_first,
        a_save_during_each_attempt_is_edited,
        a_save_after_the_exchange_is_not_changed,
        a_save_that_cannot_be_put_back_is_kept_in_another_file_and_named,
        a_kill_before_a_save_is_put_back_keeps_the_save_in_another_file,
    ]
}

/// A function that saves a text as an editor does.
type Save = fn(&ConfigDirectory, &str);

const SAVES: [Save; 3] = [replace_file, write_file, write_with_old_time];

fn replace_file(directory: &ConfigDirectory, text: &str) {
    directory.replace("downtime.toml", text);
}

fn write_file(directory: &ConfigDirectory, text: &str) {
    directory.write("downtime.toml", text);
}

/// Writes in place, and restores the modification time.
fn write_with_old_time(directory: &ConfigDirectory, text: &str) {
    let path = directory.join("downtime.toml");
    let time = fs::metadata(&path).expect("a file").modified().expect("a time");
    fs::write(&path, text).expect("written");
    File::options().write(true).open(&path).expect("a file").set_modified(time).expect("set");
}

/// Returns the text of a save, which has as many bytes as the current text.
fn saved(directory: &ConfigDirectory) -> String {
    text(directory).replace(MINE, "# else\n")
}

/// Returns the calls of an undisturbed edit.
fn calls() -> Calls {
    strace::run(&ConfigDirectory::with(MINE), &[], &START).calls
}

const TEMPORARY: (&str, &str) = ("openat", "O_EXCL");
const EXCHANGE: (&str, &str) = ("renameat2", "RENAME_EXCHANGE");

/// Counts how often the command opened the file, and how often it exchanged files.
fn count_attempts(calls: &Calls) -> (usize, usize) {
    let opened = calls.of("openat", "/downtime.toml\"").count();
    (opened, calls.of(EXCHANGE.0, EXCHANGE.1).count())
}

/// Tests each kind of save while the command is stopped after this call, and compares the result of [`count_attempts`].
fn save_after(call: &Call, expected: (usize, usize)) {
    for save in SAVES {
        let directory = ConfigDirectory::with(MINE);
        let saved = saved(&directory);
        let traced = spawn(&directory, &[call.inject("signal=STOP")], &START);
        traced.wait_for_stop(1);
        save(&directory, &saved);
        traced.resume();
        let ended = traced.end();
        assert_edited(&directory, &saved, &ended);
        assert_eq!(count_attempts(&ended.calls), expected, "stopped after {call}\n{}", ended.calls);
    }
}

#[track_caller]
fn assert_edited(directory: &ConfigDirectory, saved: &str, ended: &TraceResult) {
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.calls);
    assert_alone(directory, &started(saved));
}

fn an_edit_is_synced_before_the_exchange_and_its_directory_afterwards() {
    let directory = ConfigDirectory::with(MINE);
    let before = text(&directory);
    let ended = strace::run(&directory, &[], &START);
    assert_edited(&directory, &before, &ended);
    let order = [
        ("flock", "/downtime.toml>, LOCK_EX|LOCK_NB) = 0"),
        ("read", "/downtime.toml>"),
        TEMPORARY,
        ("flock", "/.downtime.toml."),
        ("write", "/.downtime.toml."),
        ("fchmod", "/.downtime.toml."),
        ("fsync", "/.downtime.toml."),
        ("renameat2", "/downtime.toml\", RENAME_EXCHANGE) = 0"),
        ("unlink", "/.downtime.toml."),
    ];
    let mut positions: Vec<_> = order.iter().map(|(name, text)| ended.calls.position(name, text)).collect();
    let path = directory.path().canonicalize().expect("a directory");
    positions.push(ended.calls.position("fsync", &format!("{}>) = 0", path.display())));
    positions.push(ended.calls.position("write", "\"edited "));
    assert!(positions.is_sorted(), "{positions:?}\n{}", ended.calls);
    assert_eq!(count_attempts(&ended.calls), (1, 1));
}

fn a_save_after_the_read_is_edited() {
    // The check that the file did not change while it was read.
    save_after(calls().last_before("statx", TEMPORARY), (2, 1));
}

fn a_save_after_the_new_file_is_written_is_edited() {
    let calls = calls();
    for name in ["write", "fsync"] {
        save_after(calls.first(name, "/.downtime.toml."), (2, 1));
    }
}

/// The first exchange replaces the save with the new file, the second puts the save back, and the third is of the next
/// attempt.
const PUT_BACK: (usize, usize) = (2, 3);

fn a_save_after_the_last_check_is_recovered_by_the_exchange_and_edited() {
    let calls = calls();
    let last = &calls.all()[calls.position(EXCHANGE.0, EXCHANGE.1) - 1];
    assert_eq!(last.name, "pread64", "the last check compares the bytes\n{calls}");
    save_after(last, PUT_BACK);
}

fn a_save_before_the_last_check_is_edited_if_exchange_is_unsupported() {
    for error in ["EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM"] {
        for save in SAVES {
            let directory = ConfigDirectory::with(MINE);
            let saved = saved(&directory);
            let refused = format!("inject=renameat2:error={error}:signal=STOP");
            let traced = spawn(&directory, &[refused], &START);
            traced.wait_for_stop(1);
            save(&directory, &saved);
            traced.resume();
            traced.wait_for_stop(2);
            traced.resume();
            let ended = traced.end();
            assert_edited(&directory, &saved, &ended);
            assert_eq!(ended.calls.of("renameat", ") = 0").count(), 1, "{}", ended.calls);
        }
    }
}

/// Stops the command after its last check for a first save, and after the exchange for a second one.
fn save_twice(second: Save) {
    let calls = calls();
    let stops = [calls.last_before("pread64", EXCHANGE), calls.first(EXCHANGE.0, EXCHANGE.1)];
    let directory = ConfigDirectory::with(MINE);
    let [first, later] = ["# first\n", "# later\n"].map(|mine| text(&directory).replace(MINE, mine));
    let traced = spawn(&directory, &stops.map(|call| call.inject("signal=STOP")), &START);
    traced.wait_for_stop(1);
    replace_file(&directory, &first);
    traced.resume();
    traced.wait_for_stop(2);
    second(&directory, &later);
    traced.resume();
    let ended = traced.end();
    assert_edited(&directory, &later, &ended);
}

fn a_second_save_that_replaces_the_new_file_wins_over_the_first() {
    save_twice(replace_file);
}

fn a_second_save_that_writes_into_the_new_file_wins_over_the_first() {
    save_twice(write_file);
}

fn a_save_during_each_attempt_is_edited() {
    const ATTEMPTS: usize = 5;
    let directory = ConfigDirectory::with(MINE);
    let old = text(&directory);
    let traced = spawn(&directory, &["inject=fsync:signal=STOP".to_owned()], &START);
    let mut saved = old.clone();
    for number in 1..=ATTEMPTS {
        traced.wait_for_stop(number);
        saved = old.replace(MINE, &format!("# save {number}\n"));
        replace_file(&directory, &saved);
        traced.resume();
    }
    // The new file of the last attempt is synced, and then the directory.
    for number in [ATTEMPTS + 1, ATTEMPTS + 2] {
        traced.wait_for_stop(number);
        traced.resume();
    }
    let ended = traced.end();
    assert_edited(&directory, &saved, &ended);
    assert_all_descriptors_are_closed(&ended.calls);
}

/// Asserts that the command closed each file that it opened, in each attempt.
fn assert_all_descriptors_are_closed(calls: &Calls) {
    let opened = calls.of("openat", "").filter(|call| !call.text.contains(" = -1 ")).count();
    let closed = calls.of("close", "").filter(|call| call.text.ends_with(" = 0")).count();
    assert_eq!(opened, closed, "{calls}");
}

fn a_save_after_the_exchange_is_not_changed() {
    let calls = calls();
    for save in SAVES {
        let directory = ConfigDirectory::with(MINE);
        let saved = saved(&directory);
        let stop = calls.first(EXCHANGE.0, EXCHANGE.1).inject("signal=STOP");
        let traced = spawn(&directory, &[stop], &START);
        traced.wait_for_stop(1);
        save(&directory, &saved);
        traced.resume();
        assert_eq!(traced.end().code, Some(0));
        assert_alone(&directory, &saved);
    }
}

/// Saves after the last check, and injects this at the exchange that would put the save back.
fn save_and_inject(what: &str) -> (ConfigDirectory, String, TraceResult) {
    let calls = calls();
    let directory = ConfigDirectory::with(MINE);
    let saved = saved(&directory);
    let stop = calls.last_before("pread64", EXCHANGE).inject("signal=STOP");
    let traced = spawn(&directory, &[stop, format!("inject=renameat2:{what}:when=2")], &START);
    traced.wait_for_stop(1);
    replace_file(&directory, &saved);
    traced.resume();
    let ended = traced.end();
    (directory, saved, ended)
}

/// Asserts that the file has the edit and one other file has the save, and returns the other file's name.
#[track_caller]
fn assert_save_in_another_file(directory: &ConfigDirectory, saved: &str) -> String {
    assert_eq!(text(directory), started(&saved.replace("# else\n", MINE)));
    let names = beside(directory);
    let [name] = names.as_slice() else { panic!("{names:?}") };
    assert_eq!(fs::read_to_string(directory.join(name)).expect("a file"), saved);
    name.clone()
}

fn a_save_that_cannot_be_put_back_is_kept_in_another_file_and_named() {
    let (directory, saved, ended) = save_and_inject("error=EIO");
    let name = assert_save_in_another_file(&directory, &saved);
    assert_eq!(ended.code, Some(1));
    for expected in
        [" was edited, but another program saved it meanwhile", name.as_str(), "merge the two by hand"]
    {
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
    }
}

fn a_kill_before_a_save_is_put_back_keeps_the_save_in_another_file() {
    let (directory, saved, ended) = save_and_inject("signal=KILL");
    assert_save_in_another_file(&directory, &saved);
    assert_eq!(ended.code, None);
}
