//! The log as journald reads it: it adds the time itself, and takes the priority of each line from its beginning.

use std::process::Child;

use jiff::Timestamp;
use rustix::fs::fstat;

use super::DOWN;
use crate::support::log::Log;
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime};

/// A gateway whose stderr is a pipe that `JOURNAL_STREAM` names. It is killed at the end.
struct JournaledGateway {
    directory: ConfigDirectory,
    child: Child,
    log: Log,
}

impl JournaledGateway {
    fn start(config: &str) -> Self {
        let directory = ConfigDirectory::with(config);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let stat = fstat(&writer).expect("known");
        let mut command = downtime(&directory);
        command.env("JOURNAL_STREAM", format!("{}:{}", stat.st_dev, stat.st_ino)).stderr(writer);
        let child = command.spawn().expect("the binary");
        drop(command);
        Self { directory, child, log: Log::new(reader) }
    }
}

impl Drop for JournaledGateway {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

#[test]
fn lines_for_journald_have_a_priority_and_no_time() {
    let JournaledGateway { directory, log, .. } =
        &JournaledGateway::start(&format!("[log]\naccess = true\n{DOWN}"));
    let line = log.wait_for("listening on http");
    assert!(line.starts_with("<6> INFO listening on http://127.0.0.1:"), "{line}");
    let address = line.rsplit('/').next().and_then(|address| address.parse().ok()).expect("an address");
    crate::support::http::Client::connect(address).request("GET", "/", &[]);
    assert!(log.wait_for("\"GET / HTTP/1.1\" 503 ").starts_with("<6>127.0.0.1 - - ["));
    directory.replace("downtime.toml", "[response]\nstatus = 200\n");
    assert!(log.wait_for("is not applied").starts_with("<3>ERROR "), "{}", log.text());
}

#[test]
fn lines_of_json_for_journald_have_a_priority_and_no_time() {
    let JournaledGateway { directory, log, .. } =
        &JournaledGateway::start("[log]\nformat = \"json\"\naccess = \"json\"\n");
    let line: serde_json::Value =
        serde_json::from_str(log.wait_for("listening on http").trim_start_matches("<6>")).expect("JSON");
    let address = line["message"].as_str().and_then(|message| message.rsplit('/').next()?.parse().ok());
    crate::support::http::Client::connect(address.expect("an address")).request("GET", "/", &[]);
    log.wait_for("downtime::access");
    directory.replace("downtime.toml", "[response]\nstatus = 200\n");
    log.wait_for("is not applied");
    for line in log.text().lines() {
        let (priority, line) = line.split_at(3);
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let level = if priority == "<3>" { "ERROR" } else { "INFO" };
        assert_eq!((&line["level"], &line["timestamp"]), (&level.into(), &serde_json::Value::Null), "{line}");
    }
}

#[test]
fn a_stream_that_is_not_that_of_journald_gets_no_priorities() {
    let directory = ConfigDirectory::with("");
    let mut command = downtime(&directory);
    command.env("JOURNAL_STREAM", "8:12345");
    let gateway = GatewayProcess::run(directory, command);
    let text = gateway.log().text();
    assert!(text.lines().all(|line| line.starts_with("20") && line.contains(" INFO ")), "{text}");
    let json = GatewayProcess::start("[log]\nformat = \"json\"\n").log().text();
    assert!(json.lines().all(|line| line.starts_with("{\"timestamp\":\"20")), "{json}");
}

#[test]
fn a_change_of_the_state_has_its_facts_in_fields() {
    let config = "[log]\nformat = \"json\"\n";
    let gateway = GatewayProcess::start(config);
    let until = "2999-01-01T00:00:00Z";
    gateway
        .edit(&format!("{config}[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\nend = {until}\n"));
    let line: serde_json::Value = serde_json::from_str(&gateway.log().wait_for("applied ")).expect("JSON");
    let fields = ["state", "until", "period"].map(|key| line[key].as_str());
    assert_eq!(fields, [Some("down"), Some(until), Some("db")], "{line}");
    assert!(line["file"].as_str().is_some_and(|file| file.ends_with("downtime.toml")), "{line}");
}

/// Starts a gateway before a period does, and returns it with the start. On a busy machine the start comes too early, and is tried
/// again with more time.
fn start_before(config: impl Fn(Timestamp) -> String) -> (GatewayProcess, Timestamp) {
    let attempts = [1, 4, 16].into_iter().map(|seconds| {
        let start = downtime::clock::now() + jiff::SignedDuration::from_secs(seconds);
        (GatewayProcess::start(&config(start)), start)
    });
    let mut attempts = attempts.filter(|(gateway, _)| !gateway.log().text().contains("state: down"));
    attempts.next().expect("a start in time")
}

#[test]
fn a_change_by_the_clock_has_its_facts_in_fields() {
    let until = "2999-01-01T00:00:00Z";
    let (gateway, start) = start_before(|start| {
        format!(
            "[log]\nformat = \"json\"\n[[period]]\nname = \"db\"\nstart = {start}\nend = {until}\n\
             [[period]]\nstart = 2020-01-01T00:00:00Z\nend = {start}\nmethods = [\"POST\"]\n"
        )
    });
    let line: serde_json::Value = serde_json::from_str(&gateway.log().wait_for("has started")).expect("JSON");
    let message = line["message"].as_str().expect("a message");
    assert!(
        message.starts_with("\"db\" has started, the period at line 7 has ended: down until 2999"),
        "{line}"
    );
    let fields = ["level", "state", "until", "period"].map(|key| line[key].as_str());
    assert_eq!(fields, [Some("INFO"), Some("down"), Some(until), Some("db")], "{line}");
    assert!(line["file"].as_str().is_some_and(|file| file.ends_with("downtime.toml")), "{line}");
    let at: Timestamp = line["timestamp"].as_str().expect("a time").parse().expect("RFC 3339");
    assert!(at >= start, "{line}");
    assert_eq!(gateway.log().count("has started"), 1, "{}", gateway.log().text());
}

#[test]
fn a_rejected_file_is_one_line_with_its_first_error_and_the_number_of_all() {
    let config = "[log]\nformat = \"json\"\n";
    let gateway = GatewayProcess::start(config);
    for (errors, rest) in [
        (
            "[response]\nstatus = 200\nretry_after = 5\nmessage = 5\n",
            "; and 2 more errors, which `downtime --check` shows",
        ),
        ("[response]\nstatus = 200\nmessage = 5\n", "; and 1 more error, which `downtime --check` shows"),
        ("[response]\nstatus = 200\n", ")"),
    ] {
        let before = gateway.log().text().lines().count();
        gateway.edit(&format!("{config}{errors}"));
        let line: serde_json::Value =
            serde_json::from_str(&gateway.log().wait_for("is not applied")).expect("JSON");
        let file = line["file"].as_str().expect("a file");
        let beginning =
            format!("{file} is not applied, and the last valid configuration stays in effect: {file}:4:10: ");
        let message = line["message"].as_str().expect("a message");
        assert!(message.starts_with(&beginning) && message.ends_with(rest), "{message}");
        assert_eq!(
            (&line["level"], &line["errors"]),
            (&"ERROR".into(), &(errors.lines().count() - 1).into())
        );
        assert_eq!(gateway.log().text().lines().count(), before + 1, "{}", gateway.log().text());
    }
}

#[test]
fn the_facts_are_not_repeated_in_lines_of_text() {
    let gateway = GatewayProcess::start("");
    gateway.apply(DOWN);
    assert!(!gateway.log().text().contains("state="), "{}", gateway.log().text());
}
