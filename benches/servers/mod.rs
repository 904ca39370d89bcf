//! The servers to measure, each as a process of its own on a free port of the loopback interface.

pub mod bare;
pub mod haproxy;
pub mod nginx;

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::gateway::{BenchGateway, BenchProcess};

const DEADLINE: Duration = Duration::from_secs(10);
/// The unit of times in `proc_pid_stat(5)`, on every current Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server.
pub struct BenchServer {
    pub url: String,
    /// The process that responds.
    worker: u32,
    _process: BenchProcess,
}

impl From<BenchGateway> for BenchServer {
    fn from(gateway: BenchGateway) -> Self {
        Self { url: gateway.url, worker: gateway.process.0.id(), _process: gateway.process }
    }
}

impl BenchServer {
    /// The CPU time that it has used, in seconds.
    pub fn cpu_time(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.worker))?;
        // The name before them may contain anything, even parentheses.
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() / TICKS_PER_SECOND)
    }
}

/// Returns true if the program is installed.
pub fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
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
