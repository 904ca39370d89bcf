//! `downtime during`: the site is down while a command runs. Row A6 of the acceptance tests.

use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{DOWN, start, with_management};
use crate::support::awaited::until_file;
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime, downtime_by};
use crate::working_directory::CommandOutput;

/// Runs a shell script during a downtime. `options` come before `--`.
fn during(directory: &ConfigDirectory, options: &[&str], script: &str) -> CommandOutput {
    spawn(directory, options, script).wait_with_output().expect("an exit status").into()
}

fn spawn(directory: &ConfigDirectory, options: &[&str], script: &str) -> Child {
    // The shell that runs the tests may ignore the signals that they send.
    spawn_by("--default-signal=HUP,INT,TERM", directory, options, script)
}

/// Spawns it by `env` with this option.
fn spawn_by(of_env: &str, directory: &ConfigDirectory, options: &[&str], script: &str) -> Child {
    let mut command = downtime_by("env", &[of_env], directory);
    command.arg("during").args(options).args(["--", "sh", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, as under a service manager.
    command.process_group(0).spawn().expect("the binary")
}

/// Waits until a script has created this file.
fn wait_for(directory: &ConfigDirectory, name: &str) {
    until_file(&directory.join(name), |_| true);
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("a running process");
}

fn status(gateway: &GatewayProcess) -> u16 {
    gateway.connect().request("GET", "/", &[]).status
}

fn text(directory: &Path) -> String {
    fs::read_to_string(directory.join("downtime.toml")).expect("read")
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

/// The system discards exit codes of the children of a process that ignores SIGCHLD.
#[test]
fn the_exit_code_is_known_even_if_the_parent_ignores_the_end_of_children() {
    let gateway = start("");
    let child = spawn_by("--ignore-signal=CHLD", &gateway.directory, &[], "exit 5");
    let ended: CommandOutput = child.wait_with_output().expect("an exit status").into();
    assert_eq!(ended.code, 5, "{ended:?}");
    assert_has(&ended.stderr, &["the command failed, with exit code 5", "continues"]);
    assert_eq!(status(&gateway), 503);
}

#[test]
fn the_site_is_down_while_the_command_runs_and_up_afterwards() {
    let gateway = start("");
    let address = gateway.address;
    let script = format!(
        "exec 3<>/dev/tcp/{}/{}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3",
        address.ip(),
        address.port()
    );
    let mut command = downtime(&gateway.directory);
    command.args(["during", "--message", "Deploying.", "--", "bash", "-c", &script]).stdout(Stdio::piped());
    let run = CommandOutput::from(command.output().expect("the binary"));
    assert_eq!((run.code, run.stdout.trim()), (0, "HTTP/1.1 503 Service Unavailable"), "{run:?}");
    assert_has(
        &run.stderr,
        &[
            "\"during-20",
            "\" has started\n",
            "applied by the gateway",
            "ended \"during-20",
            "up; no downtime",
        ],
    );
    assert_eq!(status(&gateway), 200);
    assert!(text(gateway.directory.path()).contains("unscheduled = true\nmessage = \"Deploying.\"\n"));
}

#[test]
fn after_a_command_that_fails_the_site_stays_down_unless_told_otherwise() {
    let gateway = start("");
    let kept = during(&gateway.directory, &["--name", "deploy"], "exit 7");
    assert_eq!((kept.code, kept.stdout.as_str()), (7, ""), "{kept:?}");
    let message = "the command failed, with exit code 7: \"deploy\" continues";
    assert_has(&kept.stderr, &[message, "to end it, run `downtime end deploy`"]);
    assert_eq!(status(&gateway), 503);
    let again = during(&gateway.directory, &["--name", "deploy"], "touch ran");
    assert_eq!(again.code, 1);
    assert_has(
        &again.stderr,
        &["\"deploy\" is already active, since ", "`during` needs a period of its own"],
    );
    assert!(!gateway.directory.join("ran").exists());
    assert_eq!(super::run(&gateway.directory, &["end", "deploy", "--wait"]).code, 0);
    let ended = during(&gateway.directory, &["--name", "deploy", "--on-failure", "end"], "exit 7");
    assert_eq!(ended.code, 7, "{ended:?}");
    assert_has(&ended.stderr, &["ended \"deploy\"\n"]);
    assert_eq!(status(&gateway), 200);
}

#[test]
fn a_command_that_is_killed_counts_as_failed() {
    let gateway = start("");
    let run = during(&gateway.directory, &["--name", "deploy"], "kill -KILL $$");
    assert_eq!(run.code, 128 + 9, "{run:?}");
    assert_has(&run.stderr, &["killed by signal 9", "downtime end deploy"]);
    assert_eq!(status(&gateway), 503);
}

#[test]
fn signals_go_to_the_command_which_may_ignore_them() {
    let gateway = start("");
    let script = "trap 'touch term' TERM; touch ready; while [ ! -e end ]; do read -t 1 x; done; exit 0";
    let mut command = downtime(&gateway.directory);
    command.args(["during", "--name", "deploy", "--", "bash", "-c", script]);
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    wait_for(&gateway.directory, "ready");
    send(&child, Signal::TERM);
    wait_for(&gateway.directory, "term");
    assert_eq!(status(&gateway), 503, "the command still runs");
    gateway.directory.write("end", "");
    let run = child.wait_with_output().expect("an exit status");
    assert_eq!(run.status.code(), Some(0));
    assert_eq!(status(&gateway), 200);
}

#[test]
fn a_signal_that_ends_the_command_leaves_the_site_down() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let gateway = start("");
        let child = spawn(&gateway.directory, &["--name", "deploy"], "touch ready; exec sleep 60");
        wait_for(&gateway.directory, "ready");
        send(&child, signal);
        let run = CommandOutput::from(child.wait_with_output().expect("an exit status"));
        assert_eq!(run.code, code, "{run:?}");
        assert_has(&run.stderr, &["downtime end deploy"]);
        assert_eq!(status(&gateway), 503);
    }
}

#[test]
fn the_period_outlives_during_itself() {
    let gateway = start("");
    let mut child =
        spawn(&gateway.directory, &["--name", "deploy"], "echo $$ > pid; mv pid ready; exec sleep 60");
    wait_for(&gateway.directory, "ready");
    send(&child, Signal::KILL);
    child.wait().expect("an exit status");
    assert_eq!(status(&gateway), 503);
    let pid = fs::read_to_string(gateway.directory.join("ready")).expect("read");
    let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("a process");
    kill_process(pid, Signal::KILL).expect("the command still runs");
}

#[test]
fn processes_that_the_command_leaves_behind_are_not_waited_for() {
    let gateway = start("");
    let script = "(read x < fifo) > /dev/null 2>&1 & exit 0";
    let run = during(&gateway.directory, &[], &format!("mkfifo fifo; {script}"));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(status(&gateway), 200);
    fs::write(gateway.directory.join("fifo"), "over\n").expect("the process that was left behind");
}

#[test]
fn a_command_that_cannot_be_run_leaves_the_site_up() {
    let gateway = start("");
    gateway.directory.write("text", "");
    for (program, code) in [("./nothing", 127), ("./text", 126)] {
        let run = super::run(&gateway.directory, &["during", "--name", "deploy", "--", program]);
        assert_eq!(run.code, code, "{run:?}");
        assert_has(&run.stderr, &[&format!("cannot run {program}: "), "ended \"deploy\""]);
        assert_eq!(status(&gateway), 200);
    }
}

#[test]
fn without_a_gateway_that_answers_the_command_is_not_run() {
    let directory = ConfigDirectory::with(&with_management(""));
    let run = during(&directory, &["--name", "deploy"], "touch ran");
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(&run.stderr, &["no gateway confirmed", "the command was not run\n", "ended \"deploy\"\n"]);
    // It does not wait once more, and does not say that the edit stays.
    assert_eq!(run.stderr.matches("no gateway confirmed").count(), 1, "{}", run.stderr);
    assert!(!run.stderr.contains("stays in the file"), "{}", run.stderr);
    assert!(!directory.join("ran").exists());
    let without = ConfigDirectory::with("# nothing\n");
    let run = during(&without, &[], "touch ran");
    assert_eq!(run.code, 0, "{run:?}");
    assert_has(&run.stderr, &["not waiting for a gateway: the file has no [management]"]);
    assert!(without.join("ran").exists());
}

#[test]
fn a_signal_before_the_command_runs_ends_what_was_written() {
    let gateway = start("");
    gateway.process.signal(Signal::STOP);
    let child = spawn(&gateway.directory, &["--name", "deploy"], "touch ran");
    let file = gateway.directory.join("downtime.toml");
    until_file(&file, |text| text.contains("deploy"));
    send(&child, Signal::INT);
    until_file(&file, |text| text.contains("\nend = "));
    gateway.process.signal(Signal::CONT);
    let run = CommandOutput::from(child.wait_with_output().expect("an exit status"));
    assert_eq!(run.code, 130, "{run:?}");
    assert_has(&run.stderr, &["the command was not run\n", "ended \"deploy\"\n"]);
    assert!(!gateway.directory.join("ran").exists());
    assert_eq!(status(&gateway), 200);
}

#[test]
fn a_gateway_that_died_meanwhile_is_reported_after_the_period_was_ended() {
    let gateway = start("");
    let pid = gateway.process.child.id();
    let run = during(&gateway.directory, &["--name", "deploy"], &format!("kill -KILL {pid}"));
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(&run.stderr, &["ended \"deploy\"\n", "no gateway confirmed"]);
    assert!(text(gateway.directory.path()).contains("\nend = "));
}

#[test]
fn edits_of_others_meanwhile_are_kept() {
    let gateway = start("");
    let append = format!("printf '{}' >> downtime.toml", DOWN.replace('\n', "\\n"));
    let run = during(&gateway.directory, &["--name", "deploy"], &append);
    assert_eq!(run.code, 3, "{run:?}");
    assert_has(&run.stderr, &["ended \"deploy\"\n", "still down because of \"db\"", "downtime end db"]);
    assert_eq!(super::run(&gateway.directory, &["end", "db", "--wait"]).code, 0);

    let run = during(
        &gateway.directory,
        &["--name", "deploy"],
        "cp downtime.toml broken; printf 'colour = 1\\n' | cat - broken > downtime.toml",
    );
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(
        &run.stderr,
        &["unknown key `colour`", "nothing was written", "\"deploy\" continues", "downtime end deploy"],
    );
    assert_eq!(status(&gateway), 503);
}

#[test]
fn a_period_that_others_have_ended_or_replaced_is_left_alone() {
    for (edit, line) in [
        (
            "sed -i 's/^unscheduled.*/end = 2999-01-01T00:00:00Z/; s/^start.*/start = 2020-01-01T00:00:00Z/'",
            "has another start now",
        ),
        ("sed -i 's/deploy/other/'", "\"deploy\" is no longer in the file"),
    ] {
        let gateway = start("");
        let run = during(&gateway.directory, &["--name", "deploy"], &format!("{edit} downtime.toml"));
        assert_eq!(run.code, 3, "{run:?}");
        assert_has(&run.stderr, &[line, "still down because of"]);
        assert_eq!(status(&gateway), 503);
    }
    let gateway = start("");
    let binary = env!("CARGO_BIN_EXE_downtime");
    let run = during(&gateway.directory, &["--name", "deploy"], &format!("{binary} end deploy"));
    assert_eq!(run.code, 0, "{run:?}");
    assert_has(&run.stderr, &["nothing to end: \"deploy\" already ended at"]);
}

#[test]
fn an_ignored_hangup_stays_ignored() {
    let gateway = start("");
    let mut command = std::process::Command::new("sh");
    let script = format!(
        "trap '' HUP; exec {} during --name deploy -- sh -c 'kill -HUP $$; kill -HUP $PPID; exit 0'",
        env!("CARGO_BIN_EXE_downtime")
    );
    command.args(["-c", &script]).current_dir(gateway.directory.path()).env_remove("DOWNTIME_CONFIG");
    let mut child = command.stderr(Stdio::piped()).spawn().expect("sh");
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("read");
    assert_eq!(child.wait().expect("an exit status").code(), Some(0), "{stderr}");
}
