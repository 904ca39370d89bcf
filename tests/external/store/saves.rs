//! An editor saves between the command's read and its rename (row W12b).
//!
//! The command is stopped at a system call, an editor saves as editors do, and the command goes on: both the save and
//! the edit are in the file.

use std::fs::{self, File};

use libtest_mimic::Trial;

use super::strace::{Call, Calls, Ended, spawn};
use super::{MINE, START, assert_alone, beside, started, strace, text};
use crate::support::process::Folder;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::traced:
        an_edit_is_synced_before_it_is_exchanged_and_its_folder_after,
        a_save_after_the_read_is_kept_and_edited,
        a_save_after_the_new_file_is_written_is_kept_and_edited,
        a_save_after_the_last_look_comes_out_of_the_exchange_and_is_edited,
        where_there_is_no_exchange_a_save_before_the_last_look_is_kept_and_edited,
        a_save_that_replaces_the_new_file_before_the_first_is_put_back_is_the_one_that_stays,
        a_save_into_the_new_file_before_the_first_is_put_back_is_the_one_that_stays,
        a_save_at_each_try_is_kept_and_edited,
        a_save_after_the_exchange_stays_as_it_is,
        a_save_that_cannot_be_put_back_is_kept_beside_and_named,
        a_save_that_is_out_when_the_command_is_killed_is_kept_beside,
    ]
}

/// How an editor saves a text.
type Save = fn(&Folder, &str);

const SAVES: [Save; 3] = [Folder::replace_file, Folder::write_file, save_unseen];

trait Saves {
    fn replace_file(&self, text: &str);
    fn write_file(&self, text: &str);
}

impl Saves for Folder {
    fn replace_file(&self, text: &str) {
        self.replace("downtime.toml", text);
    }

    fn write_file(&self, text: &str) {
        self.write("downtime.toml", text);
    }
}

/// Writes in place, and gives the file the time that it had.
fn save_unseen(folder: &Folder, text: &str) {
    let path = folder.join("downtime.toml");
    let time = fs::metadata(&path).expect("a file").modified().expect("a time");
    fs::write(&path, text).expect("written");
    File::options().write(true).open(&path).expect("a file").set_modified(time).expect("set");
}

/// A save of as many bytes as there were.
fn saved(folder: &Folder) -> String {
    text(folder).replace(MINE, "# else\n")
}

/// The calls of an edit that nothing is done to.
fn calls() -> Calls {
    strace::run(&Folder::with(MINE), &[], &START).calls
}

const TEMPORARY: (&str, &str) = ("openat", "O_EXCL");
const EXCHANGE: (&str, &str) = ("renameat2", "RENAME_EXCHANGE");

/// How often the command opened the file, and how often it exchanged files.
fn tries(calls: &Calls) -> (usize, usize) {
    let opened = calls.of("openat", "/downtime.toml\"").count();
    (opened, calls.of(EXCHANGE.0, EXCHANGE.1).count())
}

/// Stops the command after this call, each kind of save in turn; it then has opened and exchanged so often.
fn save_after(call: &Call, expected: (usize, usize)) {
    for save in SAVES {
        let folder = Folder::with(MINE);
        let saved = saved(&folder);
        let traced = spawn(&folder, &[call.inject("signal=STOP")], &START);
        traced.wait_for_stop(1);
        save(&folder, &saved);
        traced.go_on();
        let ended = traced.end();
        assert_edited(&folder, &saved, &ended);
        assert_eq!(tries(&ended.calls), expected, "stopped after {call}\n{}", ended.calls);
    }
}

#[track_caller]
fn assert_edited(folder: &Folder, saved: &str, ended: &Ended) {
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.calls);
    assert_alone(folder, &started(saved));
}

fn an_edit_is_synced_before_it_is_exchanged_and_its_folder_after() {
    let folder = Folder::with(MINE);
    let before = text(&folder);
    let ended = strace::run(&folder, &[], &START);
    assert_edited(&folder, &before, &ended);
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
    let path = folder.path().canonicalize().expect("a folder");
    positions.push(ended.calls.position("fsync", &format!("{}>) = 0", path.display())));
    positions.push(ended.calls.position("write", "\"edited "));
    assert!(positions.is_sorted(), "{positions:?}\n{}", ended.calls);
    assert_eq!(tries(&ended.calls), (1, 1));
}

fn a_save_after_the_read_is_kept_and_edited() {
    // The look that says that the file was quiet while it was read.
    save_after(calls().last_before("statx", TEMPORARY), (2, 1));
}

fn a_save_after_the_new_file_is_written_is_kept_and_edited() {
    let calls = calls();
    for name in ["write", "fsync"] {
        save_after(calls.first(name, "/.downtime.toml."), (2, 1));
    }
}

/// One exchange puts the new file in the save's place, one puts the save back, and one is that of the next try.
const PUT_BACK: (usize, usize) = (2, 3);

fn a_save_after_the_last_look_comes_out_of_the_exchange_and_is_edited() {
    let calls = calls();
    let last = &calls.all()[calls.position(EXCHANGE.0, EXCHANGE.1) - 1];
    assert_eq!(last.name, "pread64", "the last look compares the bytes\n{calls}");
    save_after(last, PUT_BACK);
}

