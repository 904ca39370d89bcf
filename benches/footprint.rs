//! What an idle gateway takes: time to start, memory, and disk space.
//!
//! `cargo bench --bench footprint`

#![allow(missing_docs, reason = "a program")]

mod gateway;
mod measure;
mod response;

use std::fs;
use std::io;
use std::time::Instant;

use gateway::{BenchGateway, authority, binary};
use measure::{is_asked_for, median};
use response::ServerResponse;

const STARTS: usize = 20;
const EVERY_CORE: &str = "0-1023";
const MIB: f64 = 1024.0 * 1024.0;
const CONFIG: &str = "[[period]]\nname = \"upgrade\"\nstart = 2020-01-01T00:00:00Z\n";

fn main() -> io::Result<()> {
    if !is_asked_for() {
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let mut milliseconds = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..STARTS {
        let started_at = Instant::now();
        let gateway = BenchGateway::start(directory.path(), CONFIG, EVERY_CORE)?;
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", authority(&gateway.url));
        let ServerResponse { status, fields, body } =
            ServerResponse::fetch(&gateway.url, request.as_bytes())?;
        assert!(status == 503 && !fields.is_empty() && !body.is_empty(), "the down page");
        milliseconds.push(started_at.elapsed().as_secs_f64() * 1000.0);
        resident.push(resident_memory(gateway.process.0.id())? / MIB);
    }
    let slowest = milliseconds.iter().copied().fold(0.0, f64::max);
    report(
        "start to first response",
        median(milliseconds),
        50.0,
        &format!("ms, median of {STARTS}; slowest {slowest:.1}"),
    );
    report("idle resident memory", median(resident), 12.0, "MiB, median");
    #[allow(clippy::cast_precision_loss, reason = "a file's size")]
    report("binary", fs::metadata(binary())?.len() as f64 / MIB, 12.0, "MiB");
    Ok(())
}

fn report(what: &str, figure: f64, limit: f64, unit: &str) {
    let result = if figure < limit { "ok" } else { "OVER" };
    println!("{what:22} {figure:6.1}  limit {limit:4.0}  {result:4}  {unit}");
}

/// The resident memory of a process, in bytes (`proc_pid_status(5)`).
fn resident_memory(process: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim_end_matches("kB").trim().parse().ok());
    kib.map(|kib: f64| kib * 1024.0).ok_or_else(|| io::Error::other("no VmRSS"))
}
