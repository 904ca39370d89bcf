//! Config files that are none.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::folder::Folder;

/// Every command that reads the file, `serve` included.
const COMMANDS: [&[&str]; 5] = [&["--check"], &["status"], &["start"], &["end"], &["serve"]];

/// Far more than a refusal takes, and far less than reading what never ends.
const QUICK: Duration = Duration::from_secs(5);

/// Of a file that is named: what else lies on this machine makes no difference.
#[track_caller]
fn each_refuses(folder: &Folder, texts: &[&str]) {
    for command in COMMANDS {
        let start = Instant::now();
        folder.run(&[&["-c", "./downtime.toml"], command].concat()).refuses(1, texts);
        assert!(start.elapsed() < QUICK, "{command:?} took {:?}", start.elapsed());
    }
}

#[test]
fn a_missing_file_is_an_error_with_the_fix() {
    let folder = Folder::empty();
    each_refuses(&folder, &["./downtime.toml"]);
    let run = |command| folder.run(&["-c", "./downtime.toml", command]);
    run("--check").refuses(1, &["./downtime.toml does not exist", "-c FILE or DOWNTIME_CONFIG"]);
    run("start").refuses(1, &["does not exist: create it"]);
    assert!(!folder.file().exists());
}

#[test]
fn a_dangling_symlink_is_refused() {
    let folder = Folder::empty();
    std::os::unix::fs::symlink("none.toml", folder.file()).unwrap();
    each_refuses(&folder, &["downtime.toml"]);
    folder.run(&["start"]).refuses(1, &["none.toml"]);
}

#[test]
fn an_unreadable_file_is_refused() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let folder = Folder::with("# secret\n");
    fs::set_permissions(folder.file(), Permissions::from_mode(0o000)).unwrap();
    each_refuses(&folder, &["downtime.toml"]);
    folder.run(&["--check"]).refuses(1, &["may not be read by this user", "check the owner and mode"]);
}

#[test]
fn a_directory_is_refused() {
    let folder = Folder::empty();
    fs::create_dir(folder.file()).unwrap();
    each_refuses(&folder, &["downtime.toml"]);
    folder.run(&["--check"]).refuses(1, &["./downtime.toml is a directory, not a file", "-c FILE"]);
}

#[test]
fn a_pipe_is_refused_without_waiting_for_a_writer() {
    let folder = Folder::empty();
    mkfifoat(CWD, folder.file(), Mode::from_raw_mode(0o600)).unwrap();
    each_refuses(&folder, &["downtime.toml"]);
    folder.run(&["--check"]).refuses(1, &["./downtime.toml is a pipe, not a file"]);
}

#[test]
fn a_device_that_never_ends_is_refused() {
    let folder = Folder::empty();
    for command in ["--check", "start"] {
        folder.run(&["-c", "/dev/zero", command]).refuses(1, &["/dev/zero"]);
    }
}

#[test]
fn a_file_of_100_mb_is_refused_without_reading_it() {
    let folder = Folder::empty();
    File::create(folder.file()).unwrap().set_len(100_000_000).unwrap();
    each_refuses(&folder, &["1 MiB"]);
}

#[test]
fn a_file_may_have_1_mib_and_not_a_byte_more() {
    let folder = Folder::with(&("#".repeat((1 << 20) - 1) + "\n"));
    folder.run(&["--check"]).prints(0, &["./downtime.toml is valid"]);
    folder.run(&["start"]).refuses(1, &["over 1 MiB, or would be"]);
    folder.write(&("#".repeat(1 << 20) + "\n"));
    each_refuses(&folder, &["1 MiB"]);
}

#[test]
fn invalid_utf_8_is_shown_at_its_place() {
    let folder = Folder::empty();
    let bytes =
        "# grün\n[response]\nmessage = \"zur\u{fc}ck\"\n".chars().map(|c| c as u8).collect::<Vec<_>>();
    let bytes = [b"# gr\xc3\xbcn".as_slice(), &bytes[6..]].concat();
    fs::write(folder.file(), &bytes).unwrap();
    let place = ["invalid UTF-8", "--> ./downtime.toml:3:15", "save the file as UTF-8"];
    folder.run(&["--check"]).refuses(1, &place);
    folder.run(&["start"]).refuses(1, &["is not UTF-8 in line 3"]);
    assert_eq!(fs::read(folder.file()).unwrap(), bytes);
}

#[test]
fn an_invalid_file_is_not_served() {
    let folder = Folder::with("[response]\nstatus = 404\n");
    for command in [&["serve"][..], &[]] {
        folder.run(command).refuses(1, &["--> ./downtime.toml:2:10"]);
    }
}
