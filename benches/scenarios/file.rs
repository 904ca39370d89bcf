//! A static file. HAProxy serves no files.

use std::fs;
use std::io;
use std::time::Duration;

use super::rivals::Rivals;
use super::{Contest, SERVER_CORE, Scenario, page};
use crate::response::ServerResponse;
use crate::servers::nginx::NginxConfig;
use crate::servers::{readable_directory, start_gateway};

/// The gateway keeps no file that has just changed.
const SETTLING_TIME: Duration = Duration::from_secs(3);

/// Starts the gateway and nginx on the same directory.
pub fn start(scenario: &Scenario, length: usize, has_access_log: bool) -> io::Result<Contest> {
    let directory = readable_directory()?;
    let root = directory.path().join("public");
    fs::create_dir(&root)?;
    let body = page("A file.", length);
    fs::write(root.join("index.html"), &body)?;
    std::thread::sleep(SETTLING_TIME);
    let ours = start_gateway(directory.path(), "[site]\nroot = \"public\"\n", SERVER_CORE)?;
    let mut rivals = Rivals { directory: directory.path(), has_access_log, running: Vec::new() };
    rivals.start_nginx(NginxConfig::files(&root), scenario.nginx_target)?;
    let rivals = rivals.running;
    let response = ServerResponse { status: 200, fields: Vec::new(), body };
    Ok(Contest { name: "downtime", ours, rivals, response, _upstream: None, directory })
}
