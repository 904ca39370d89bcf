//! Keys that not every user may read.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::{Identity, directory};
use crate::support::process::{ConfigDirectory, downtime};

/// A user without privileges.
const NOBODY: u32 = 65_534;

/// Runs a command as a user who may edit the file, and may not read the key. Returns the exit code and the output.
fn run_without_access(directory: &ConfigDirectory, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = downtime(directory);
    command.args(arguments);
    let key = directory.join("0.key");
    if rustix::process::geteuid().is_root() {
        set_permissions(&key, Permissions::from_mode(0o600)).expect("a mode");
        let owned = [directory.path().to_owned(), directory.join("downtime.toml")];
        for path in owned {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
        command.uid(NOBODY).gid(NOBODY);
    } else {
        set_permissions(&key, Permissions::from_mode(0o000)).expect("a mode");
    }
    let output = Command::output(&mut command).expect("the binary");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn an_edit_by_a_user_who_may_not_read_the_key_warns_and_is_written() {
    let directory = directory(&[&Identity::new(&["site.example"])], "");
    for (arguments, written) in [(&["start", "--name", "db"][..], "name = \"db\""), (&["end"], "end = ")] {
        let (code, text) = run_without_access(&directory, arguments);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("warning: not checked: ./0.key cannot be read by this user"), "{text}");
        let file = std::fs::read_to_string(directory.join("downtime.toml")).expect("a file");
        assert!(file.contains(written), "{file}");
    }
}

#[test]
fn a_key_of_two_certificates_that_a_user_may_not_read_is_named_once() {
    let identity = Identity::new(&["site.example"]);
    let directory = directory(&[&identity, &identity], "");
    directory.write("downtime.toml", &super::config(2, "").replace("1.key", "0.key"));
    let (code, text) = run_without_access(&directory, &["start"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.matches("0.key cannot be read by this user").count(), 1, "{text}");
}

#[test]
fn the_state_is_shown_to_a_user_who_may_not_read_the_key() {
    let directory = directory(&[&Identity::new(&["site.example"])], "");
    let (code, text) = run_without_access(&directory, &["status"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_check_and_a_start_of_the_gateway_need_the_key() {
    let directory = directory(&[&Identity::new(&["site.example"])], "");
    for command in ["--check", "serve"] {
        let (code, text) = run_without_access(&directory, &[command]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("error: ./0.key cannot be read by this user"), "{text}");
        assert!(text.contains("chgrp downtime ./0.key; chmod g+r ./0.key"), "{text}");
    }
}

/// Makes a directory that an unprivileged user may not enter.
fn close(directory: &std::path::Path) {
    let mode = if rustix::process::geteuid().is_root() { 0o700 } else { 0 };
    set_permissions(directory, Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn the_directory_that_is_closed_is_named_instead_of_the_file() {
    // As certbot has it: `live` has symbolic links to files in `archive`.
    for closed in ["live", "archive", "archive/a"] {
        let directory = directory(&[&Identity::new(&["site.example"])], "");
        for name in ["live/a", "archive/a"] {
            std::fs::create_dir_all(directory.join(name)).expect("a directory");
        }
        std::fs::rename(directory.join("0.key"), directory.join("archive/a/0.key")).expect("a key");
        std::os::unix::fs::symlink("../../archive/a/0.key", directory.join("live/a/0.key")).expect("a link");
        std::os::unix::fs::symlink("archive/a/0.key", directory.join("0.key")).expect("a link");
        let config = super::config(1, "").replace("0.key", "live/a/0.key");
        let files = "site = { root = 'archive/a' }\nresponse = { template = 'archive/a/x.html' }\n";
        directory.write("downtime.toml", &format!("{files}{config}"));
        close(&directory.join(closed));
        let (code, text) = run_without_access(&directory, &["--check"]);
        set_permissions(directory.join(closed), Permissions::from_mode(0o700)).expect("a mode");
        assert_eq!(code, Some(1), "{text}");
        let entered = directory.join(closed).canonicalize().expect("a directory");
        let named = format!("the directory {} is closed to it", entered.display());
        let count = if closed == "live" { 1 } else { 3 };
        assert_eq!(text.matches(&named).count(), count, "{text}");
        let key = format!("./live/a/0.key cannot be read by this user: {named}");
        assert!(text.contains(&key), "{text}");
        assert!(text.contains("let it enter this one"), "{text}");
    }
}

#[test]
fn a_root_is_closed_only_if_the_directory_is() {
    let directory = directory(&[&Identity::new(&["site.example"])], "");
    for name in ["closed", "site"] {
        std::fs::create_dir(directory.join(name)).expect("a directory");
    }
    std::os::unix::fs::symlink("../closed/index.html", directory.join("site/index.html")).expect("a link");
    close(&directory.join("closed"));
    for (root, is_closed) in [("site", false), ("closed", true), ("closed/site", true)] {
        directory.write("downtime.toml", &format!("site = {{ root = '{root}' }}\n"));
        let (_, text) = run_without_access(&directory, &["--check"]);
        assert_eq!(text.contains("is closed to it"), is_closed, "{root}: {text}");
    }
    set_permissions(directory.join("closed"), Permissions::from_mode(0o700)).expect("a mode");
}

#[test]
fn the_commands_that_let_the_gateway_read_a_file_can_be_pasted() {
    let directory = directory(&[&Identity::new(&["site.example"])], "");
    std::fs::rename(directory.join("0.pem"), directory.join("the page's.html")).expect("a file");
    directory.write("downtime.toml", "response = { template = \"the page's.html\" }\n");
    let mode = if rustix::process::geteuid().is_root() { 0o600 } else { 0 };
    set_permissions(directory.join("the page's.html"), Permissions::from_mode(mode)).expect("a mode");
    let (_, text) = run_without_access(&directory, &["--check"]);
    assert!(
        text.contains("`chgrp downtime './the page'\\''s.html'; chmod g+r './the page'\\''s.html'`"),
        "{text}"
    );
}
