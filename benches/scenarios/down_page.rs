//! The down page of 2 KB.

use std::fs;
use std::io;

use super::{Contest, PAGE, SERVER_CORE, Scenario, page};
use crate::response::ServerResponse;
use crate::servers::bare::{self, Reading};
use crate::servers::config::Service;
use crate::servers::{BenchServer, readable_directory, start_gateway};

const MESSAGE: &str = "The site will be back soon.";
const PLACEHOLDER: &str = "{{ message }}";
/// Each server sets these itself.
const OWN_FIELDS: [&str; 4] = ["date", "content-length", "connection", "server"];

/// The template of the down page.
pub fn template() -> String {
    page(PLACEHOLDER, PAGE)
}

/// What a visitor gets.
pub fn body() -> String {
    template().replace(PLACEHOLDER, MESSAGE)
}

/// A config with one period, for a directory with the template in `down.html`.
pub fn config() -> String {
    format!(
        "[response]\nmessage = \"{MESSAGE}\"\ntemplate = \"down.html\"\n\
         [[period]]\nname = \"upgrade\"\nstart = 2020-01-01T00:00:00Z\n"
    )
}

/// Starts the gateway, and servers that send the same bytes except for Date and their own fields.
pub fn start(scenario: &Scenario, connections: usize) -> io::Result<Contest> {
    let directory = readable_directory()?;
    fs::write(directory.path().join("down.html"), template())?;
    let gateway = start_gateway(directory.path(), &config(), SERVER_CORE)?;
    let ServerResponse { fields, .. } = scenario.fetch(&gateway.url)?;
    let body_file = directory.path().join("body");
    fs::write(&body_file, body())?;
    let own: Vec<_> =
        fields.iter().filter(|(name, _)| !OWN_FIELDS.contains(&name.as_str())).cloned().collect();
    let service = Service::DownPage { status: 503, fields: &own, body: &body(), body_file: &body_file };
    let response = ServerResponse { status: 503, fields, body: body() };
    Contest::new(gateway, response, directory).start_peers(scenario.peers, &service, connections)
}

/// Replaces the gateway by a server that does not parse HTTP.
pub fn start_bare(scenario: &Scenario, connections: usize) -> io::Result<Contest> {
    let mut contest = start(scenario, connections)?;
    let directory = contest.directory.path();
    let bare: BenchServer = bare::start(directory, &contest.response, Reading::Anything, SERVER_CORE)?;
    contest.servers.iter_mut().for_each(|contestant| contestant.target = None);
    if let Some(gateway) = contest.servers.first_mut() {
        (gateway.name, gateway.server) = ("bare", bare);
    }
    Ok(contest)
}
