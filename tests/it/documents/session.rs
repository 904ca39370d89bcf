//! Runs the commands of a document in one directory, and a gateway beside them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use super::document::root;

/// The directory that the documents show.
const SHOWN_DIRECTORY: &str = "/home/you/downtime";
/// The address that the documents show, and the one in the file of the session, for which the system chooses a port.
const SHOWN_ADDRESS: &str = "127.0.0.1:8503";
const ANY_PORT: &str = "127.0.0.1:0";
/// The same for `[management]`, whose address the commands read from the file.
const SHOWN_MANAGEMENT: &str = "127.0.0.1:9503";
const MANAGEMENT: &str = "unix:management.sock";
const DEADLINE: Duration = Duration::from_secs(20);
/// Commands that start the gateway.
const SERVE: [&str; 3] = ["cargo run --release", "downtime", "downtime serve"];

pub(crate) struct Session {
    directory: TempDir,
    gateway: Option<SessionGateway>,
}

struct SessionGateway {
    process: Child,
    log: Receiver<String>,
    /// The lines that were received and not shown yet.
    unseen: Vec<String>,
    address: String,
}

impl Session {
    /// Makes a directory whose `downtime.toml` is `tests/it/documents/NAME.toml`, or the shipped one. `{earlier}` and
    /// `{later}` in it are times around now.
    pub(crate) fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = if name == "shipped" {
            "downtime.toml".into()
        } else {
            format!("tests/it/documents/{name}.toml")
        };
        let file = fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = file.replace("{earlier}", &from_now(-1)).replace("{later}", &from_now(4));
        fs::write(directory.path().join("downtime.toml"), file).unwrap();
        fs::create_dir(directory.path().join("templates")).unwrap();
        fs::copy(root().join("templates/downtime.html"), directory.path().join("templates/downtime.html"))
            .unwrap();
        Self { directory, gateway: None }
    }

    /// Runs a command and returns the lines that it prints. If it starts a gateway, these are `count` lines of its log.
    pub(crate) fn run(&mut self, command: &str, count: usize) -> Vec<String> {
        if SERVE.contains(&command) {
            self.serve();
            return self.log(count);
        }
        let output = match command.strip_prefix("curl ") {
            Some(arguments) => self.curl(arguments),
            None => self.sh(command),
        };
        if command.starts_with("downtime start") || command.starts_with("downtime end") {
            self.wait_for_edit();
        }
        self.shown(&output)
    }

    /// Returns the next `count` lines of the gateway's log, or fewer if no more come.
    pub(crate) fn log(&mut self, count: usize) -> Vec<String> {
        let gateway = self.gateway.as_mut().expect("a gateway runs");
        while gateway.unseen.len() < count && gateway.receive() {}
        let lines: Vec<_> = gateway.unseen.drain(..count.min(gateway.unseen.len())).collect();
        self.shown(&lines.join("\n"))
    }

    /// Starts the gateway.
    pub(crate) fn serve(&mut self) {
        let path = self.directory.path().join("downtime.toml");
        let file = fs::read_to_string(&path).unwrap();
        let listen = |address: &str| format!("listen = [\"{address}\"]");
        let commented = format!("#{}", listen(SHOWN_ADDRESS));
        let file = file.replace(&commented, &listen(ANY_PORT)).replace(SHOWN_ADDRESS, ANY_PORT);
        fs::write(&path, file.replace(SHOWN_MANAGEMENT, MANAGEMENT)).unwrap();
        self.gateway = Some(SessionGateway::start(self.command(env!("CARGO_BIN_EXE_downtime"))));
    }

    fn sh(&self, command: &str) -> String {
        let binary = env!("CARGO_BIN_EXE_downtime");
        let (directory, _) = binary.rsplit_once('/').unwrap();
        let path = format!("{directory}:{}", std::env::var("PATH").unwrap());
        let mut shell = self.command("sh");
        let output =
            shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).env("PATH", path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Sends the request of `curl [-i] [-H FIELD]... URL`, and returns what `curl` would print.
    fn curl(&self, arguments: &str) -> String {
        let gateway = self.gateway.as_ref().expect("a gateway runs");
        let is_management = arguments.contains(SHOWN_MANAGEMENT);
        let host = if is_management { SHOWN_MANAGEMENT } else { SHOWN_ADDRESS };
        let quoted: Vec<_> = arguments.split('\'').collect();
        let fields: Vec<_> = quoted.iter().skip(1).step_by(2).copied().collect();
        let (_, path) = arguments.split_once(host).expect("the URL is the gateway's");
        let fields = if fields.is_empty() { "Accept: */*".into() } else { fields.join("\r\n") };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n\r\n");
        let (head, body) = if is_management {
            exchange(UnixStream::connect(self.directory.path().join("management.sock")).unwrap(), &request)
        } else {
            exchange(TcpStream::connect(&gateway.address).unwrap(), &request)
        };
        if arguments.starts_with("-i") { head + &body } else { body }
    }

    /// Waits until the gateway has logged that it applied an edit.
    fn wait_for_edit(&mut self) {
        let Some(gateway) = &mut self.gateway else { return };
        while gateway.receive() {
            if gateway.unseen.last().is_some_and(|line| line.contains(" applied ")) {
                return;
            }
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command
            .env("COLUMNS", "100")
            .env("TZ", "UTC")
            .env_remove("DOWNTIME_CONFIG")
            .env_remove("NOTIFY_SOCKET");
        command
    }

    /// Splits an output into lines, with the directory and the addresses that the documents show.
    fn shown(&self, output: &str) -> Vec<String> {
        let directory = self.directory.path().display().to_string();
        let mut output = output.replace(&directory, SHOWN_DIRECTORY).replace(ANY_PORT, SHOWN_ADDRESS);
        output = output.replace("unix:./management.sock", SHOWN_MANAGEMENT);
        if let Some(gateway) = &self.gateway {
            output = output.replace(&gateway.address, SHOWN_ADDRESS);
        }
        output.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

impl SessionGateway {
    fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let (sender, log) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut gateway = Self { process, log, unseen: Vec::new(), address: String::new() };
        while gateway.address.is_empty() {
            assert!(gateway.receive(), "the gateway does not listen: {:?}", gateway.unseen);
            let line = gateway.unseen.last().unwrap();
            gateway.address = line.split_once("http://").map_or("", |(_, address)| address).trim().to_owned();
        }
        gateway
    }

    /// Waits for a line of the log. Returns false if none comes.
    fn receive(&mut self) -> bool {
        let line = self.log.recv_timeout(DEADLINE);
        self.unseen.extend(line.as_ref().ok().cloned());
        line.is_ok()
    }
}

impl Drop for SessionGateway {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn from_now(hours: i64) -> String {
    let now = jiff::Timestamp::from_second(downtime::clock::now().as_second()).unwrap();
    (now + jiff::SignedDuration::from_hours(hours)).to_string()
}

/// Sends a request, and reads the head of the response and the body that it announces.
fn exchange(mut stream: impl Read + Write, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    (head.replace('\r', ""), String::from_utf8(body).unwrap())
}
