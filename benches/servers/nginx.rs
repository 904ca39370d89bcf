//! nginx with one worker.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::{BenchServer, CERTIFICATE, KEY, free_port, wait_for};
use crate::gateway::{BenchProcess, authority, on};
use crate::response::ServerResponse;

/// The configuration of an nginx.
pub struct NginxConfig {
    /// The value of `access_log`.
    access_log: &'static str,
    /// Directives of the `http` block.
    http: String,
    /// Directives of the `location` that handles every request.
    location: String,
}

impl NginxConfig {
    fn new(http: String, location: String) -> Self {
        Self { access_log: "off", http, location }
    }

    /// Sends the same response to each request.
    pub fn fixed_response(response: &ServerResponse) -> Self {
        let mut location = String::new();
        for (name, value) in &response.fields {
            let _ = match name.as_str() {
                "date" | "content-length" | "connection" | "server" => Ok(()),
                "content-type" => write!(location, "default_type {}; ", quoted(value)),
                _ => write!(location, "add_header {name} {} always; ", quoted(value)),
            };
        }
        let _ = write!(location, "return {} {};", response.status, quoted(&response.body));
        Self::new(String::new(), location)
    }

    /// Forwards requests as the gateway does, which also keeps at most 128 idle connections for a minute.
    pub fn forwarding(upstream: &str) -> Self {
        let upstream = authority(upstream);
        let http = format!(
            "upstream site {{ server {upstream}; keepalive 128; keepalive_timeout 60s; \
             keepalive_requests 1000000000; }}"
        );
        let location = "proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
             proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; \
             proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;";
        Self::new(http, location.to_owned())
    }

    /// Passes the bodies of requests on as they come, as the gateway does. By default, nginx takes a whole body first,
    /// and stores a large one in a file.
    pub fn without_request_buffering(mut self) -> Self {
        self.location.push_str(" proxy_request_buffering off;");
        self
    }

    /// Serves the files of a directory, which it keeps open.
    pub fn files(root: &Path) -> Self {
        let location = format!("root {}; sendfile on; open_file_cache max=100;", root.display());
        Self::new(String::new(), location)
    }

    /// Logs each request, as Debian's package does.
    pub fn with_access_log(mut self) -> Self {
        self.access_log = "access.log";
        self
    }

    /// Starts nginx in `directory`, which this creates below that of the certificate, on `core`.
    pub fn start(&self, directory: &Path, core: &str) -> io::Result<BenchServer> {
        let (port, tls_port) = (free_port()?, free_port()?);
        fs::create_dir(directory)?;
        fs::write(directory.join("nginx.conf"), self.text(port, tls_port))?;
        let mut command = on(core, Path::new("nginx"));
        command.arg("-p").arg(directory).args(["-c", "nginx.conf", "-e", "stderr"]);
        let process = BenchProcess(command.spawn()?);
        let worker = wait_for("nginx", || worker_of(process.0.id()))?;
        let (url, tls_url) = (format!("http://127.0.0.1:{port}/"), format!("https://127.0.0.1:{tls_port}/"));
        Ok(BenchServer { url, tls_url, worker, _process: process })
    }

    fn text(&self, port: u16, tls_port: u16) -> String {
        let Self { access_log, http, location } = self;
        let directories = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let directories = directories.map(|name| format!("{name}_temp_path {name};")).concat();
        format!(
            "daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\n{directories} access_log {access_log}; keepalive_requests 1000000000; {http}\n\
             ssl_certificate ../{CERTIFICATE}; ssl_certificate_key ../{KEY}; ssl_protocols TLSv1.3;\n\
             server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl http2; \
             location / {{ {location} }} }}\n}}\n"
        )
    }
}

/// Quotes a word of the configuration. Our responses have no `$`, which nginx would read as a variable.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn worker_of(master: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
