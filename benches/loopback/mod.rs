//! What the benches share: the gateway as a process, on a free port of the loopback, and figures.

#![allow(dead_code, reason = "each bench takes what it needs")]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The binary that cargo has built beside the bench, or the one that `DOWNTIME_BINARY` names: what a bench is built
/// with (features of test libraries) is not quite what a release is.
pub fn binary() -> PathBuf {
    std::env::var_os("DOWNTIME_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_downtime").into(), PathBuf::from)
}

/// Whether this is `cargo bench`, and not `cargo test --all-targets`, which only sees that it builds.
pub fn is_asked_for() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// A folder that nginx's worker, which may have no rights of ours, can read.
pub fn folder() -> io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// A port that nobody listens on, for a server that takes no 0.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The host and port of a URL that has no more than them.
pub fn authority(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

/// Looks until there is something to see.
pub fn wait_for<T>(deadline: Duration, look: impl Fn() -> Option<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        if begun.elapsed() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a server answers.
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// To a GET of `url`.
    pub fn of(url: &str) -> io::Result<Self> {
        let authority = authority(url);
        let mut stream = TcpStream::connect(authority)?;
        write!(stream, "GET / HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Self::parse(&text).ok_or_else(|| io::Error::other(format!("no answer:\n{text}")))
    }

    /// As it goes over the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let fields = self.fields.iter().flat_map(|(name, value)| [name.as_str(), ": ", value, "\r\n"]);
        let fields: String = fields.collect();
        format!("HTTP/1.1 {} Answer\r\n{fields}\r\n{}", self.status, self.body).into_bytes()
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let (first, fields) = head.split_once("\r\n")?;
        let status = first.split(' ').nth(1)?.parse().ok()?;
        let field = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        };
        Some(Self { status, fields: fields.lines().filter_map(field).collect(), body: body.to_owned() })
    }
}

/// Is told to end with the value, and has ended then: nginx killed would leave its worker behind.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// A gateway that runs.
pub struct Gateway {
    pub process: Process,
    pub url: String,
}

impl Gateway {
    /// Runs with `config`, kept in `folder`, on these cores (as `taskset -c` takes them); returns once it listens.
    pub fn start(folder: &Path, config: &str, cores: &str) -> io::Result<Self> {
        let file = folder.join("downtime.toml");
        fs::write(&file, format!("[server]\nlisten = [\"127.0.0.1:0\"]\n{config}"))?;
        let mut command = on(cores, &binary());
        command.arg("-c").arg(file).env_remove("NOTIFY_SOCKET").stderr(Stdio::piped());
        let mut process = Process(command.spawn()?);
        let url = listening(&mut process.0)?;
        Ok(Self { process, url })
    }
}

/// Reads the log up to the address that it names.
fn listening(gateway: &mut Child) -> io::Result<String> {
    let log = gateway.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut lines = BufReader::new(log).lines();
    let mut seen = String::new();
    while let Some(line) = lines.next().transpose()? {
        if let Some((_, url)) = line.split_once("listening on ") {
            let url = url.to_owned();
            // Whoever logs must not find a closed pipe, nor a full one.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(url);
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    Err(io::Error::other(format!("the gateway did not start:\n{seen}")))
}

/// A command that runs on these cores alone.
pub fn on(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// The one in the middle; of an even number the mean of the two there.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        0 => f64::midpoint(figures[middle - 1], figures[middle]),
        _ => figures[middle],
    }
}
