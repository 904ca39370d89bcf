//! Socket activation by `systemd-socket-activate`. Restarts by systemd itself are tested where a whole system boots.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libtest_mimic::{Failed, Trial};
use rustix::process::{Pid, Signal, kill_process};

use crate::debian;
use crate::reload::load::SetOnDrop;
use crate::support::DEADLINE;
use crate::support::closed_port::ClosedPort;
use crate::support::process::{ConfigDirectory, Process, downtime_by};

/// Keeps the socket, as systemd does, and runs the gateway twice. A line of input is awaited before the second one.
const RESTART: &str = r#"
run() { sh -c 'echo "pid $$" >&2; LISTEN_PID=$$ exec "$0"' "$1"; }
run "$0" && echo "nobody accepts" >&2 && read -r _ && run "$0"
"#;

const CLIENTS: usize = 4;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |kind: &str, test: fn() -> Result<(), Failed>| {
        let name = format!("activation::a_restart_refuses_no_connection_to_a_{kind}");
        Trial::ignorable_test(name, move || debian::with(&[("systemd-socket-activate", "systemd")], test))
    };
    vec![trial("unix_socket", a_restart_on_a_unix_socket), trial("port", a_restart_on_a_port)]
}

fn a_restart_on_a_unix_socket() -> Result<(), Failed> {
    // As an operator writes it, relative to the file.
    let directory = down_at("unix:site.sock");
    let socket = directory.join("site.sock");
    a_restart(&directory, socket.to_str().ok_or("a path")?, || {
        let stream = UnixStream::connect(&socket)?;
        stream.set_read_timeout(Some(DEADLINE)).map(|()| stream)
    })
}

fn a_restart_on_a_port() -> Result<(), Failed> {
    // The program cannot let the system choose a port. It shares this one, which nobody else gets meanwhile.
    let ClosedPort(chosen) = ClosedPort::bind();
    chosen.set_reuse_address(true)?;
    let address = chosen.local_addr()?.as_socket().ok_or("an address of IP")?;
    a_restart(&down_at(&address.to_string()), &address.to_string(), || {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE)).map(|()| stream)
    })
}

fn down_at(listen: &str) -> ConfigDirectory {
    ConfigDirectory::with(&format!(
        "[server]\nlisten = [\"{listen}\"]\n[[period]]\nstart = 2020-01-01T00:00:00Z\n"
    ))
}

fn a_restart<S: Read + Write>(
    directory: &ConfigDirectory,
    listen: &str,
    connect: impl Fn() -> io::Result<S> + Sync,
) -> Result<(), Failed> {
    let mut command =
        downtime_by("systemd-socket-activate", &["--listen", listen, "sh", "-c", RESTART], directory);
    command.stdin(Stdio::piped());
    let mut process = Process::spawn(command);
    process.log.wait_for("Listening on");
    let is_over = AtomicBool::new(false);
    let served = thread::scope(|scope| {
        let repeat = || {
            let mut served = 0;
            while !is_over.load(Ordering::Relaxed) {
                expect_page(send(connect()?)?)?;
                served += 1;
            }
            Ok::<_, io::Error>(served)
        };
        let clients = [(); CLIENTS].map(|()| scope.spawn(repeat));
        // Also if this thread panics.
        let end = SetOnDrop(&is_over);
        let first = running(&process);
        expect_page(send(connect()?)?)?;
        kill_process(first, Signal::TERM)?;
        process.log.wait_for("nobody accepts");
        let waiting = send(connect()?)?;
        process.child.stdin.take().expect("piped").write_all(b"\n")?;
        let second = running(&process);
        expect_page(waiting)?;
        expect_page(send(connect()?)?)?;
        drop(end);
        let served = clients.map(|client| client.join().expect("no panic"));
        kill_process(second, Signal::TERM)?;
        served.into_iter().collect::<io::Result<Vec<usize>>>()
    })?;
    assert!(served.iter().all(|served| *served > 0), "{served:?}");
    let (code, log) = process.end();
    assert_eq!(code, Some(0), "{log}");
    Ok(())
}

/// Waits until the next gateway listens, and returns its process.
fn running(process: &Process) -> Pid {
    let line = process.log.wait_for_line("a pid", |line| line.starts_with("pid "));
    process.log.wait_for("listening on ");
    let pid = line.strip_prefix("pid ").and_then(|pid| pid.parse().ok());
    pid.and_then(Pid::from_raw).expect("a pid")
}

fn send<S: Write>(mut stream: S) -> io::Result<S> {
    stream.write_all(REQUEST).map(|()| stream)
}

fn expect_page(mut stream: impl Read) -> io::Result<()> {
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    Ok(())
}
