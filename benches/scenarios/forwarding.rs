//! Forwarding to an upstream.

use std::io;

use super::{Contest, LOAD_CORE, SERVER_CORE, Scenario, page};
use crate::gateway::authority;
use crate::response::ServerResponse;
use crate::servers::bare::{self, Reading};
use crate::servers::config::Service;
use crate::servers::{readable_directory, start_gateway};

/// By default, nginx stores longer bodies of requests in files (`client_body_buffer_size`).
const NGINX_BUFFER: usize = 16 << 10;

/// Starts an upstream that responds with a body of this length, and proxies in front of it.
pub fn start(scenario: &Scenario, length: usize, connections: usize) -> io::Result<Contest> {
    let directory = readable_directory()?;
    let body = page("The site.", length);
    let fields = [("content-type", "text/html"), ("content-length", &body.len().to_string())];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let response = ServerResponse { status: 200, fields, body };
    let reading = Reading::Requests(scenario.request.body_length);
    let upstream = bare::start(directory.path(), &response, reading, LOAD_CORE)?;
    let config = format!("[site]\nupstream = \"{}\"\n", upstream.url);
    let gateway = start_gateway(directory.path(), &config, SERVER_CORE)?;
    let has_long_requests = scenario.request.body_length > NGINX_BUFFER;
    let service = Service::Forwarding { upstream: authority(&upstream.url), has_long_requests };
    let contest = Contest::new(gateway, response, directory);
    let contest = contest.start_peers(scenario.peers, &service, connections)?;
    Ok(contest.with_upstream(upstream))
}
