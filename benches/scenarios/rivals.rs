//! The servers that the gateway is compared with.

use std::io;
use std::path::Path;

use super::SERVER_CORE;
use crate::servers::haproxy::HaProxyConfig;
use crate::servers::nginx::NginxConfig;
use crate::servers::{BenchServer, is_installed};

/// HAProxy should never be faster than the gateway.
const HAPROXY_TARGET: f64 = 1.0;

/// A server to compare with.
pub struct Rival {
    pub name: &'static str,
    pub server: BenchServer,
    /// The least that the gateway's requests per second divided by this server's should be.
    pub target: Option<f64>,
}

/// Starts rivals with their data in a directory. A rival that is not in PATH is skipped.
pub struct Rivals<'a> {
    pub directory: &'a Path,
    pub has_access_log: bool,
    pub running: Vec<Rival>,
}

impl Rivals<'_> {
    /// Starts nginx, and if asked for, a second one that logs each request.
    pub fn start_nginx(&mut self, config: NginxConfig, target: Option<f64>) -> io::Result<()> {
        self.start_nginx_as("nginx", &config, target)?;
        if self.has_access_log {
            self.start_nginx_as("nginx with access log", &config.with_access_log(), None)?;
        }
        Ok(())
    }

    /// Starts an nginx with another name.
    pub fn start_nginx_as(
        &mut self,
        name: &'static str,
        config: &NginxConfig,
        target: Option<f64>,
    ) -> io::Result<()> {
        if is_installed("nginx") {
            let directory = self.directory.join(format!("nginx{}", self.running.len()));
            let server = config.start(&directory, SERVER_CORE)?;
            self.running.push(Rival { name, server, target });
        } else {
            println!("{name}: skipped, nginx is not in PATH (apt-get install nginx-light)");
        }
        Ok(())
    }

    pub fn start_haproxy(&mut self, config: &HaProxyConfig) -> io::Result<()> {
        if is_installed("haproxy") {
            let server = config.start(self.directory, SERVER_CORE)?;
            self.running.push(Rival { name: "HAProxy", server, target: Some(HAPROXY_TARGET) });
        } else {
            println!("HAProxy: skipped, haproxy is not in PATH (apt-get install haproxy)");
        }
        Ok(())
    }
}
