//! What operators ask of a gateway that runs, and what commands learn of it: the binary, its file, its two listeners.

mod listener;
mod status;
mod wait;

use std::os::unix::net::UnixStream;

use crate::folder::Run;
use crate::support::http::{Client, Response};
use crate::support::process::{Folder, Gateway, downtime};

/// Listeners that no other test has.
const MANAGEMENT: &str =
    "[server]\nlisten = [\"127.0.0.1:0\"]\n[management]\nlisten = \"unix:management.sock\"\n";
/// What operators ask by.
const LOCALHOST: &str = "Host: localhost";
/// Down since long ago, without end.
const DOWN: &str = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\n";

/// A gateway on this config, with a listener for operators.
fn start(config: &str) -> Gateway {
    Gateway::start(&with_management(config))
}

fn with_management(config: &str) -> String {
    format!("{MANAGEMENT}{config}")
}

fn operator(gateway: &Gateway) -> Client<UnixStream> {
    Client::connect_unix(&gateway.folder.join("management.sock"))
}

/// The answer to an operator.
fn ask(gateway: &Gateway, path: &str) -> Response {
    operator(gateway).request("GET", path, &[LOCALHOST])
}

/// Runs a command in a folder.
fn run(folder: &Folder, arguments: &[&str]) -> Run {
    let mut command = downtime(folder);
    command.args(arguments).stdout(std::process::Stdio::piped());
    command.output().expect("the binary").into()
}
