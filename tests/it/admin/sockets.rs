//! The start: sockets that systemd passes, and files that cannot be written.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use super::{AdminProcess, HOST};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, Process, downtime, downtime_by};

/// Passes what the standard input is as the first socket, as systemd does.
const PASS: &str = "exec 3<&0; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" admin";

fn start(directory: &ConfigDirectory, socket: impl Into<OwnedFd>) -> Process {
    let mut command = downtime_by("sh", &["-c", PASS], directory);
    command.stdin(Stdio::from(socket.into()));
    Process::spawn(command)
}

#[test]
fn a_socket_of_systemd_is_used_and_left_in_its_place() {
    let directory = AdminProcess::directory("", &[]);
    let path = directory.join("passed.sock");
    let text = format!("[admin]\nlisten = \"unix:{}\"\n", path.display());
    directory.write("downtime.toml", &text);
    let process = start(&directory, UnixListener::bind(&path).unwrap());
    process.log.wait_for("downtime admin link");
    assert_eq!(Client::connect_unix(&path).request("GET", "/", &[HOST]).status, 401);
    process.signal(rustix::process::Signal::TERM);
    assert_eq!(process.end().0, Some(0));
    assert!(path.exists(), "systemd removes it");
    assert!(!directory.join("link.sock").exists());
}

#[test]
fn a_socket_that_the_file_does_not_name_is_an_error() {
    let directory = AdminProcess::directory("", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (code, output) = start(&directory, listener).end();
    assert_eq!(code, Some(1));
    assert!(output.contains(&format!("http://{address}, which [admin] does not name")), "{output}");
    assert!(output.contains("write `ListenStream=127.0.0.1:0` and `ListenStream=/"), "{output}");
}

#[test]
fn without_the_section_it_does_not_start() {
    let directory = ConfigDirectory::with("");
    let mut command = downtime(&directory);
    command.arg("admin");
    let (code, output) = Process::spawn(command).end();
    assert_eq!(code, Some(1));
    assert!(output.contains("has no [admin]"), "{output}");
}

#[test]
fn a_directory_that_it_cannot_write_to_is_an_error_that_says_what_to_do() {
    // Root may write everywhere but in /proc.
    let directory = AdminProcess::directory("", &[]);
    let admin = |text: &str| {
        directory.write("downtime.toml", text);
        let mut command: Command = downtime(&directory);
        command.arg("admin");
        Process::spawn(command).end()
    };
    let (code, output) = admin(&format!("periods_file = \"/proc/1/periods.toml\"\n{}", super::ADMIN));
    assert_eq!(code, Some(1));
    assert!(output.contains("changes would go to /proc/1/periods.toml"), "{output}");
    assert!(output.contains("give its directory to the user"), "{output}");
}
