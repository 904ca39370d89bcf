//! nginx with one worker, in a folder of its own.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::loopback::{Answer, Process, free_port, on, wait_for};

const DEADLINE: Duration = Duration::from_secs(10);

/// As the gateway passes requests on.
pub const PASSING_ON: &str = "proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
     proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; \
     proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;";

/// An nginx that runs.
pub struct Nginx {
    pub url: String,
    pub worker: u32,
    pub process: Process,
}

impl Nginx {
    /// Runs in `folder` on `core`: `location` says what every request gets, `http` stands beside the server.
    pub fn start(folder: &Path, core: &str, log: Log, http: &str, location: &str) -> io::Result<Self> {
        let port = free_port()?;
        fs::create_dir(folder)?;
        fs::write(folder.join("nginx.conf"), config(port, http, location, log))?;
        let mut command = on(core, Path::new("nginx"));
        command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let process = Process(command.spawn()?);
        let worker = wait_for(DEADLINE, || worker_of(process.0.id()))?;
        Ok(Self { url: format!("http://127.0.0.1:{port}/"), worker, process })
    }
}

/// Whether nginx writes a line for each request.
#[derive(Clone, Copy)]
pub enum Log {
    /// As the configuration in Debian's package has it.
    On,
    /// As the gateway has it unless told.
    Off,
}

fn config(port: u16, http: &str, location: &str, log: Log) -> String {
    let log = match log {
        Log::On => "access.log",
        Log::Off => "off",
    };
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = folders.map(|name| format!("{name}_temp_path {name};")).concat();
    format!(
        "daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n{folders} access_log {log}; keepalive_requests 1000000000; {http}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }}\n}}\n"
    )
}

/// A `location` that gives this answer.
pub fn giving(answer: &Answer) -> String {
    let mut location = String::new();
    for (name, value) in &answer.fields {
        let _ = match name.as_str() {
            "date" | "content-length" | "connection" | "server" => Ok(()),
            "content-type" => write!(location, "default_type {}; ", quoted(value)),
            _ => write!(location, "add_header {name} {} always; ", quoted(value)),
        };
    }
    format!("{location}return {} {};", answer.status, quoted(&answer.body))
}

/// As one word of the configuration. A `$`, which nginx would take for a variable's, is in none of our answers.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn worker_of(master: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
