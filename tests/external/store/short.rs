//! A write takes a part of what it is given (row W13).

use libtest_mimic::Trial;
use rustix::process::{Resource, Rlimit, prlimit};

use super::strace::{Calls, Ended, Traced, run, spawn_by};
use super::{START, assert_alone, beside, started, text};
use crate::support::process::Folder;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::traced:
        after_a_short_write_the_rest_is_written,
        where_the_rest_cannot_be_written_the_old_file_stays,
        where_the_rest_kills_the_command_the_old_file_stays,
        a_write_that_is_only_said_to_be_made_is_noticed,
    ]
}

/// The limit of a file's size, in bytes and as a shell sets it: a write that crosses it is cut there.
const LIMIT: u64 = 512;
const LIMITED: &str = "ulimit -S -f 1; exec \"$@\"";

/// A folder whose file is some limits long, and its text.
fn folder() -> (Folder, String) {
    let folder = Folder::with(&"# a line of a long file\n".repeat(100));
    let text = text(&folder);
    (folder, text)
}

/// The limit is for the shell and the command alone: strace is there before it is set.
fn limited(script: &str, folder: &Folder, injected: &[String]) -> Traced {
    spawn_by(&["sh", "-euc", script, "sh"], folder, injected, &START)
}

/// How much each write of the new file took; nothing for one that failed.
fn written(calls: &Calls) -> Vec<Option<u64>> {
    let writes = calls.of("write", "/.downtime.toml.");
    writes.map(|call| call.text.rsplit_once(" = ")?.1.parse().ok()).collect()
}

fn after_a_short_write_the_rest_is_written() {
    let (folder, old) = folder();
    let traced = limited(LIMITED, &folder, &["inject=write:signal=STOP:when=1".to_owned()]);
    traced.wait_for_stop(1);
    let unlimited = Rlimit { current: None, maximum: None };
    prlimit(Some(traced.id()), Resource::Fsize, unlimited).expect("set");
    traced.go_on();
    let ended = traced.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let new = started(&old);
    let length = u64::try_from(new.len()).expect("a length");
    assert_eq!(written(&ended.calls), [Some(LIMIT), Some(length - LIMIT)]);
    assert_alone(&folder, &new);
}

#[track_caller]
fn assert_cut(ended: &Ended) {
    assert_eq!(written(&ended.calls), [Some(LIMIT), None], "{}", ended.calls);
}

fn where_the_rest_cannot_be_written_the_old_file_stays() {
    let (folder, old) = folder();
    let ended = limited(&["trap '' XFSZ; ", LIMITED].concat(), &folder, &[]).end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains(" could not be written (File too large"), "{}", ended.stderr);
    assert_cut(&ended);
    assert_alone(&folder, &old);
}

fn where_the_rest_kills_the_command_the_old_file_stays() {
    let (folder, old) = folder();
    let ended = limited(LIMITED, &folder, &[]).end();
    assert_eq!(ended.code, None, "{}", ended.stderr);
    assert_cut(&ended);
    assert_eq!(text(&folder), old);
    assert_eq!(beside(&folder).len(), 1);
}

/// strace does not make a call whose result it is given: the write takes nothing, and says that it took so much.
fn a_write_that_is_only_said_to_be_made_is_noticed() {
    let (folder, old) = folder();
    for taken in [1, started(&old).len()] {
        let ended = run(&folder, &[format!("inject=write:retval={taken}:when=1")], &START);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.calls);
        assert!(ended.stderr.contains(" could not be written"), "{}", ended.stderr);
        assert_alone(&folder, &old);
    }
}
