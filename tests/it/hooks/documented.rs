//! `docs/hooks.md` names each event, each variable of a command and each field of a message, and no other.

use std::collections::BTreeSet;
use std::fs;

use downtime::config::hooks::EventKind;

use super::{DOWN, directory, script, webhook};
use crate::receiver::Receiver;
use crate::support::process::{GatewayProcess, Process, downtime};

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hooks.md"));

/// Returns the names in the first column of a table, each without its backticks.
fn names(heading: &str) -> BTreeSet<String> {
    let (_, table) = DOCUMENT.split_once(&format!("| {heading} | ")).expect(heading);
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let names = rows.filter_map(|row| row.strip_prefix("| `")?.split_once('`'));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn a_secret_is_made_in_the_way_that_is_advised_if_there_is_none() {
    let directory = directory("");
    let path = directory.join("none.key").display().to_string();
    let webhook = format!("[[webhook]]\nurl = \"https://a.example/x\"\nsecret_file = \"{path}\"\n");
    directory.replace("downtime.toml", &webhook);
    let mut command = downtime(&directory);
    command.arg("--check");
    let output = Process::spawn(command).end().1;
    let advised = output.split('`').find(|part| part.contains("umask")).expect(&output);
    let documented = advised.replace(&path, "/etc/downtime/hook.key");
    assert!(DOCUMENT.contains(&format!("```sh\n{documented}\n```")), "{documented}");
}

#[test]
fn each_event_is_documented() {
    let events = EventKind::ALL.map(|event| event.as_str().to_owned());
    assert_eq!(names("Event"), BTreeSet::from(events));
}

#[test]
fn each_variable_and_each_field_is_documented() {
    let receiver = Receiver::start();
    let hooks = format!("[hooks]\non_down = [\"./tell\"]\n{}", webhook(&receiver, ""));
    let directory = directory(&hooks);
    script(&directory, "tell", "env >told");
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&format!("{hooks}{DOWN}"));
    gateway.log().wait_for("ran on_down of [hooks]");
    let told = fs::read_to_string(gateway.directory.join("told")).expect("read");
    let variables = told.lines().filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, _)| name.to_owned()).filter(|name| name.starts_with("DOWNTIME_"));
    assert_eq!(names("Variable"), variables.collect());
    let message = receiver.next().json();
    let fields = message.as_object().expect("a table").keys().filter(|key| *key != "data").cloned();
    let data = message["data"].as_object().expect("a table").keys().map(|key| format!("data.{key}"));
    assert_eq!(names("Field"), fields.chain(data).collect());
}