fn where_there_is_no_exchange_a_save_before_the_last_look_is_kept_and_edited() {
    for error in ["EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM"] {
        for save in SAVES {
            let folder = Folder::with(MINE);
            let saved = saved(&folder);
            let refused = format!("inject=renameat2:error={error}:signal=STOP");
            let traced = spawn(&folder, &[refused], &START);
            traced.wait_for_stop(1);
            save(&folder, &saved);
            traced.go_on();
            traced.wait_for_stop(2);
            traced.go_on();
            let ended = traced.end();
            assert_edited(&folder, &saved, &ended);
            assert_eq!(ended.calls.of("renameat", ") = 0").count(), 1, "{}", ended.calls);
        }
    }
}

/// Stops the command after its last look, has an editor save, stops it again after the exchange, and has another save.
fn save_twice(second: Save) {
    let calls = calls();
    let stops = [calls.last_before("pread64", EXCHANGE), calls.first(EXCHANGE.0, EXCHANGE.1)];
    let folder = Folder::with(MINE);
    let [first, later] = ["# first\n", "# later\n"].map(|mine| text(&folder).replace(MINE, mine));
    let traced = spawn(&folder, &stops.map(|call| call.inject("signal=STOP")), &START);
    traced.wait_for_stop(1);
    folder.replace_file(&first);
    traced.go_on();
    traced.wait_for_stop(2);
    second(&folder, &later);
    traced.go_on();
    let ended = traced.end();
    assert_edited(&folder, &later, &ended);
}

fn a_save_that_replaces_the_new_file_before_the_first_is_put_back_is_the_one_that_stays() {
    save_twice(Folder::replace_file);
}

fn a_save_into_the_new_file_before_the_first_is_put_back_is_the_one_that_stays() {
    save_twice(Folder::write_file);
}

fn a_save_at_each_try_is_kept_and_edited() {
    const TRIES: usize = 5;
    let folder = Folder::with(MINE);
    let old = text(&folder);
    let traced = spawn(&folder, &["inject=fsync:signal=STOP".to_owned()], &START);
    let mut saved = old.clone();
    for number in 1..=TRIES {
        traced.wait_for_stop(number);
        saved = old.replace(MINE, &format!("# save {number}\n"));
        folder.replace_file(&saved);
        traced.go_on();
    }
    // The last new file is synced, and then the folder.
    for number in [TRIES + 1, TRIES + 2] {
        traced.wait_for_stop(number);
        traced.go_on();
    }
    let ended = traced.end();
    assert_edited(&folder, &saved, &ended);
    assert_no_descriptor_is_left_open(&ended.calls);
}

/// Asserts that what was opened was closed, at each try.
fn assert_no_descriptor_is_left_open(calls: &Calls) {
    let opened = calls.of("openat", "").filter(|call| !call.text.contains(" = -1 ")).count();
    let closed = calls.of("close", "").filter(|call| call.text.ends_with(" = 0")).count();
    assert_eq!(opened, closed, "{calls}");
}

fn a_save_after_the_exchange_stays_as_it_is() {
    let calls = calls();
    for save in SAVES {
        let folder = Folder::with(MINE);
        let saved = saved(&folder);
        let stop = calls.first(EXCHANGE.0, EXCHANGE.1).inject("signal=STOP");
        let traced = spawn(&folder, &[stop], &START);
        traced.wait_for_stop(1);
        save(&folder, &saved);
        traced.go_on();
        assert_eq!(traced.end().code, Some(0));
        assert_alone(&folder, &saved);
    }
}

/// Has an editor save after the last look, and this done at the exchange that is to put the save back.
fn save_and(what: &str) -> (Folder, String, Ended) {
    let calls = calls();
    let folder = Folder::with(MINE);
    let saved = saved(&folder);
    let stop = calls.last_before("pread64", EXCHANGE).inject("signal=STOP");
    let traced = spawn(&folder, &[stop, format!("inject=renameat2:{what}:when=2")], &START);
    traced.wait_for_stop(1);
    folder.replace_file(&saved);
    traced.go_on();
    let ended = traced.end();
    (folder, saved, ended)
}

/// Asserts that the edit stands in the file and the save in another; which.
#[track_caller]
fn assert_stranded(folder: &Folder, saved: &str) -> String {
    assert_eq!(text(folder), started(&saved.replace("# else\n", MINE)));
    let names = beside(folder);
    let [name] = names.as_slice() else { panic!("{names:?}") };
    assert_eq!(fs::read_to_string(folder.join(name)).expect("a file"), saved);
    name.clone()
}

fn a_save_that_cannot_be_put_back_is_kept_beside_and_named() {
    let (folder, saved, ended) = save_and("error=EIO");
    let name = assert_stranded(&folder, &saved);
    assert_eq!(ended.code, Some(1));
    for said in
        [" was edited, but another program saved it meanwhile", name.as_str(), "merge the two by hand"]
    {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
}

fn a_save_that_is_out_when_the_command_is_killed_is_kept_beside() {
    let (folder, saved, ended) = save_and("signal=KILL");
    assert_stranded(&folder, &saved);
    assert_eq!(ended.code, None);
}
