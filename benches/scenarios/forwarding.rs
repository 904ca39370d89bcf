//! Forwarding to an upstream.

use std::io;

use super::rivals::Rivals;
use super::{Contest, LOAD_CORE, SERVER_CORE, Scenario, page};
use crate::response::ServerResponse;
use crate::servers::bare::{self, Reading};
use crate::servers::haproxy::HaProxyConfig;
use crate::servers::nginx::NginxConfig;
use crate::servers::{readable_directory, start_gateway};

/// By default, nginx stores longer bodies of requests in files (`client_body_buffer_size`).
const NGINX_BUFFER: usize = 16 << 10;

/// Starts an upstream that responds with a body of this length, and proxies in front of it.
pub fn start(scenario: &Scenario, length: usize, has_access_log: bool) -> io::Result<Contest> {
    let directory = readable_directory()?;
    let body = page("The site.", length);
    let fields = [("content-type", "text/html"), ("content-length", &body.len().to_string())];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let response = ServerResponse { status: 200, fields, body };
    let reading = Reading::Requests(scenario.request.body_length);
    let upstream = bare::start(directory.path(), &response, reading, LOAD_CORE)?;
    let config = format!("[site]\nupstream = \"{}\"\n", upstream.url);
    let ours = start_gateway(directory.path(), &config, SERVER_CORE)?;
    let mut rivals = Rivals { directory: directory.path(), has_access_log, running: Vec::new() };
    let nginx = || NginxConfig::forwarding(&upstream.url);
    rivals.start_nginx(nginx(), scenario.nginx_target)?;
    if scenario.request.body_length > NGINX_BUFFER {
        let nginx = nginx().without_request_buffering();
        rivals.start_nginx_as("nginx without request buffering", &nginx, scenario.nginx_target)?;
    }
    rivals.start_haproxy(&HaProxyConfig::forwarding(&upstream.url))?;
    let rivals = rivals.running;
    Ok(Contest { name: "downtime", ours, rivals, response, _upstream: Some(upstream), directory })
}
