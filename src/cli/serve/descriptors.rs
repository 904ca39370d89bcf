//! The limit of open descriptors.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};
use tracing::info;

use crate::child;
use crate::descriptors::descriptor_limit;

/// The descriptors that are needed before the threads start.
const NEEDED: usize = 16;

/// Raises the limit to the hard limit: the usual soft limit of 1,024 is for programs that use `select(2)`. If that is refused,
/// for example by a sandbox, the gateway works with what it has. The programs that it starts keep the old limit.
pub(super) fn raise_limit() {
    let Some(limit) = descriptor_limit().filter(|limit| limit.current != limit.maximum) else { return };
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        Ok(()) => child::set_descriptor_limit(limit),
        Err(error) => {
            let current = limit.current.unwrap_or(u64::MAX);
            info!(
                "cannot raise the limit of {current} open files: {error}; set `LimitNOFILE=` in the unit instead"
            );
        }
    }
}

/// Fails if the gateway lacks the descriptors that it needs before its threads start. Without them, tokio would panic.
pub(super) fn check() -> io::Result<()> {
    let taken: io::Result<Vec<OwnedFd>> =
        (0..NEEDED).map(|_| io::stderr().as_fd().try_clone_to_owned()).collect();
    taken.map(drop)
}

/// Returns the help for an error that ends the gateway.
pub(super) fn help(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => "allow more open files with `LimitNOFILE=` in the unit, or `ulimit -n`",
        _ => "see the log above",
    }
}
