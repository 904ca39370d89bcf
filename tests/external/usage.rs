//! The resources that a process uses, as the system counts them (`proc(5)`).

use std::fs::{read_dir, read_to_string};
use std::path::PathBuf;
use std::time::Duration;

use crate::support::process::Process;

/// A clock tick in `/proc/PID/stat`: always 10 ms on Linux.
const TICK: Duration = Duration::from_millis(10);

impl Process {
    /// Returns the process ID.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> usize {
        let status = read_to_string(self.proc("status")).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("KiB")
    }

    /// Returns the number of open file descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        read_dir(self.proc("fd")).expect("a process").count()
    }

    /// Returns the user and system time of the threads with this name.
    pub(crate) fn cpu_time(&self, thread: &str) -> Duration {
        let stats = read_dir(self.proc("task")).expect("a process").flatten();
        // A thread may have ended in the meantime.
        let stats = stats.filter_map(|task| read_to_string(task.path().join("stat")).ok());
        stats.filter_map(|stat| thread_time(&stat, thread)).sum()
    }

    /// Returns how long the threads with this name have waited for a processor that others had.
    pub(crate) fn processor_wait(&self, thread: &str) -> Duration {
        let tasks = read_dir(self.proc("task")).expect("a process").flatten().map(|task| task.path());
        let has_name =
            |task: &PathBuf| read_to_string(task.join("comm")).is_ok_and(|name| name.trim_end() == thread);
        // A thread may have ended in the meantime.
        let waits = tasks.filter(has_name).filter_map(|task| read_to_string(task.join("schedstat")).ok());
        waits.map(|wait| scheduler_wait(&wait)).sum()
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.id())
    }
}

/// Parses the `schedstat` of a thread: the nanoseconds for which it has run, those for which it has waited, and how often.
fn scheduler_wait(schedstat: &str) -> Duration {
    let wait = schedstat.split(' ').nth(1).and_then(|wait| wait.parse().ok());
    Duration::from_nanos(wait.expect("nanoseconds"))
}

/// Parses the `stat` of a thread and returns its user and system time if it has this name.
fn thread_time(stat: &str, thread: &str) -> Option<Duration> {
    // The name can contain spaces and parentheses.
    let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    (name == thread).then(|| TICK * ticks.map(|ticks| ticks.parse::<u32>().expect("ticks")).sum())
}
