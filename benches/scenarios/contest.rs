//! The servers of a scenario, while they run.

use std::io;

use tempfile::TempDir;

use super::{LOAD_CORE, SERVER_CORE, Target};
use crate::load::open::OpenConnections;
use crate::response::ServerResponse;
use crate::servers::BenchServer;
use crate::servers::config::Service;

/// The name of the gateway in a report.
pub const GATEWAY: &str = "downtime";

/// Running servers with the same response.
pub struct Contest {
    /// The gateway or what takes its place, then those that it is compared with.
    pub servers: Vec<Contestant>,
    /// What each of them must respond.
    pub response: ServerResponse,
    open: Vec<OpenConnections>,
    _upstream: Option<BenchServer>,
    pub directory: TempDir,
}

/// A server that takes part.
pub struct Contestant {
    pub name: &'static str,
    pub server: BenchServer,
    /// The least that the first server's requests per second divided by this one's should be.
    pub target: Option<f64>,
}

impl Contest {
    /// A contest that only the gateway takes part in. The directory has its files.
    pub fn new(gateway: BenchServer, response: ServerResponse, directory: TempDir) -> Self {
        let servers = vec![Contestant { name: GATEWAY, server: gateway, target: None }];
        Self { servers, response, open: Vec::new(), _upstream: None, directory }
    }

    /// Keeps an upstream for as long as the servers run.
    pub fn with_upstream(self, upstream: BenchServer) -> Self {
        Self { _upstream: Some(upstream), ..self }
    }

    /// Starts the peers, each with room for these connections that only stay open. Skips those that are not installed.
    pub fn start_peers(
        mut self,
        peers: &[Target],
        service: &Service,
        connections: usize,
    ) -> io::Result<Self> {
        for (peer, target) in peers.iter().filter(|(peer, _)| peer.is_installed()) {
            let server = peer.start(self.directory.path(), service, connections, SERVER_CORE)?;
            self.servers.push(Contestant { name: peer.name, server, target: Some(*target) });
        }
        Ok(self)
    }

    /// Opens this many connections to each server.
    pub fn open_connections(&mut self, count: usize) -> io::Result<()> {
        if count > 0 {
            let open = |Contestant { name, server, .. }: &Contestant| {
                OpenConnections::open(&server.url, count, LOAD_CORE)
                    .map_err(|error| io::Error::other(format!("{name}: {error}")))
            };
            self.open = self.servers.iter().map(open).collect::<io::Result<_>>()?;
        }
        Ok(())
    }

    /// Ends the servers. It is an error if one has closed a connection that should have stayed open.
    pub fn end(self) -> io::Result<()> {
        self.open.into_iter().try_for_each(OpenConnections::close)
    }
}
