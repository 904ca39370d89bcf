//! The down page of 2 KB.

use std::fs;
use std::io;

use super::rivals::Rivals;
use super::{Contest, PAGE, SERVER_CORE, Scenario, page};
use crate::response::ServerResponse;
use crate::servers::bare::{self, Reading};
use crate::servers::haproxy::HaProxyConfig;
use crate::servers::nginx::NginxConfig;
use crate::servers::{BenchServer, readable_directory, start_gateway};

const MESSAGE: &str = "The site will be back soon.";

/// Starts the gateway, and servers that send the same bytes except for Date and their own fields.
pub fn start(scenario: &Scenario, has_access_log: bool) -> io::Result<Contest> {
    let directory = readable_directory()?;
    let placeholder = "{{ message }}";
    let template = page(placeholder, PAGE);
    fs::write(directory.path().join("down.html"), &template)?;
    let config = format!(
        "[response]\nmessage = \"{MESSAGE}\"\ntemplate = \"down.html\"\n\
         [[period]]\nname = \"upgrade\"\nstart = 2020-01-01T00:00:00Z\n"
    );
    let ours: BenchServer = start_gateway(directory.path(), &config, SERVER_CORE)?;
    let ServerResponse { fields, .. } = scenario.fetch(&ours.url)?;
    let response = ServerResponse { status: 503, fields, body: template.replace(placeholder, MESSAGE) };
    let mut rivals = Rivals { directory: directory.path(), has_access_log, running: Vec::new() };
    rivals.start_nginx(NginxConfig::fixed_response(&response), scenario.nginx_target)?;
    rivals.start_haproxy(&HaProxyConfig::fixed_response(&response, directory.path())?)?;
    let rivals = rivals.running;
    Ok(Contest { name: "downtime", ours, rivals, response, _upstream: None, directory })
}

/// Replaces the gateway by a server that does not parse HTTP.
pub fn start_bare(scenario: &Scenario, has_access_log: bool) -> io::Result<Contest> {
    let mut contest = start(scenario, has_access_log)?;
    contest.name = "bare";
    contest.rivals.iter_mut().for_each(|rival| rival.target = None);
    contest.ours = bare::start(contest.directory.path(), &contest.response, Reading::Anything, SERVER_CORE)?;
    Ok(contest)
}
