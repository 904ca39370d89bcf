//! Short writes.

use libtest_mimic::Trial;
use rustix::process::{Resource, Rlimit, prlimit};

use super::strace::{Calls, TraceResult, TracedProcess, run, spawn_through};
use super::{START, assert_alone, beside, started, text};
use crate::support::process::ConfigDirectory;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::traced:
        the_rest_is_written_after_a_short_write,
        the_old_file_is_kept_if_the_rest_cannot_be_written,
        the_old_file_is_kept_if_writing_the_rest_kills_the_command,
        a_write_that_succeeds_without_writing_is_detected,
    ]
}

/// The limit of the size of files in bytes, and a script that sets it. A write that crosses the limit is cut there.
const LIMIT: u64 = 512;
const WITH_LIMIT: &str = "ulimit -S -f 1; exec \"$@\"";

/// Makes a directory with a file that is several times as long as the limit, and returns it with the text.
fn directory() -> (ConfigDirectory, String) {
    let directory = ConfigDirectory::with(&"# a line of a long file\n".repeat(100));
    let text = text(&directory);
    (directory, text)
}

/// Starts the edit through this shell script, so that its limit does not apply to strace.
fn spawn_limited(script: &str, directory: &ConfigDirectory, injections: &[String]) -> TracedProcess {
    spawn_through(&["sh", "-euc", script, "sh"], directory, injections, &START)
}

/// Returns how many bytes each write of the new file took, or `None` for a write that failed.
fn write_lengths(calls: &Calls) -> Vec<Option<u64>> {
    let writes = calls.of("write", "/.downtime.toml.");
    writes.map(|call| call.text.rsplit_once(" = ")?.1.parse().ok()).collect()
}

fn the_rest_is_written_after_a_short_write() {
    let (directory, old) = directory();
    let traced = spawn_limited(WITH_LIMIT, &directory, &["inject=write:signal=STOP:when=1".to_owned()]);
    traced.wait_for_stop(1);
    let unlimited = Rlimit { current: None, maximum: None };
    prlimit(Some(traced.id()), Resource::Fsize, unlimited).expect("set");
    traced.resume();
    let ended = traced.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let new = started(&old);
    let length = u64::try_from(new.len()).expect("a length");
    assert_eq!(write_lengths(&ended.calls), [Some(LIMIT), Some(length - LIMIT)]);
    assert_alone(&directory, &new);
}

#[track_caller]
fn assert_cut(ended: &TraceResult) {
    assert_eq!(write_lengths(&ended.calls), [Some(LIMIT), None], "{}", ended.calls);
}

fn the_old_file_is_kept_if_the_rest_cannot_be_written() {
    let (directory, old) = directory();
    let ended = spawn_limited(&["trap '' XFSZ; ", WITH_LIMIT].concat(), &directory, &[]).end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains(" could not be written (File too large"), "{}", ended.stderr);
    assert_cut(&ended);
    assert_alone(&directory, &old);
}

fn the_old_file_is_kept_if_writing_the_rest_kills_the_command() {
    let (directory, old) = directory();
    let ended = spawn_limited(WITH_LIMIT, &directory, &[]).end();
    assert_eq!(ended.code, None, "{}", ended.stderr);
    assert_cut(&ended);
    assert_eq!(text(&directory), old);
    assert_eq!(beside(&directory).len(), 1);
}

/// strace does not make a call whose result it injects: nothing is written, although the result says so.
fn a_write_that_succeeds_without_writing_is_detected() {
    let (directory, old) = directory();
    for taken in [1, started(&old).len()] {
        let ended = run(&directory, &[format!("inject=write:retval={taken}:when=1")], &START);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.calls);
        assert!(ended.stderr.contains(" could not be written"), "{}", ended.stderr);
        assert_alone(&directory, &old);
    }
}
