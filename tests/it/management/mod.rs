//! The management listener of a running gateway, and the commands that query it.

mod await_state;
mod during;
mod listener;
mod metrics;
mod periods_file;
mod status;
mod wait;

use std::os::unix::net::UnixStream;

use crate::support::http::{Client, Response};
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime};
use crate::working_directory::CommandOutput;

/// A port that the system chooses for visitors, and a socket in the directory for operators.
const MANAGEMENT: &str =
    "[server]\nlisten = [\"127.0.0.1:0\"]\n[management]\nlisten = \"unix:management.sock\"\n";
/// The host of operators' requests.
const LOCALHOST: &str = "Host: localhost";
/// A period that began long ago and has no end.
const DOWN: &str = "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\n";

/// Starts a gateway with this config and a management listener.
fn start(config: &str) -> GatewayProcess {
    GatewayProcess::start(&with_management(config))
}

pub(crate) fn with_management(config: &str) -> String {
    format!("{MANAGEMENT}{config}")
}

pub(crate) fn operator(gateway: &GatewayProcess) -> Client<UnixStream> {
    Client::connect_unix(&gateway.directory.join("management.sock"))
}

/// Sends an operator's request and returns the response.
pub(crate) fn query(gateway: &GatewayProcess, path: &str) -> Response {
    operator(gateway).request("GET", path, &[LOCALHOST])
}

/// Runs a command in a directory.
fn run(directory: &ConfigDirectory, arguments: &[&str]) -> CommandOutput {
    let mut command = downtime(directory);
    command.args(arguments).stdout(std::process::Stdio::piped());
    command.output().expect("the binary").into()
}
