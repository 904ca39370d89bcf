//! HAProxy with one thread.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::Path;

use super::{BenchServer, CERTIFICATE_AND_KEY, free_port, wait_for};
use crate::gateway::{BenchProcess, authority, on};
use crate::response::ServerResponse;

const START: &str = "\
global
    nbthread 1
    maxconn 1024
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
";

/// The configuration of an HAProxy.
pub struct HaProxyConfig {
    /// The rest of the frontend, and a backend.
    frontend: String,
}

impl HaProxyConfig {
    /// Sends the same response to each request. It takes the body of the request first, for otherwise it would close the
    /// connection.
    pub fn fixed_response(response: &ServerResponse, directory: &Path) -> io::Result<Self> {
        let body = directory.join("haproxy.body");
        fs::write(&body, &response.body)?;
        let mut frontend = format!(
            "    http-request wait-for-body time 5s if {{ req.body_size gt 0 }}\n    \
             http-request return status {} file {}",
            response.status,
            quoted(&body.display().to_string())
        );
        for (name, value) in &response.fields {
            let _ = match name.as_str() {
                "date" => write!(frontend, " hdr date \"%[date(),http_date]\""),
                "content-length" | "connection" | "server" => Ok(()),
                "content-type" => write!(frontend, " content-type {}", quoted(value)),
                _ => write!(frontend, " hdr {name} {}", quoted(&value.replace('%', "%%"))),
            };
        }
        frontend.push('\n');
        Ok(Self { frontend })
    }

    /// Forwards requests as the gateway does, with each idle connection to the upstream free for any client.
    pub fn forwarding(upstream: &str) -> Self {
        let upstream = authority(upstream);
        let frontend = format!(
            "    http-request set-header X-Forwarded-For %[src]\n    \
             http-request set-header X-Forwarded-Host %[req.hdr(host)]\n    \
             http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]\n    \
             default_backend site\n\
             backend site\n    \
             http-reuse always\n    \
             server site {upstream} pool-purge-delay 60s\n"
        );
        Self { frontend }
    }

    /// Starts HAProxy on `core`, with its configuration in `directory`, which has the certificate.
    pub fn start(&self, directory: &Path, core: &str) -> io::Result<BenchServer> {
        let (address, tls_address) =
            (format!("127.0.0.1:{}", free_port()?), format!("127.0.0.1:{}", free_port()?));
        let file = directory.join("haproxy.cfg");
        let certificate = directory.join(CERTIFICATE_AND_KEY);
        let config = format!(
            "{START}frontend clients\n    bind {address}\n    \
             bind {tls_address} ssl crt {} alpn h2,http/1.1 ssl-min-ver TLSv1.3\n{}",
            certificate.display(),
            self.frontend
        );
        fs::write(&file, config)?;
        let mut command = on(core, Path::new("haproxy"));
        command.args(["-db", "-q", "-f"]).arg(file);
        let process = BenchProcess(command.spawn()?);
        wait_for("HAProxy", || TcpStream::connect(&address).ok())?;
        let (url, tls_url) = (format!("http://{address}/"), format!("https://{tls_address}/"));
        Ok(BenchServer { url, tls_url, worker: process.0.id(), _process: process })
    }
}

/// Quotes an argument. Our responses have no `$`, which HAProxy would read as a variable.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
