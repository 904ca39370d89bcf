//! What the configurations in `benches/peers` are filled with.

use std::io;
use std::path::{Path, PathBuf};

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use super::{CERTIFICATE, CERTIFICATE_AND_KEY, KEY};

/// For the connections of the load and to the upstream, besides those that only stay open.
const CONNECTIONS: usize = 1024;

/// Ports of the loopback interface.
#[derive(Clone, Copy, Serialize)]
pub struct Addresses {
    pub port: u16,
    pub tls_port: u16,
}

/// What a server does. A template asks which of them is there.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Service<'a> {
    /// Sends the same response to each request.
    DownPage {
        status: u16,
        /// Those of the gateway, except for those that each server sets itself.
        fields: &'a [(String, String)],
        body: &'a str,
        /// A file with the body.
        body_file: &'a Path,
    },
    Forwarding {
        /// The host and port.
        upstream: &'a str,
        /// True if a server that buffers requests would store them in files.
        has_long_requests: bool,
    },
    Files {
        root: &'a Path,
    },
}

/// The variables of a template.
#[derive(Serialize)]
pub struct PeerConfig<'a> {
    #[serde(flatten)]
    addresses: Addresses,
    certificate: PathBuf,
    key: PathBuf,
    certificate_and_key: PathBuf,
    max_connections: usize,
    #[serde(flatten)]
    service: &'a Service<'a>,
}

impl<'a> PeerConfig<'a> {
    /// Of a server with the certificate in a directory, and with room for some connections that stay open.
    pub fn new(
        addresses: Addresses,
        certificates: &Path,
        connections: usize,
        service: &'a Service<'a>,
    ) -> Self {
        let [certificate, key, certificate_and_key] =
            [CERTIFICATE, KEY, CERTIFICATE_AND_KEY].map(|file| certificates.join(file));
        let max_connections = CONNECTIONS + connections;
        Self { addresses, certificate, key, certificate_and_key, max_connections, service }
    }

    /// Fills in a template.
    pub fn fill(&self, template: &str) -> io::Result<String> {
        let mut environment = Environment::new();
        // A line with a block only leaves nothing behind.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(io::Error::other)?);
        environment.add_filter("quoted", quoted);
        environment.render_str(template, Serde(self)).map_err(io::Error::other)
    }
}

/// Quotes a word, as all of the servers read it. Our responses have no `$` and no `{`, which some would read as variables.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
