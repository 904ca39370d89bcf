//! Files that no command accepts.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::support::process::{ConfigDirectory, unprivileged_downtime};
use crate::working_directory::{CommandOutput, WorkingDirectory, output};

/// Every command that reads the file, `serve` included.
const COMMANDS: [&[&str]; 5] = [&["--check"], &["status"], &["start"], &["end"], &["serve"]];

/// Far more than a refusal takes, and far less than reading a file that never ends.
const REFUSAL_LIMIT: Duration = Duration::from_secs(5);

/// Asserts that each command refuses the file. It is named, so that no other file on this machine is found instead.
#[track_caller]
fn assert_all_refuse(directory: &WorkingDirectory, texts: &[&str]) {
    for command in COMMANDS {
        let start = Instant::now();
        directory.run(&[&["-c", "./downtime.toml"], command].concat()).refuses(1, texts);
        assert!(start.elapsed() < REFUSAL_LIMIT, "{command:?} took {:?}", start.elapsed());
    }
}

#[test]
fn a_missing_file_is_an_error_with_the_fix() {
    let directory = WorkingDirectory::empty();
    assert_all_refuse(&directory, &["./downtime.toml"]);
    let run = |command| directory.run(&["-c", "./downtime.toml", command]);
    run("--check").refuses(1, &["./downtime.toml does not exist", "-c FILE or DOWNTIME_CONFIG"]);
    run("start").refuses(1, &["does not exist: nothing was changed", "help: create it"]);
    assert!(!directory.file().exists());
}

#[test]
fn a_dangling_symlink_is_refused() {
    let directory = WorkingDirectory::empty();
    std::os::unix::fs::symlink("none.toml", directory.file()).unwrap();
    let texts = [
        "downtime.toml is a symbolic link to ",
        "none.toml, which does not exist",
        "create the target, or correct the link",
    ];
    assert_all_refuse(&directory, &texts);
    directory.run(&["start"]).refuses(1, &["none.toml"]);
}

#[test]
fn a_path_that_leads_nowhere_is_refused_with_the_fix() {
    let directory = WorkingDirectory::empty();
    std::os::unix::fs::symlink("downtime.toml", directory.file()).unwrap();
    assert_all_refuse(&directory, &["downtime.toml", "correct the symbolic links: they lead in a circle"]);
    fs::remove_file(directory.file()).unwrap();
    directory.write("# nothing\n");
    for command in COMMANDS {
        let run = directory.run(&[&["-c", "downtime.toml/x.toml"], command].concat());
        run.refuses(1, &["downtime.toml/x.toml", "correct the path: a part of it is not a directory"]);
    }
}

#[test]
fn an_unreadable_file_is_refused() {
    let directory = ConfigDirectory::with("# secret\n");
    fs::set_permissions(directory.join("downtime.toml"), Permissions::from_mode(0o000)).unwrap();
    for arguments in COMMANDS {
        let mut command = unprivileged_downtime(&directory);
        let refused = CommandOutput::from(output(command.args(["-c", "./downtime.toml"]).args(arguments)));
        refused.refuses(1, &["downtime.toml cannot be read by this user", "help: "]);
    }
}

#[test]
fn a_directory_is_refused() {
    let directory = WorkingDirectory::empty();
    fs::create_dir(directory.file()).unwrap();
    assert_all_refuse(&directory, &["downtime.toml"]);
    directory.run(&["--check"]).refuses(1, &["./downtime.toml is a directory, not a file", "-c FILE"]);
}

#[test]
fn a_pipe_is_refused_without_waiting_for_a_writer() {
    let directory = WorkingDirectory::empty();
    mkfifoat(CWD, directory.file(), Mode::from_raw_mode(0o600)).unwrap();
    assert_all_refuse(&directory, &["downtime.toml"]);
    directory.run(&["--check"]).refuses(1, &["./downtime.toml is a pipe, not a file"]);
}

#[test]
fn a_device_that_never_ends_is_refused() {
    let directory = WorkingDirectory::empty();
    for command in ["--check", "start"] {
        directory.run(&["-c", "/dev/zero", command]).refuses(1, &["/dev/zero"]);
    }
}

#[test]
fn a_file_of_100_mb_is_refused_without_reading_it() {
    let directory = WorkingDirectory::empty();
    File::create(directory.file()).unwrap().set_len(100_000_000).unwrap();
    assert_all_refuse(&directory, &["1 MiB"]);
}

#[test]
fn a_file_may_have_1_mib_and_not_a_byte_more() {
    let directory = WorkingDirectory::with(&("#".repeat((1 << 20) - 1) + "\n"));
    directory.run(&["--check"]).prints(0, &["./downtime.toml is valid"]);
    directory.run(&["start"]).refuses(1, &["over 1 MiB, or would be"]);
    directory.write(&("#".repeat(1 << 20) + "\n"));
    assert_all_refuse(&directory, &["1 MiB"]);
}

#[test]
fn invalid_utf_8_is_shown_at_its_place() {
    let directory = WorkingDirectory::empty();
    let bytes =
        "# grün\n[response]\nmessage = \"zur\u{fc}ck\"\n".chars().map(|c| c as u8).collect::<Vec<_>>();
    let bytes = [b"# gr\xc3\xbcn".as_slice(), &bytes[6..]].concat();
    fs::write(directory.file(), &bytes).unwrap();
    let place = ["invalid UTF-8", "--> ./downtime.toml:3:15", "save the file as UTF-8"];
    directory.run(&["--check"]).refuses(1, &place);
    directory.run(&["start"]).refuses(1, &["is not UTF-8 in line 3"]);
    assert_eq!(fs::read(directory.file()).unwrap(), bytes);
}

#[test]
fn an_invalid_file_is_not_served() {
    let directory = WorkingDirectory::with("[response]\nstatus = 404\n");
    for command in [&["serve"][..], &[]] {
        directory.run(command).refuses(1, &["--> ./downtime.toml:2:10"]);
    }
}
