//! The memory of a process.

use std::fs;
use std::io;

/// A figure of a process's memory, in bytes: `VmRSS:` is the resident memory, `VmHWM:` its peak (`proc_pid_status(5)`).
pub fn memory(process: u32, field: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix(field)?.trim_end_matches("kB").trim().parse().ok());
    kib.map(|kib: f64| kib * 1024.0).ok_or_else(|| io::Error::other(format!("no {field}")))
}
