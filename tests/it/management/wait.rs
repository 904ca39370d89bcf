//! `--wait`: the command returns once the gateway has applied the edit.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{DOWN, run, start, with_management};
use crate::support::awaited::until_file;
use crate::support::process::{ConfigDirectory, downtime};
use crate::working_directory::CommandOutput;

/// The 10 s of `--wait`, with room for a busy machine.
const LIMIT: Duration = Duration::from_secs(15);

#[test]
fn the_next_request_sees_the_edit() {
    let gateway = start("");
    let mut client = gateway.connect();
    for generation in [2, 4, 6, 8] {
        let started = run(&gateway.directory, &["start", "--wait"]);
        assert_eq!(client.request("GET", "/", &[]).status, 503);
        assert_eq!((started.code, started.stderr.as_str()), (0, ""));
        let applied =
            format!("applied by the gateway at unix:./management.sock as snapshot {generation}, after ");
        assert!(started.stdout.contains(&applied), "{started:?}");
        let ended = run(&gateway.directory, &["end", "--wait"]);
        assert_eq!(client.request("GET", "/", &[]).status, 200);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    }
    let nothing = run(&gateway.directory, &["end", "--wait"]);
    assert_eq!(nothing.code, 0);
    assert!(
        nothing.stdout.contains("nothing to end") && nothing.stdout.contains("snapshot 9"),
        "{nothing:?}"
    );
}

#[test]
fn a_site_that_is_still_down_exits_with_3() {
    let gateway = start("[[period]]\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\n");
    let ended = run(&gateway.directory, &["end", "--wait"]);
    assert_eq!(ended.code, 3, "{ended:?}");
}

#[test]
fn each_of_many_concurrent_edits_is_waited_for() {
    let gateway = start("");
    std::thread::scope(|scope| {
        for number in 0..10 {
            let directory = &gateway.directory;
            scope.spawn(move || {
                let started = run(directory, &["start", "--wait", "--name", &format!("n{number}")]);
                assert_eq!(started.code, 0, "{started:?}");
            });
        }
    });
    let text = std::fs::read_to_string(gateway.directory.join("downtime.toml")).expect("read");
    assert_eq!(text.matches("[[period]]").count(), 10);
}

#[test]
fn without_a_gateway_it_fails_in_time_and_keeps_the_edit() {
    let directory = ConfigDirectory::with(&with_management(""));
    let begun = Instant::now();
    let started = run(&directory, &["-c", "./downtime.toml", "start", "--wait"]);
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    assert_eq!(started.code, 1);
    for text in [
        "the edit stays in the file; check the log of the gateway, or run `downtime -c ./downtime.toml status`",
        "no gateway confirmed within 10s that it has applied the file: could not query the gateway at unix:./management.sock: cannot connect",
    ] {
        assert!(started.stderr.contains(text), "no {text:?}: {started:?}");
    }
    let text = std::fs::read_to_string(directory.join("downtime.toml")).expect("read");
    assert!(text.contains("[[period]]"), "{text}");
}

#[test]
fn a_gateway_of_another_file_is_named_as_the_reason() {
    let gateway = start("");
    let socket = gateway.directory.join("management.sock").display().to_string();
    let directory = ConfigDirectory::with(&with_management("").replace("management.sock", &socket));
    let started = run(&directory, &["start", "--wait"]);
    assert_eq!(started.code, 1);
    let file = gateway.directory.join("downtime.toml").display().to_string();
    let reason = format!("the gateway at unix:{socket} serves another file, {file}");
    assert!(started.stderr.contains(&reason), "{started:?}");
}

#[test]
fn an_edit_that_is_undone_before_it_is_applied_is_not_reported_as_applied() {
    let gateway = start("");
    gateway.process.signal(Signal::STOP);
    let mut command = downtime(&gateway.directory);
    command.args(["start", "--wait", "--name", "gone"]).stdout(Stdio::piped());
    let waiting = command.spawn().expect("the binary");
    let file = gateway.directory.join("downtime.toml");
    until_file(&file, |text| text.contains("gone"));
    gateway.edit(&with_management("# undone\n"));
    gateway.process.signal(Signal::CONT);
    let ended = CommandOutput::from(waiting.wait_with_output().expect("an exit status"));
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("has changed since, and no longer contains the edit"), "{ended:?}");
}

#[test]
fn others_may_edit_the_file_meanwhile() {
    let gateway = start("");
    gateway.process.signal(Signal::STOP);
    let mut command = downtime(&gateway.directory);
    command.args(["start", "--wait", "--name", "mine"]).stdout(Stdio::piped());
    let waiting = command.spawn().expect("the binary");
    let file = gateway.directory.join("downtime.toml");
    let mine = until_file(&file, |text| text.contains("mine"));
    let more = format!("# theirs\n{mine}{DOWN}");
    gateway.directory.replace("downtime.toml", &more);
    gateway.process.signal(Signal::CONT);
    let ended = CommandOutput::from(waiting.wait_with_output().expect("an exit status"));
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    assert_eq!(until_file(&file, |_| true), more);
}
