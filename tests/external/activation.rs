//! Socket activation by `systemd-socket-activate`. Restarts by systemd itself are tested where a whole system boots.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libtest_mimic::{Failed, Trial};
use rustix::process::{Pid, Signal, kill_process};

use crate::debian;
use crate::reload::load::SetOnDrop;
use crate::support::process::{ConfigDirectory, Process, downtime_by};

/// Keeps the socket, as systemd does, and runs the gateway twice.
const RESTART: &str = r#"for run in 1 2; do sh -c 'echo "pid $$" >&2; LISTEN_PID=$$ exec "$0"' "$0"; done"#;

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::ignorable_test("activation::a_restart_refuses_no_connection", || {
        debian::with(&[("systemd-socket-activate", "systemd")], a_restart)
    })]
}

fn a_restart() -> Result<(), Failed> {
    // As an operator writes it, relative to the file.
    let config = "[server]\nlisten = [\"unix:site.sock\"]\n[[period]]\nstart = 2020-01-01T00:00:00Z\n";
    let directory = ConfigDirectory::with(config);
    let socket = directory.join("site.sock");
    let listen = socket.to_str().ok_or("a path")?;
    let arguments = ["--listen", listen, "sh", "-c", RESTART];
    let process = Process::spawn(downtime_by("systemd-socket-activate", &arguments, &directory));
    process.log.wait_for("Listening on");
    let is_over = AtomicBool::new(false);
    let served = thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let mut served = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert!(get(&socket)?.starts_with("HTTP/1.1 503 "), "after {served}");
                served += 1;
            }
            Ok::<_, io::Error>(served)
        });
        // Also if this thread panics.
        let end = SetOnDrop(&is_over);
        let first = running(&process);
        assert!(get(&socket)?.starts_with("HTTP/1.1 503 "));
        kill_process(first, Signal::TERM)?;
        let second = running(&process);
        assert!(get(&socket)?.starts_with("HTTP/1.1 503 "));
        drop(end);
        let served = clients.join().expect("no panic")?;
        kill_process(second, Signal::TERM)?;
        Ok::<_, io::Error>(served)
    })?;
    assert!(served > 0);
    let (code, log) = process.end();
    assert_eq!(code, Some(0), "{log}");
    Ok(())
}

/// Waits until the next gateway listens, and returns its process.
fn running(process: &Process) -> Pid {
    let line = process.log.wait_for_line("a pid", |line| line.starts_with("pid "));
    process.log.wait_for("listening on unix:");
    let pid = line.strip_prefix("pid ").and_then(|pid| pid.parse().ok());
    pid.and_then(Pid::from_raw).expect("a pid")
}

fn get(socket: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response).map(|_| response)
}
