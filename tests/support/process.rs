//! Processes of the binary, each with a file of its own.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::http::{Client, Response};
use super::log::Log;
use super::tls;

const DOWNTIME: &str = env!("CARGO_BIN_EXE_downtime");

/// A directory with a `downtime.toml`.
pub(crate) struct ConfigDirectory(TempDir);

impl ConfigDirectory {
    /// Creates a directory whose file has this text and a `listen`.
    pub(crate) fn with(config: &str) -> Self {
        let directory = Self(temporary_directory().expect("a directory"));
        if tls::is_on() {
            let (cert, key) = tls::identity(&["site.example"]);
            directory.write("cert.pem", &cert);
            directory.write("key.pem", &key);
        }
        directory.write("downtime.toml", &listening(config));
        directory
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file in place.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.join(name), text).expect("written");
    }

    /// Writes a new file and renames it into place, as editors and `downtime start` do.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        let beside = self.join(".beside");
        std::fs::write(&beside, text).expect("written");
        std::fs::rename(&beside, self.join(name)).expect("renamed");
    }
}

/// Creates a directory in memory if possible. A write in place has two steps, and a busy disk can leave the file empty
/// between them for seconds.
fn temporary_directory() -> std::io::Result<TempDir> {
    const MEMORY: &str = "/dev/shm";
    if Path::new(MEMORY).is_dir() { TempDir::new_in(MEMORY) } else { TempDir::new() }
}

/// Adds a `listen` on a port that the system chooses, unless [server] has a `listen`.
pub(crate) fn listening(config: &str) -> String {
    const SERVER: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\n";
    const TLS: &str =
        "[server]\nlisten = [\"https://127.0.0.1:0\"]\ntls = [{ cert = \"cert.pem\", key = \"key.pem\" }]\n";
    let server = if tls::is_on() { TLS } else { SERVER };
    let own = config.split_once("[server]\n").map(|(_, rest)| rest.split("\n[").next().unwrap_or_default());
    match own {
        Some(keys) if keys.contains("listen = ") => config.to_owned(),
        Some(_) => config.replace("[server]\n", server),
        None => format!("{config}\n{server}"),
    }
}

/// Prepares a command in a directory, without the environment variables that the binary reads.
pub(crate) fn downtime(directory: &ConfigDirectory) -> Command {
    prepared(Command::new(DOWNTIME), directory)
}

/// As [`downtime`], but run through another program, which gets the binary as its last argument and executes it.
pub(crate) fn downtime_by(program: &str, arguments: &[&str], directory: &ConfigDirectory) -> Command {
    let mut command = prepared(Command::new(program), directory);
    command.args(arguments).arg(DOWNTIME);
    command
}

/// A user without privileges.
pub(crate) const NOBODY: u32 = 65534;

/// As [`downtime`], but as a user without privileges, if this one is root. That user runs a copy in the directory, because only
/// root may be able to reach the binary that was built.
pub(crate) fn unprivileged_downtime(directory: &ConfigDirectory) -> Command {
    if !geteuid().is_root() {
        return downtime(directory);
    }
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("a mode");
    let copy = directory.join("downtime");
    // A copy made here would be open for writing in a process that another test starts meanwhile, and could not be run.
    let copied = Command::new("cp").arg(DOWNTIME).arg(&copy).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let mut command = prepared(Command::new(copy), directory);
    command.uid(NOBODY).gid(NOBODY);
    command
}

fn prepared(mut command: Command, directory: &ConfigDirectory) -> Command {
    command.current_dir(directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    for name in ["DOWNTIME_CONFIG", "JOURNAL_STREAM", "NOTIFY_SOCKET"] {
        command.env_remove(name);
    }
    command.env("TZ", "UTC");
    command
}

/// A process of the binary, killed when it is dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) log: Log,
}

impl Process {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary");
        let log = Log::new(child.stderr.take().expect("piped"));
        Self { child, log }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process");
    }

    /// Waits until the process has ended, and returns its exit code and output.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let output = self.log.wait_for_end();
        (self.child.wait().expect("an exit status").code(), output)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A gateway process that listens.
pub(crate) struct GatewayProcess {
    pub(crate) process: Process,
    pub(crate) directory: ConfigDirectory,
    pub(crate) address: SocketAddr,
}

impl GatewayProcess {
    /// Starts a gateway with this config.
    pub(crate) fn start(config: &str) -> Self {
        Self::on(ConfigDirectory::with(config))
    }

    /// Starts a gateway in a directory.
    pub(crate) fn on(directory: ConfigDirectory) -> Self {
        let command = downtime(&directory);
        Self::run(directory, command)
    }

    /// Starts a gateway by this command, and waits until it listens.
    pub(crate) fn run(directory: ConfigDirectory, command: Command) -> Self {
        let process = Process::spawn(command);
        let line = process.log.wait_for("listening on http");
        // In JSON, a quote follows.
        let address = line.rsplit('/').next().and_then(|rest| rest.split('"').next());
        let address = address.and_then(|address| address.parse().ok());
        process.log.wait_for("to take the site down");
        let mut address = address.expect("an address");
        if tls::is_on() && line.contains("https://") {
            address = tls::tunnel_thread(address);
        }
        Self { process, directory, address }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.process.log
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends a GET on a new connection and returns the response.
    pub(crate) fn get(&self, path: &str, fields: &[&str]) -> Response {
        self.connect().request("GET", path, fields)
    }

    /// Replaces the file, and waits until the gateway has applied it.
    pub(crate) fn apply(&self, config: &str) {
        self.directory.replace("downtime.toml", &listening(config));
        self.log().wait_for(" applied ");
    }

    /// Replaces the file, and does not wait.
    pub(crate) fn edit(&self, config: &str) {
        self.directory.replace("downtime.toml", &listening(config));
    }
}
