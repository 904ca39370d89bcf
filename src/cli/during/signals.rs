//! The signals that `during` passes on to its command.

use std::fs::{self, File};
use std::future::poll_fn;
use std::io;
use std::process::ExitCode;
use std::task::Poll;

use rustix::process::{Signal, getpgrp};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

/// The signals that are passed on.
const PASSED_ON: [Signal; 6] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2];

/// The signals that the process handles.
pub(super) struct ForwardedSignals(Vec<(Signal, SignalStream)>);

impl ForwardedSignals {
    /// Installs the handlers. Signals that are ignored, as SIGHUP is under `nohup`, stay ignored, here and by the command.
    pub(super) fn new() -> io::Result<Self> {
        let ignored = ignored_signals();
        let handled = PASSED_ON.into_iter().filter(|signal| ignored >> (signal.as_raw() - 1) & 1 == 0);
        let handle = |kind: Signal| Ok((kind, signal(SignalKind::from_raw(kind.as_raw()))?));
        handled.map(handle).collect::<io::Result<_>>().map(Self)
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let arrived = self.0.iter_mut().find_map(|(kind, stream)| match stream.poll_recv(context) {
                Poll::Ready(Some(())) => Some(*kind),
                _ => None,
            });
            arrived.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Returns the signals that this process ignores, as a bit mask (`proc_pid_status(5)`).
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Returns true for a signal of the keyboard, such as Ctrl-C: the terminal sends it to the command too, and twice may mean
/// something else to it.
pub(super) fn is_sent_to_the_whole_group(signal: Signal) -> bool {
    matches!(signal, Signal::INT | Signal::QUIT)
        && File::open("/dev/tty")
            .is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}

/// Returns the exit code of a process that a signal ends.
pub(super) fn exit_code(signal: Signal) -> ExitCode {
    u8::try_from(128 + signal.as_raw()).map_or(ExitCode::FAILURE, ExitCode::from)
}
