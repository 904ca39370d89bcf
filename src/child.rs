//! Starting other programs.

use std::io;

use rustix::process::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// Starts a program, so that its exit code will be known. Must be called within a runtime.
///
/// # Errors
/// The program cannot be started.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    // If the parent of this process ignores SIGCHLD, so does this process, and the system discards exit codes (`wait(2)`). A handler
    // ends that.
    signal(SignalKind::child()).map(drop)?;
    command.spawn()
}

/// Returns the identifier of a process in the form of rustix.
pub fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}
