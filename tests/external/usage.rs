//! What a process uses, as the system counts it (`proc(5)`).

use std::fs::{read_dir, read_to_string};
use std::time::Duration;

use crate::support::process::Process;

/// A clock tick in `/proc/PID/stat`: on Linux 10 ms, whatever the kernel's own.
const TICK: Duration = Duration::from_millis(10);

impl Process {
    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The memory that is resident, in KiB.
    pub(crate) fn resident(&self) -> usize {
        let status = read_to_string(self.proc("status")).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("KiB")
    }

    /// How many files, sockets and the like are open.
    pub(crate) fn descriptors(&self) -> usize {
        read_dir(self.proc("fd")).expect("a process").count()
    }

    /// The time that its threads of this name have run, in the system too.
    pub(crate) fn time_of(&self, thread: &str) -> Duration {
        let stats = read_dir(self.proc("task")).expect("a process").flatten();
        // A thread may have ended since.
        let stats = stats.filter_map(|task| read_to_string(task.path().join("stat")).ok());
        stats.filter_map(|stat| time_in(&stat, thread)).sum()
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.id())
    }
}

/// The user and the system time of a thread of this name, as its `stat` gives them.
fn time_in(stat: &str, thread: &str) -> Option<Duration> {
    // The name may hold spaces and parentheses.
    let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    (name == thread).then(|| TICK * ticks.map(|ticks| ticks.parse::<u32>().expect("ticks")).sum())
}
