//! Files that are rejected, while the gateway runs and when it starts.

use std::fs;

use rustix::process::Signal;

use super::{directory, script, until_ended, webhook};
use crate::receiver::{Answer, Receiver};
use crate::support::awaited::until_file;
use crate::support::process::{ConfigDirectory, GatewayProcess, Process, downtime, listening};

const HOOKS: &str = "[hooks]\non_rejected = [\"./tell\"]\non_down = [\"./tell\"]\n";
const INVALID: &str = "[response]\nstatus = 200\n[[period]]\nstart = 2020-01-01T00:00:00Z\n";
const TELL: &str = "echo \"$DOWNTIME_EVENT $DOWNTIME_STATE $DOWNTIME_GENERATION $DOWNTIME_ERROR\" >>told";

fn told(directory: &ConfigDirectory) -> String {
    fs::read_to_string(directory.join("told")).unwrap_or_default()
}

#[test]
fn a_rejected_edit_is_told_once_by_the_hooks_of_the_file_that_is_applied() {
    let (receiver, other) = (Receiver::start(), Receiver::start());
    let hooks = format!("{HOOKS}{}", webhook(&receiver, ""));
    let directory = directory(&hooks);
    script(&directory, "tell", TELL);
    let gateway = GatewayProcess::on(directory);
    gateway.edit(&format!("{}{INVALID}", webhook(&other, "")));
    let message = receiver.next();
    assert_eq!(message.kind(), ("rejected".into(), "up".into()));
    // It may quote the file.
    assert!(!message.body.contains("200") && !message.body.contains("downtime.toml"), "{}", message.body);
    gateway.log().wait_for("ran on_rejected of [hooks]");
    let told = told(&gateway.directory);
    assert!(
        told.starts_with("rejected up 1 ") && told.contains("downtime.toml:") && told.contains("200"),
        "{told}"
    );
    gateway.process.signal(Signal::HUP);
    gateway.log().wait_for("is unchanged and still invalid");
    gateway.apply(&hooks.replace("./tell\"]\non_down", "./tell\", \"again\"]\non_down"));
    assert!(receiver.is_idle() && other.is_idle());
    assert_eq!(gateway.log().count("ran on_"), 1);
}

/// Returns the exit code and the output of a gateway that cannot start.
fn refused(directory: &ConfigDirectory) -> (Option<i32>, String) {
    Process::spawn(downtime(directory)).end()
}

#[test]
fn a_file_that_is_rejected_at_the_start_is_told_before_the_process_ends() {
    let (receiver, other) = (Receiver::start(), Receiver::start());
    let hooks = format!("{HOOKS}{}{}", webhook(&receiver, ""), webhook(&other, "events = [\"down\"]"));
    let directory = directory(&format!("{hooks}{INVALID}"));
    script(&directory, "tell", TELL);
    let (code, output) = refused(&directory);
    assert_eq!(code, Some(1), "{output}");
    let message = receiver.next();
    assert_eq!(message.json()["type"], "rejected");
    assert_eq!(message.json()["data"]["state"], serde_json::Value::Null);
    assert!(told(&directory).starts_with("rejected  0 "), "{}", told(&directory));
    assert!(receiver.is_idle() && other.is_idle());
    assert_eq!(output.matches("error: ").count(), 1, "{output}");
}

#[test]
fn a_command_is_told_the_first_error_also_below_a_warning() {
    let directory = directory(&format!("[site]\nroot = \"missing\"\n{HOOKS}{INVALID}"));
    script(&directory, "tell", TELL);
    let (code, output) = refused(&directory);
    let told = told(&directory);
    assert!(code == Some(1) && output.contains("warning: the directory `./missing`"), "{output}");
    assert!(told.contains("status") && !told.contains("missing"), "{told}");
}

#[test]
fn what_fails_at_the_start_is_printed_and_not_repeated() {
    let receiver = Receiver::answering(|_| Answer::Status(500, String::new()));
    // A webhook with an error counts too.
    let hooks = format!("{HOOKS}[[webhook]]\nurl = \"ftp://a\"\n{}", webhook(&receiver, ""));
    let directory = directory(&format!("{hooks}{INVALID}"));
    script(&directory, "tell", "exit 3");
    let (code, output) = refused(&directory);
    assert_eq!((code, receiver.next().kind().0.as_str()), (Some(1), "rejected"));
    assert!(output.contains("on_rejected of [hooks] failed with exit code 3"), "{output}");
    assert!(output.contains("cannot send `rejected` to webhook 2 (http://127.0.0.1:"), "{output}");
    assert!(output.contains("status 500") && receiver.is_idle(), "{output}");
}

#[test]
fn a_hook_that_is_invalid_itself_does_not_run_and_neither_does_one_behind_broken_syntax() {
    for text in ["[hooks]\non_rejected = [\"./tell\", 1]\n", "[hooks]\non_rejected = [\"./tell\"]\n[server\n"]
    {
        let directory = directory("");
        directory.write("downtime.toml", &listening(text));
        script(&directory, "tell", TELL);
        let (code, output) = refused(&directory);
        assert_eq!((code, told(&directory).as_str()), (Some(1), ""), "{output}");
    }
}

/// Its receiver could not tell who has sent it.
#[test]
fn no_message_is_sent_without_a_signature() {
    let receiver = Receiver::start();
    for secret in ["", "whsec_c2hvcnQ=\n"] {
        let directory = directory(&format!("{INVALID}{}", webhook(&receiver, "")));
        directory.write("hook.key", secret);
        let (code, output) = refused(&directory);
        assert!(code == Some(1) && output.contains("hook.key has "), "{output}");
    }
    let directory =
        directory(&format!("{INVALID}{}", webhook(&receiver, "events = [\"rejected\", \"rejectd\"]")));
    assert_eq!(refused(&directory).0, Some(1));
    assert!(receiver.is_idle());
}

#[test]
fn a_command_does_not_outlive_a_gateway_that_is_stopped_before_it_has_started() {
    for signal in [Signal::TERM, Signal::INT] {
        let directory = directory(&format!("{HOOKS}{INVALID}"));
        script(&directory, "tell", "echo $$ >pid.part; mv pid.part pid; exec sleep 1000");
        let process = Process::spawn(downtime(&directory));
        let pid = until_file(&directory.join("pid"), |_| true);
        process.signal(signal);
        let (code, output) = process.end();
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains("a signal has ended what was told of the rejected file"), "{output}");
        until_ended(pid.trim());
    }
}
