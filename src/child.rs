//! Starting other programs.

use std::io;
use std::sync::OnceLock;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// The limit of open descriptors that children get, if it is not that of this process.
static DESCRIPTOR_LIMIT: OnceLock<Rlimit> = OnceLock::new();

/// Sets the limit of open descriptors that children get. Only the first call has an effect.
pub fn set_descriptor_limit(limit: Rlimit) {
    // The first limit is the one that this process was started with.
    let _ = DESCRIPTOR_LIMIT.set(limit);
}

/// Starts a program, so that its exit code will be known. Must be called within a runtime.
///
/// # Errors
/// The program cannot be started.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    // If the parent of this process ignores SIGCHLD, so does this process, and the system discards exit codes (`wait(2)`). A handler
    // ends that.
    signal(SignalKind::child()).map(drop)?;
    let child = command.spawn()?;
    if let (Some(limit), Some(pid)) = (DESCRIPTOR_LIMIT.get(), child.id().and_then(pid)) {
        // Only unsafe code could set it before the program starts. A program of another user keeps the higher limit.
        let _ = prlimit(Some(pid), Resource::Nofile, *limit);
    }
    Ok(child)
}

/// Returns the identifier of a process in the form of rustix.
pub fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}
