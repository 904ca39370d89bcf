//! The servers to measure, each as a process of its own on a free port of the loopback interface.

pub mod bare;
pub mod config;
pub mod peer;

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::gateway::{BenchGateway, BenchProcess};
use crate::memory::memory;
use crate::request::Protocol;

/// The files of a certificate, its key, and both, in the directories of servers.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const CERTIFICATE_AND_KEY: &str = "tls.pem";
const DEADLINE: Duration = Duration::from_secs(10);
/// The unit of times in `proc_pid_stat(5)`, on every current Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server.
pub struct BenchServer {
    /// Its address without TLS.
    pub url: String,
    /// Its address for TLS, except for the bare server.
    tls_url: String,
    /// The parent of its processes.
    process: BenchProcess,
}

/// Starts the gateway with `config`, which begins with keys of `[server]`, on `core`, in a directory with a certificate.
pub fn start_gateway(directory: &Path, config: &str, core: &str) -> io::Result<BenchServer> {
    let config = format!(
        "tls = [{{ cert = \"{CERTIFICATE}\", key = \"{KEY}\" }}]\n[limits]\nidle_timeout = \"1h\"\nupstream_idle = \"1m\"\n{config}"
    );
    let listen = ["127.0.0.1:0", "https://127.0.0.1:0"];
    let BenchGateway { process, urls } = BenchGateway::start(directory, &listen, &config, core)?;
    let [url, tls_url] = urls.try_into().map_err(|_| io::Error::other("two addresses"))?;
    Ok(BenchServer { url, tls_url, process })
}

impl BenchServer {
    /// Its address for requests that are sent in this way.
    pub fn url(&self, protocol: Protocol) -> &str {
        if protocol == Protocol::Plain { &self.url } else { &self.tls_url }
    }

    /// The CPU time that its processes have used, in seconds.
    pub fn cpu_time(&self) -> io::Result<f64> {
        family(self.process.0.id()).into_iter().map(cpu_time).sum()
    }

    /// The resident memory of its processes, in bytes. Memory that they share counts for each.
    pub fn resident_memory(&self) -> io::Result<f64> {
        family(self.process.0.id()).into_iter().map(|process| memory(process, "VmRSS:")).sum()
    }
}

/// A process and its children: no server here has grandchildren.
fn family(parent: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(parent).chain(children).collect()
}

/// The CPU time that a process has used, in seconds.
fn cpu_time(process: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name before them may contain anything, even parentheses.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS_PER_SECOND)
}

/// Returns true if the program is installed.
pub fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// A directory that nginx's worker, which may run as another user, can read. It has a certificate.
pub fn readable_directory() -> io::Result<TempDir> {
    let directory = tempfile::tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let names = vec!["bench.example".to_owned()];
    let generated = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let (certificate, key) = (generated.cert.pem(), generated.signing_key.serialize_pem());
    let both = format!("{certificate}{key}");
    for (file, pem) in [(CERTIFICATE, certificate), (KEY, key), (CERTIFICATE_AND_KEY, both)] {
        fs::write(directory.path().join(file), pem)?;
    }
    Ok(directory)
}

/// A free port, for a server that does not accept port 0.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Polls until `look` returns something.
fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> io::Result<T> {
    let started_at = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if started_at.elapsed() > DEADLINE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{what} did not start")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
