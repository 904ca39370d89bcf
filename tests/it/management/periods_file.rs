//! `periods_file` of a running gateway: both files are watched as one set.

use std::fs;

use rustix::process::Signal;

use super::{DOWN, query, run, start, with_management};
use crate::support::awaited::until_file;
use crate::support::process::{ConfigDirectory, GatewayProcess};

const KEY: &str = "periods_file = \"periods.toml\"\n";

fn start_with(periods: Option<&str>) -> GatewayProcess {
    let directory = ConfigDirectory::with(&format!("{KEY}{}", with_management("")));
    if let Some(text) = periods {
        directory.write("periods.toml", text);
    }
    GatewayProcess::on(directory)
}

fn status(gateway: &GatewayProcess) -> u16 {
    gateway.connect().request("GET", "/", &[]).status
}

#[test]
fn a_missing_one_counts_as_empty_until_the_first_command_creates_it() {
    let gateway = start_with(None);
    assert_eq!(status(&gateway), 200);
    let started = run(&gateway.directory, &["start", "--wait"]);
    assert_eq!((started.code, started.stderr.as_str()), (0, ""), "{started:?}");
    assert_eq!(status(&gateway), 503);
    let ended = run(&gateway.directory, &["end", "--wait"]);
    assert_eq!((ended.code, status(&gateway)), (0, 200), "{ended:?}");
}

#[test]
fn the_hash_is_that_of_both_files() {
    let gateway = start_with(Some(DOWN));
    let main = fs::read(gateway.directory.join("downtime.toml")).expect("read");
    let expected = downtime::config::load::sha256(&main, Some(DOWN.as_bytes()));
    let status = query(&gateway, "/status").json();
    assert_eq!(status["sha256"].as_str(), Some(expected.as_str()));
    assert_eq!(status["periods"][0]["file"], "periods.toml");
    let shown = run(&gateway.directory, &["status"]);
    assert!(shown.stdout.ends_with("downtime.toml is applied\n"), "{shown:?}");
}

#[test]
fn one_that_is_deleted_or_broken_keeps_the_last_good_snapshot() {
    let gateway = start_with(Some(DOWN));
    fs::remove_file(gateway.directory.join("periods.toml")).expect("remove");
    gateway.log().wait_for("is not applied");
    assert_eq!(status(&gateway), 503);
    gateway.directory.replace("periods.toml", "# none\n");
    gateway.log().wait_for(" applied ");
    assert_eq!(status(&gateway), 200);
    gateway.directory.replace("periods.toml", "[[period]]\nstart = 1\n");
    gateway.log().wait_for("is not applied");
    let shown = run(&gateway.directory, &["status"]);
    assert_eq!(shown.code, 1);
    assert!(shown.stderr.contains("periods.toml:2:9"), "{shown:?}");
}

#[test]
fn edits_of_both_are_waited_for_together() {
    let gateway = start_with(Some("# none\n"));
    gateway.process.signal(Signal::STOP);
    let directory = &gateway.directory;
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| run(directory, &["start", "--wait", "--name", "mine"]));
        until_file(&directory.join("periods.toml"), |text| text.contains("mine"));
        let main = fs::read_to_string(directory.join("downtime.toml")).expect("read");
        directory.replace("downtime.toml", &format!("# theirs\n{main}"));
        gateway.process.signal(Signal::CONT);
        let started = waiting.join().expect("a result");
        assert_eq!((started.code, started.stderr.as_str()), (0, ""), "{started:?}");
    });
    assert_eq!(status(&gateway), 503);
}

#[test]
fn a_mistyped_name_in_a_running_gateway_is_not_taken_for_an_empty_file() {
    let gateway = start(DOWN);
    gateway.edit(&format!("periods_file = \"perods.toml\"\n{}", with_management("")));
    gateway.log().wait_for("is not applied");
    assert_eq!(status(&gateway), 503);
}
