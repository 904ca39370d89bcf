//! A static file. HAProxy serves no files.

use std::fs;
use std::io;
use std::time::Duration;

use super::{Contest, SERVER_CORE, Scenario, page};
use crate::response::ServerResponse;
use crate::servers::config::Service;
use crate::servers::{readable_directory, start_gateway};

/// The gateway keeps no file that has just changed.
const SETTLING_TIME: Duration = Duration::from_secs(3);

/// Starts the servers on the same directory.
pub fn start(scenario: &Scenario, length: usize, connections: usize) -> io::Result<Contest> {
    let directory = readable_directory()?;
    let root = directory.path().join("public");
    fs::create_dir(&root)?;
    let body = page("A file.", length);
    fs::write(root.join("index.html"), &body)?;
    std::thread::sleep(SETTLING_TIME);
    let gateway = start_gateway(directory.path(), "[site]\nroot = \"public\"\n", SERVER_CORE)?;
    let response = ServerResponse { status: 200, fields: Vec::new(), body };
    let service = Service::Files { root: &root };
    Contest::new(gateway, response, directory).start_peers(scenario.peers, &service, connections)
}
