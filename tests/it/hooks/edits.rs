//! Changes of webhooks and commands take effect live.

use super::{DOWN, directory, script, start, webhook, write_secret};
use crate::receiver::{Answer, Receiver, SECRET};
use crate::support::process::GatewayProcess;

const OTHER_SECRET: &str = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=\n";

#[test]
fn a_webhook_that_an_edit_adds_is_told_the_change_of_the_same_edit() {
    let receiver = Receiver::start();
    let gateway = start("");
    gateway.apply(&format!("{}{DOWN}", webhook(&receiver, "")));
    assert_eq!(receiver.next().kind().0, "down");
    gateway.apply("");
    assert!(receiver.is_idle());
}

#[test]
fn another_secret_signs_the_next_attempt_and_two_secrets_sign_both() {
    let receiver = Receiver::answering(|number| match number {
        0 => Answer::Status(500, String::new()),
        _ => Answer::Status(204, String::new()),
    });
    let hook = webhook(&receiver, "");
    let gateway = start(&hook);
    gateway.apply(&format!("{hook}{DOWN}"));
    let first = receiver.next();
    write_secret(&gateway.directory, &format!("{SECRET}{OTHER_SECRET}"));
    let again = receiver.next_unchecked();
    assert_eq!(again.field("webhook-id"), first.field("webhook-id"));
    gateway.log().wait_for(" applied ");
    write_secret(&gateway.directory, OTHER_SECRET);
    gateway.log().wait_for(" applied ");
    gateway.apply(&hook);
    let last = receiver.next_unchecked();
    assert_eq!([SECRET, OTHER_SECRET].map(|secret| last.is_signed_with(secret)), [false, true]);
}

#[test]
fn two_secrets_sign_each_message() {
    let receiver = Receiver::start();
    let hook = webhook(&receiver, "");
    let directory = directory(&hook);
    write_secret(&directory, &format!("{SECRET}\n{OTHER_SECRET}"));
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&format!("{hook}{DOWN}"));
    let message = receiver.next_unchecked();
    assert_eq!([SECRET, OTHER_SECRET].map(|secret| message.is_signed_with(secret)), [true, true]);
}

#[test]
fn a_secret_that_is_missing_rejects_the_file_and_the_last_one_stays_in_use() {
    let receiver = Receiver::start();
    let hook = webhook(&receiver, "");
    let gateway = start(&hook);
    std::fs::remove_file(gateway.directory.join("hook.key")).expect("removed");
    let line = gateway.log().wait_for("hook.key does not exist");
    assert!(line.contains("downtime.toml:3:15"), "{line}");
    assert_eq!(receiver.next().kind().0, "rejected");
}

#[test]
fn messages_for_a_webhook_that_is_removed_are_dropped() {
    let receiver = Receiver::answering(|_| Answer::Silence);
    let hook = webhook(&receiver, "");
    let gateway = start(&hook);
    gateway.apply(&format!("{hook}{DOWN}"));
    assert_eq!(receiver.next().kind().0, "down");
    gateway.apply("");
    let line = gateway.log().wait_for("was removed from the file");
    assert!(line.contains("was removed from the file: 1 message to it is dropped"), "{line}");
}

#[test]
fn a_command_that_an_edit_changes_is_the_one_that_runs() {
    let directory = directory("[hooks]\non_down = [\"./old\"]\n");
    script(&directory, "old", "echo old >ran");
    script(&directory, "new", "echo new >ran");
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&format!("[hooks]\non_down = [\"./new\"]\n{DOWN}"));
    gateway.log().wait_for("ran on_down of [hooks]");
    assert_eq!(std::fs::read_to_string(gateway.directory.join("ran")).expect("read"), "new\n");
}
