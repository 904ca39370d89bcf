//! Waits for the ends of processes.

use std::process::{Child, ExitStatus};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::support::DEADLINE;

/// Waits until a child has ended.
pub(crate) fn exit_status(child: &mut Child) -> ExitStatus {
    until_ended(Pid::from_child(child));
    child.wait().expect("a status")
}

/// Waits until a process has ended, be it a child or not.
pub(crate) fn until_ended(pid: Pid) {
    let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return,
        opened => opened.expect("a descriptor of the process"),
    };
    let limit = Timespec::try_from(DEADLINE).expect("a short time");
    let ended = poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&limit));
    assert_eq!(ended, Ok(1), "the process {pid:?} is still running");
}
