//! A log that takes nothing (row A7): a reader that has stalled or left, a full disk. Requests go on, and so does SIGTERM.

use std::fs::File;
use std::io::{PipeReader, pipe};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::DOWN;
use crate::exits::exit_status;
use crate::support::http::Client;
use crate::support::log::Log;
use crate::support::process::{ConfigDirectory, downtime, downtime_by};
use crate::support::until;

/// Ports that the system chooses could only be found in the log.
const SOCKETS: &str =
    "[server]\nlisten = [\"unix:http.sock\"]\n[management]\nlisten = \"unix:management.sock\"\n";
/// As many requests with three texts of this length are logged in more bytes than the queue and the pipe take.
const REQUESTS: usize = 400;
const LENGTH: usize = 2000;

/// A gateway whose log goes somewhere else, killed when it is dropped.
struct LoggingGateway {
    child: Child,
    directory: ConfigDirectory,
}

impl LoggingGateway {
    fn start(stderr: impl Into<Stdio>) -> Self {
        let directory = ConfigDirectory::with(&format!("{SOCKETS}[log]\naccess = true\n{DOWN}"));
        let child = downtime(&directory).stderr(stderr).spawn().expect("the binary");
        Self { child, directory }
    }

    fn connect(&self, socket: &str) -> Client<UnixStream> {
        let path = self.directory.join(socket);
        until(socket, || UnixStream::connect(&path).ok().map(|_| Client::connect_unix(&path))).0
    }

    /// Sends requests until the log must have overflowed. All of them get their response.
    fn overflow(&self) {
        let mut client = self.connect("http.sock");
        let text = "x".repeat(LENGTH);
        let (path, fields) =
            (format!("/{text}"), [format!("User-Agent: {text}"), format!("Referer: {text}")]);
        for _ in 0..REQUESTS {
            assert_eq!(client.request("GET", &path, &fields.each_ref().map(String::as_str)).status, 503);
        }
    }

    fn dropped_lines(&self) -> Option<u64> {
        let response = self.connect("management.sock").request("GET", "/metrics", &["Host: localhost"]);
        let mut lines = response.text().lines();
        let count = lines.find_map(|line| line.strip_prefix("downtime_log_dropped_lines_total "));
        count.expect("a metric").parse().ok().filter(|count| *count > 0)
    }

    fn terminate(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a process");
        assert_eq!(exit_status(&mut self.child).code(), Some(0));
    }
}

impl Drop for LoggingGateway {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn with_pipe() -> (LoggingGateway, PipeReader) {
    let (reader, writer) = pipe().expect("a pipe");
    (LoggingGateway::start(writer), reader)
}

#[test]
fn a_log_that_nobody_reads_stops_neither_requests_nor_the_gateway_from_ending() {
    let (mut gateway, _reader) = with_pipe();
    gateway.overflow();
    until("dropped lines", || gateway.dropped_lines());
    gateway.terminate();
}

#[test]
fn dropped_lines_are_reported_once_the_log_is_read_again() {
    let (mut gateway, reader) = with_pipe();
    gateway.overflow();
    let (dropped, _) = until("dropped lines", || gateway.dropped_lines());
    let log = Log::new(reader);
    let line = log.wait_for(" of the log, which could not be written");
    let (_, reported) = line.split_once(" WARN dropped ").expect(&line);
    let reported: u64 = reported.split(' ').next().and_then(|count| count.parse().ok()).expect(&line);
    // The line of a request is written after its response, so the last ones may have been dropped since.
    assert!(reported >= dropped, "{line}, at first {dropped}");
    gateway.connect("http.sock").request("GET", "/read-again", &[]);
    log.wait_for("/read-again");
    gateway.terminate();
    assert!(log.wait_for_end().ends_with("stopped"));
}

#[test]
fn a_reader_that_has_left_stops_nothing() {
    let (mut gateway, reader) = with_pipe();
    gateway.connect("http.sock");
    drop(reader);
    gateway.overflow();
    until("dropped lines", || gateway.dropped_lines());
    gateway.terminate();
}

#[test]
fn a_full_disk_stops_nothing() {
    let full = File::options().write(true).open("/dev/full").expect("opened");
    let mut gateway = LoggingGateway::start(full);
    gateway.overflow();
    until("dropped lines", || gateway.dropped_lines());
    gateway.terminate();
}

#[test]
fn a_gateway_that_is_started_without_a_stderr_serves_and_stops() {
    let directory = ConfigDirectory::with(&format!("{SOCKETS}[log]\naccess = true\n{DOWN}"));
    let child = downtime_by("sh", &["-c", "exec \"$0\" 2>&-"], &directory).spawn().expect("a shell");
    let mut gateway = LoggingGateway { child, directory };
    for _ in 0..2 {
        assert_eq!(gateway.connect("http.sock").request("GET", "/", &[]).status, 503);
    }
    until("dropped lines", || gateway.dropped_lines());
    gateway.terminate();
}

#[test]
fn a_log_that_is_sent_to_the_null_device_is_not_dropped() {
    let mut gateway = LoggingGateway::start(Stdio::null());
    gateway.overflow();
    assert_eq!(gateway.dropped_lines(), None);
    gateway.terminate();
}
