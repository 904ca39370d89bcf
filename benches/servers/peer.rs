//! The servers that the gateway is compared with. Each is a program that anyone can install, with a configuration in
//! `benches/peers`.

use std::fs::{self, File};
use std::io;
use std::net::TcpStream;
use std::path::Path;

use super::config::{Addresses, PeerConfig, Service};
use super::{BenchServer, free_port, is_installed, wait_for};
use crate::gateway::{BenchProcess, on};

/// A program to compare with.
pub struct Peer {
    pub name: &'static str,
    program: &'static str,
    /// The command that installs it.
    installation: &'static str,
    /// The name of its configuration.
    file: &'static str,
    /// What it does, as a template.
    config: &'static str,
    /// The arguments that make it read the file and stay in the foreground.
    arguments: &'static [&'static str],
}

pub static NGINX: Peer = Peer {
    name: "nginx",
    program: "nginx",
    installation: "apt-get install nginx-light",
    file: "nginx.conf",
    config: include_str!("../peers/nginx.conf"),
    arguments: &["-p", ".", "-e", "stderr", "-c", "nginx.conf"],
};

pub static HAPROXY: Peer = Peer {
    name: "HAProxy",
    program: "haproxy",
    installation: "apt-get install haproxy",
    file: "haproxy.cfg",
    config: include_str!("../peers/haproxy.cfg"),
    arguments: &["-db", "-f", "haproxy.cfg"],
};

pub static CADDY: Peer = Peer {
    name: "Caddy",
    program: "caddy",
    installation: "apt-get install caddy",
    file: "Caddyfile",
    config: include_str!("../peers/Caddyfile"),
    arguments: &["run", "--adapter", "caddyfile", "--config", "Caddyfile"],
};

pub static STATIC_WEB_SERVER: Peer = Peer {
    name: "static-web-server",
    program: "static-web-server",
    installation: "cargo install static-web-server",
    file: "static-web-server.toml",
    config: include_str!("../peers/static-web-server.toml"),
    arguments: &["--config-file", "static-web-server.toml"],
};

impl Peer {
    /// All of them, in the order of a report.
    pub const ALL: [&'static Self; 4] = [&NGINX, &HAPROXY, &CADDY, &STATIC_WEB_SERVER];

    /// Returns true if its program is in PATH.
    pub fn is_installed(&self) -> bool {
        is_installed(self.program)
    }

    /// How to install it.
    pub fn hint(&self) -> String {
        let Self { name, program, installation, .. } = self;
        format!("{name}: skipped, {program} is not in PATH ({installation})")
    }

    /// Starts it on `core`, with its files in a directory below that of the certificate.
    pub fn start(
        &self,
        certificates: &Path,
        service: &Service,
        connections: usize,
        core: &str,
    ) -> io::Result<BenchServer> {
        let addresses = Addresses { port: free_port()?, tls_port: free_port()? };
        let directory = certificates.join(self.program);
        fs::create_dir(&directory)?;
        let config = PeerConfig::new(addresses, certificates, connections, service);
        fs::write(directory.join(self.file), config.fill(self.config)?)?;
        let mut command = on(core, Path::new(self.program));
        command.args(self.arguments).current_dir(&directory);
        // Caddy stores data in the home directory of its user.
        command.env("HOME", &directory).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        let log = directory.join("log");
        let process = BenchProcess(command.stderr(File::create(&log)?).spawn()?);
        let Addresses { port, tls_port } = addresses;
        wait_for(self.name, || TcpStream::connect(("127.0.0.1", port)).ok()).map_err(|error| {
            io::Error::other(format!("{error}:\n{}", fs::read_to_string(&log).unwrap_or_default()))
        })?;
        let (url, tls_url) = (format!("http://127.0.0.1:{port}/"), format!("https://127.0.0.1:{tls_port}/"));
        Ok(BenchServer { url, tls_url, process })
    }
}
