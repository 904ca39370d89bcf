//! The command that runs while the site is down.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use rustix::process::{Signal, kill_process};
use tokio::process::Command;

use super::signals::{ForwardedSignals, is_sent_to_the_whole_group};
use crate::child::{pid, spawn};
use crate::cli::print_error;

/// The result of a command.
pub(super) enum ChildExit {
    /// It could not be run; the exit code that shells use for that.
    NotRun(ExitCode),
    /// It ended.
    Exited(ExitStatus),
}

/// Runs a command until it ends, and passes signals on to it. Processes that it leaves behind are not waited for.
pub(super) async fn run_child(command: &[OsString], signals: &mut ForwardedSignals) -> ChildExit {
    let Some((program, arguments)) = command.split_first() else {
        return ChildExit::NotRun(ExitCode::FAILURE);
    };
    let mut child = match spawn(Command::new(program).args(arguments)) {
        Ok(child) => child,
        Err(error) => return ChildExit::NotRun(not_run(program, &error)),
    };
    loop {
        tokio::select! {
            status = child.wait() => return match status {
                Ok(status) => ChildExit::Exited(status),
                Err(error) => ChildExit::NotRun(not_run(program, &error)),
            },
            signal = signals.next() => pass_on(signal, child.id()),
        }
    }
}

fn not_run(program: &OsString, error: &io::Error) -> ExitCode {
    let message = format!("cannot run {}: {error}", program.display());
    print_error(&message, "check the name and the mode of the program");
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
}

/// Sends a signal to the child, unless the terminal has sent it to both already.
fn pass_on(signal: Signal, child: Option<u32>) {
    if let Some(pid) = child.and_then(pid).filter(|_| !is_sent_to_the_whole_group(signal)) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}

/// Describes how a command ended.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Returns the exit code by which shells report the end of a command.
pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
