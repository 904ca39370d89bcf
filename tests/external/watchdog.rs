//! The watchdog of systemd gets nothing while a thread of the gateway that serves hangs: strace holds the thread.
//!
//! The test is ignored if the machine does not allow it; under CI it fails.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed, Trial};

use crate::support::DEADLINE;
use crate::support::http::uninterrupted;
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime};
use crate::{debian, ptrace};

/// Arguments of strace that hold a thread at its next system call.
const HOLD: [&str; 6] = ["-qq", "-o", "/dev/null", "-e", "inject=all:delay_enter=600000000", "-p"];

/// Many times the interval at which the gateway feeds the watchdog of the test.
const SILENCE: Duration = Duration::from_secs(1);

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::ignorable_test("watchdog::it_is_not_fed_while_a_thread_that_serves_hangs", || {
        match (debian::with(&[("strace", "strace")], || Ok(()))?, ptrace::refusal()) {
            (Completion::Completed, Some(reason)) => debian::ignore(reason.to_owned()),
            (Completion::Completed, None) => hang_each().map(|()| Completion::Completed),
            (missing, _) => Ok(missing),
        }
    })]
}

fn hang_each() -> Result<(), Failed> {
    let directory = ConfigDirectory::with("[management]\nlisten = \"unix:management.sock\"\n");
    let manager = UnixDatagram::bind(directory.join("notify"))?;
    manager.set_read_timeout(Some(SILENCE))?;
    let mut command = downtime(&directory);
    command.env("NOTIFY_SOCKET", directory.join("notify")).env("WATCHDOG_USEC", "100000");
    let gateway = GatewayProcess::run(directory, command);
    for thread in ["worker-0", "management"] {
        assert!(is_fed(&manager), "{thread}");
        let held = HeldThread::new(&gateway, thread)?;
        let begun = Instant::now();
        while is_fed(&manager) {
            assert!(begun.elapsed() < DEADLINE, "the watchdog is fed although {thread} hangs");
        }
        drop(held);
    }
    assert!(is_fed(&manager));
    Ok(())
}

/// Returns true if the gateway feeds the watchdog now. Other messages do not count.
fn is_fed(manager: &UnixDatagram) -> bool {
    let mut buffer = [0; 512];
    let mut are_feeds = std::iter::from_fn(|| {
        let length = uninterrupted(|| manager.recv(&mut buffer)).ok()?;
        Some(buffer[..length] == *b"WATCHDOG=1\n")
    });
    are_feeds.any(|is_feed| is_feed)
}

/// A thread that strace holds until this is dropped.
struct HeldThread(Child);

impl HeldThread {
    fn new(gateway: &GatewayProcess, name: &str) -> Result<Self, Failed> {
        let threads = format!("/proc/{}/task", gateway.process.child.id());
        let has_name = |thread: &fs::DirEntry| {
            fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
        };
        let thread = fs::read_dir(threads)?.flatten().find(has_name).ok_or("no such thread")?;
        let mut strace = Command::new("strace");
        strace.args(HOLD).arg(thread.file_name()).stdin(Stdio::null());
        Ok(Self(strace.spawn()?))
    }
}

impl Drop for HeldThread {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
