//! The files with operators and machines follow their edits.

use std::os::unix::fs::PermissionsExt as _;

use super::{ANN, AdminProcess, BOB, PASSWORD, TOKENS};
use crate::support::process::{Process, downtime};

#[test]
fn an_operator_who_is_removed_or_gets_another_password_is_logged_out() {
    let admin = AdminProcess::with_everybody();
    let [ann, bob] = ["ann", "bob"].map(|name| admin.session(name));
    assert!(admin.lets_in(&ann) && admin.lets_in(&bob));
    admin.edit("users", ANN);
    assert!(admin.lets_in(&ann) && !admin.lets_in(&bob));
    assert_eq!(admin.log_in("bob", PASSWORD).status, 403);
    admin.edit("users", &BOB.replace("bob:", "ann:"));
    assert!(!admin.lets_in(&ann), "another password");
    assert_eq!(admin.log_in("ann", PASSWORD).status, 303);
    let link = admin.link_secret();
    let by_link = super::cookie(&admin.post("/link", &format!("secret={link}"), &[]));
    std::fs::remove_file(admin.directory.join("users")).unwrap();
    assert_eq!(admin.log_in("ann", PASSWORD).status, 403);
    assert!(admin.lets_in(&by_link), "the session of a link needs no entry");
}

#[test]
fn a_machine_that_is_removed_is_not_let_in() {
    let admin = AdminProcess::with_everybody();
    let is_let_in = |secret: &str| admin.lets_in(&format!("Authorization: Bearer {secret}"));
    assert!(is_let_in("read") && is_let_in("write"));
    admin.edit("tokens", TOKENS.lines().nth(1).unwrap());
    assert!(!is_let_in("read") && is_let_in("write"));
    admin.edit("downtime.toml", super::ADMIN);
    assert!(!is_let_in("write"), "the file names no tokens any more");
}

#[test]
fn a_malformed_file_is_refused_at_the_start_and_changes_nothing_later() {
    let malformed = format!("{ANN}eve:hunter2\n");
    let directory = AdminProcess::directory(
        "users = \"users\"\ntokens = \"tokens\"\n",
        &[("users", &malformed), ("tokens", "x")],
    );
    let mut command = downtime(&directory);
    command.arg("admin");
    let (code, output) = Process::spawn(command).end();
    assert_eq!(code, Some(1));
    assert!(output.contains("users:2: the hash is neither of argon2id nor of bcrypt"), "{output}");
    assert!(output.contains("tokens:1: this is not the line of a machine"), "{output}");
    assert!(!output.contains("hunter2"), "{output}");

    let admin = AdminProcess::with_everybody();
    let session = admin.session("ann");
    admin.edit("users", &malformed);
    assert!(admin.lets_in(&session) && admin.lets_in(&session));
    assert_eq!(admin.log_in("ann", PASSWORD).status, 303);
    let line = admin.process.log.wait_for("users:2: the hash is neither of argon2id nor of bcrypt");
    assert!(line.contains("users is not applied, and its last valid version stays in effect: "), "{line}");
    assert_eq!(admin.process.log.count("users:2:"), 1);
    assert!(!admin.process.log.text().contains("hunter2"));
}

#[test]
fn a_file_that_others_can_read_is_warned_about() {
    let admin = AdminProcess::with_everybody();
    assert_eq!(admin.log_in("ann", PASSWORD).status, 303);
    let users = admin.directory.join("users");
    std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o604)).unwrap();
    assert_eq!(admin.log_in("ann", PASSWORD).status, 303);
    let line = admin.process.log.wait_for("all users of this machine can access");
    assert!(line.contains("run `chmod o= "), "{line}");
}
