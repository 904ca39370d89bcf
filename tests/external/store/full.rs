//! The disk is full: edits on a real file system that is small enough.

use std::fs;

use libtest_mimic::Trial;

use super::{START, namespace, started, text};
use crate::support::process::ConfigDirectory;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::mounted:
        an_edit_on_a_full_file_system_keeps_the_old_file_until_there_is_space,
        an_edit_that_fills_the_file_system_keeps_the_old_file_until_there_is_space,
        an_edit_on_a_file_system_without_inodes_keeps_the_old_file_until_one_is_free,
    ]
}

/// A text of three pages, so that the first can be written when there is no space for the others.
fn long_text() -> String {
    "# a line of a long file\n".repeat(500)
}

/// Mounts a file system with these options, copies the file into it, fills it with the script, starts a downtime,
/// frees space, and starts the downtime again. Asserts that the first start kept the old file and the second edited it.
fn assert_refused_until_there_is_space(options: &str, fill: &str) {
    let directory = ConfigDirectory::with(&long_text());
    fs::create_dir(directory.join("small")).expect("made");
    let start = format!("\"$0\" {}", START.join(" "));
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs small
        cp downtime.toml small
        {fill}
        cd small
        code=0; {start} || code=$?
        ls -A >../names; cp downtime.toml ../first
        rm filler*
        {start} >&2
        cp downtime.toml ../second
        exit $code"
    );
    let output = namespace::command(&directory, &script).output().expect("a shell");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let path = directory.path().canonicalize().expect("a directory").join("small/downtime.toml");
    assert!(
        stderr.starts_with(&format!("error: {} cannot be written, as its file system", path.display())),
        "{stderr}"
    );
    assert!(
        stderr.contains("is full: nothing was changed\n |\n = help: free some space, and try again"),
        "{stderr}"
    );
    let read = |name: &str| fs::read_to_string(directory.join(name)).expect("a file");
    let (old, names) = (text(&directory), read("names"));
    let names: Vec<_> = names.lines().filter(|name| !name.starts_with("filler")).collect();
    assert_eq!(names, ["downtime.toml"]);
    assert_eq!(read("first"), old);
    assert_eq!(read("second"), started(&old));
}

const FILL: &str = "head -c 1M /dev/zero >small/filler 2>/dev/null || true";

fn an_edit_on_a_full_file_system_keeps_the_old_file_until_there_is_space() {
    assert_refused_until_there_is_space("size=64k", FILL);
}

fn an_edit_that_fills_the_file_system_keeps_the_old_file_until_there_is_space() {
    let fill_all_but_one_page = format!("{FILL}; truncate -s -4096 small/filler");
    assert_refused_until_there_is_space("size=64k", &fill_all_but_one_page);
}

fn an_edit_on_a_file_system_without_inodes_keeps_the_old_file_until_one_is_free() {
    let fill = "n=0; while touch small/filler$n 2>/dev/null; do n=$((n + 1)); done";
    assert_refused_until_there_is_space("size=1m,nr_inodes=6", fill);
}
