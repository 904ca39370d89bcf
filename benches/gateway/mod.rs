//! A gateway as a process, on a free port of the loopback interface.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// The binary to measure: the one that `DOWNTIME_BINARY` names, or the one that cargo built with the bench. Features of test
/// libraries make the latter differ a little from a release.
pub fn binary() -> PathBuf {
    std::env::var_os("DOWNTIME_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_downtime").into(), PathBuf::from)
}

/// The host and port of a URL without a path.
pub fn authority(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

/// A process that is terminated when it is dropped. A killed nginx would leave its worker behind.
pub struct BenchProcess(pub Child);

impl Drop for BenchProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// A running gateway.
pub struct BenchGateway {
    pub process: BenchProcess,
    /// Its addresses, in the order of the config.
    pub urls: Vec<String>,
}

impl BenchGateway {
    /// Starts a gateway with these addresses and the rest of its config, stored in `directory`, on these cores (see
    /// `taskset -c`). Returns when it listens.
    pub fn start(directory: &Path, listen: &[&str], config: &str, cores: &str) -> io::Result<Self> {
        let file = directory.join("downtime.toml");
        fs::write(&file, format!("[server]\nlisten = {listen:?}\n{config}"))?;
        let mut command = on(cores, &binary());
        command.arg("-c").arg(file).env_remove("NOTIFY_SOCKET").stderr(Stdio::piped());
        let mut process = BenchProcess(command.spawn()?);
        let urls = listening(&mut process.0, listen.len())?;
        Ok(Self { process, urls })
    }
}

/// Reads the log until it has named this many addresses.
fn listening(gateway: &mut Child, addresses: usize) -> io::Result<Vec<String>> {
    let log = gateway.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut lines = BufReader::new(log).lines();
    let (mut seen, mut urls) = (String::new(), Vec::new());
    while let Some(line) = lines.next().transpose()? {
        urls.extend(line.split_once("listening on ").map(|(_, url)| url.to_owned()));
        if urls.len() == addresses {
            // Keep reading: the gateway's log must not run into a closed or full pipe.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(urls);
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    Err(io::Error::other(format!("the gateway did not start:\n{seen}")))
}

/// A command that runs on these cores only.
pub fn on(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program).stdin(Stdio::null()).stdout(Stdio::null());
    command
}
