//! The disk is full (row W13): a real file system, as small as it takes.

use std::fs;

use libtest_mimic::Trial;

use super::{START, namespace, started, text};
use crate::support::process::Folder;

pub(crate) fn trials() -> Vec<Trial> {
    trials![super::mounted:
        on_a_full_file_system_the_old_file_stays_until_there_is_space,
        on_a_file_system_that_fills_within_the_write_the_old_file_stays_until_there_is_space,
        on_a_file_system_without_inodes_the_old_file_stays_until_there_is_one,
    ]
}

/// Three pages, so that one of them can be written where the others cannot.
fn long_text() -> String {
    "# a line of a long file\n".repeat(500)
}

/// Mounts a file system of these options for the folder's file, fills it as the script says, starts a downtime, makes
/// space, and starts it again. Asserts that the first start left the old file alone, and that the second edited it.
fn assert_refused_until_there_is_space(options: &str, fill: &str) {
    let folder = Folder::with(&long_text());
    fs::create_dir(folder.join("small")).expect("made");
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
    let output = namespace::command(&folder, &script).output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let path = folder.path().canonicalize().expect("a folder").join("small/downtime.toml");
    assert!(
        said.starts_with(&format!("error: {} cannot be replaced, as its file system", path.display())),
        "{said}"
    );
    assert!(said.contains("is full: free some space, and try again"), "{said}");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file");
    let (old, names) = (text(&folder), read("names"));
    let names: Vec<_> = names.lines().filter(|name| !name.starts_with("filler")).collect();
    assert_eq!(names, ["downtime.toml"]);
    assert_eq!(read("first"), old);
    assert_eq!(read("second"), started(&old));
}

const FILL: &str = "head -c 1M /dev/zero >small/filler 2>/dev/null || true";

fn on_a_full_file_system_the_old_file_stays_until_there_is_space() {
    assert_refused_until_there_is_space("size=64k", FILL);
}

fn on_a_file_system_that_fills_within_the_write_the_old_file_stays_until_there_is_space() {
    let but_a_page = format!("{FILL}; truncate -s -4096 small/filler");
    assert_refused_until_there_is_space("size=64k", &but_a_page);
}

fn on_a_file_system_without_inodes_the_old_file_stays_until_there_is_one() {
    let fill = "n=0; while touch small/filler$n 2>/dev/null; do n=$((n + 1)); done";
    assert_refused_until_there_is_space("size=1m,nr_inodes=6", fill);
}
