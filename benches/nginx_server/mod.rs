//! nginx with one worker, in a directory of its own.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::gateway::{BenchProcess, ServerResponse, on};

const DEADLINE: Duration = Duration::from_secs(10);

/// Makes nginx forward requests as the gateway does.
pub const FORWARDING: &str = "proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
     proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; \
     proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;";

/// A running nginx.
pub struct Nginx {
    pub url: String,
    pub worker: u32,
    pub process: BenchProcess,
}

impl Nginx {
    /// Starts nginx in `directory` on `core`. `location` handles every request; `http` is added to the `http` block.
    pub fn start(
        directory: &Path,
        core: &str,
        log: AccessLogSetting,
        http: &str,
        location: &str,
    ) -> io::Result<Self> {
        let port = free_port()?;
        fs::create_dir(directory)?;
        fs::write(directory.join("nginx.conf"), config(port, http, location, log))?;
        let mut command = on(core, Path::new("nginx"));
        command.arg("-p").arg(directory).args(["-c", "nginx.conf", "-e", "stderr"]);
        let process = BenchProcess(command.spawn()?);
        let worker = wait_for(DEADLINE, || worker_of(process.0.id()))?;
        Ok(Self { url: format!("http://127.0.0.1:{port}/"), worker, process })
    }
}

/// nginx's access log.
#[derive(Clone, Copy)]
pub enum AccessLogSetting {
    /// On, as in Debian's package.
    On,
    /// Off, as the gateway's default.
    Off,
}

fn config(port: u16, http: &str, location: &str, log: AccessLogSetting) -> String {
    let log = match log {
        AccessLogSetting::On => "access.log",
        AccessLogSetting::Off => "off",
    };
    let directories = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let directories = directories.map(|name| format!("{name}_temp_path {name};")).concat();
    format!(
        "daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n{directories} access_log {log}; keepalive_requests 1000000000; {http}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }}\n}}\n"
    )
}

/// A `location` that sends this response.
pub fn fixed_response(response: &ServerResponse) -> String {
    let mut location = String::new();
    for (name, value) in &response.fields {
        let _ = match name.as_str() {
            "date" | "content-length" | "connection" | "server" => Ok(()),
            "content-type" => write!(location, "default_type {}; ", quoted(value)),
            _ => write!(location, "add_header {name} {} always; ", quoted(value)),
        };
    }
    format!("{location}return {} {};", response.status, quoted(&response.body))
}

/// Quotes a word of the configuration. Our responses have no `$`, which nginx would read as a variable.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn worker_of(master: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// A directory that nginx's worker, which may run as another user, can read.
pub fn readable_directory() -> io::Result<TempDir> {
    let directory = tempfile::tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}

/// A free port, for a server that does not accept port 0.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Polls until `look` returns something.
fn wait_for<T>(deadline: Duration, look: impl Fn() -> Option<T>) -> io::Result<T> {
    let started_at = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if started_at.elapsed() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
