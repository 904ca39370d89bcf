//! What the gateway takes: time to start, also with many rules, and to apply an edit, memory when idle, with idle connections
//! and with large bodies, and disk space.
//!
//! `cargo bench --bench footprint`

#![allow(missing_docs, reason = "a program")]

mod gateway;
mod large_body;
mod measure;
mod memory;
mod response;

use std::fs;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};

use gateway::{BenchGateway, authority, binary};
use large_body::{download, upload};
use measure::{is_asked_for, median};
use memory::memory;
use response::{MeasuredHead, ServerResponse};

const STARTS: usize = 20;
const RULES: usize = 10_000;
const RULE_STARTS: usize = 5;
const EDITS: usize = 100;
/// An edit that has had no effect for this long never will.
const DEADLINE: Duration = Duration::from_secs(10);
const IDLE_CONNECTIONS: usize = 10_000;
const EVERY_CORE: &str = "0-1023";
const MB: f64 = 1e6;
const MIB: f64 = 1024.0 * 1024.0;
const LISTEN: [&str; 1] = ["127.0.0.1:0"];
const ONCE: &str = "start = 2100-01-01T00:00:00Z\nfor = \"1h\"\n";
const DAILY: &str = "cron = \"0 4 * * *\"\nfor = \"1h\"\n";
const CONFIG: &str = "[[period]]\nname = \"upgrade\"\nstart = 2020-01-01T00:00:00Z\n";

fn main() -> io::Result<()> {
    if !is_asked_for() {
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    measure_starts(directory.path())?;
    measure_starts_with_rules(directory.path())?;
    measure_edits(directory.path())?;
    measure_idle_connections(directory.path())?;
    for (what, transfer) in [("1 GiB down", download as Transfer), ("1 GiB up", upload)] {
        report(what, growth(directory.path(), transfer)? / MIB, 8.0, "MiB more than when idle, at the peak");
    }
    #[allow(clippy::cast_precision_loss, reason = "a file's size")]
    report("binary", fs::metadata(binary())?.len() as f64 / MIB, 12.0, "MiB");
    Ok(())
}

/// Starts some gateways, one after another, each with the down page.
fn measure_starts(directory: &Path) -> io::Result<()> {
    let mut milliseconds = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..STARTS {
        let started_at = Instant::now();
        let gateway = BenchGateway::start(directory, &LISTEN, CONFIG, EVERY_CORE)?;
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", authority(&gateway.urls[0]));
        let ServerResponse { status, fields, body } =
            ServerResponse::fetch(&gateway.urls[0], request.as_bytes())?;
        assert!(status == 503 && !fields.is_empty() && !body.is_empty(), "the down page");
        milliseconds.push(started_at.elapsed().as_secs_f64() * 1000.0);
        resident.push(memory(gateway.process.0.id(), "VmRSS:")? / MB);
    }
    let slowest = milliseconds.iter().copied().fold(0.0, f64::max);
    let unit = format!("ms, median of {STARTS}; slowest {slowest:.1}");
    report("start to first response", median(milliseconds), 20.0, &unit);
    report("idle resident memory", median(resident), 12.0, "MB, median");
    Ok(())
}

/// Starts some gateways with as many rules as a generated file may have, until they listen.
fn measure_starts_with_rules(directory: &Path) -> io::Result<()> {
    for (what, config) in rules() {
        let mut milliseconds = Vec::new();
        let mut resident = Vec::new();
        for _ in 0..RULE_STARTS {
            let started_at = Instant::now();
            let gateway = BenchGateway::start(directory, &LISTEN, &config, EVERY_CORE)?;
            milliseconds.push(started_at.elapsed().as_secs_f64() * 1000.0);
            resident.push(memory(gateway.process.0.id(), "VmRSS:")? / MB);
        }
        let unit = format!(
            "ms until it listens with 10,000, median of {RULE_STARTS}; {:.0} MB resident",
            median(resident)
        );
        report(what, median(milliseconds), 200.0, &unit);
    }
    Ok(())
}

/// Configs with many rules of a kind. No period is active.
fn rules() -> Vec<(&'static str, String)> {
    type Line = fn(usize) -> String;
    let lists: [(_, _, Line); 4] = [
        ("exact exemptions", "exact", |at| format!("\"/a{at}\"")),
        ("exempt subtrees", "paths", |at| format!("\"/a{at}/**\"")),
        ("exempt globs", "paths", |at| format!("\"/a{at}/*.pdf\"")),
        ("exempt networks", "networks", |at| format!("\"10.{}.{}.0/24\"", at / 256, at % 256)),
    ];
    let periods: [(_, _, Line); 5] = [
        ("periods", ONCE, |_| String::new()),
        ("periods, paths", ONCE, |at| format!("paths = [\"/a{at}/**\"]\n")),
        ("periods, globs", ONCE, |at| format!("paths = [\"/a{at}/*/edit\"]\n")),
        ("periods, hosts", ONCE, |at| format!("hosts = [\"a{at}.example\"]\n")),
        ("recurring periods", DAILY, |_| String::new()),
    ];
    let list = |(what, key, line): (_, &str, Line)| {
        (what, format!("[exempt]\n{key} = [{}]\n", (0..RULES).map(line).collect::<Vec<_>>().join(",")))
    };
    let planned = |(what, times, line): (_, &str, Line)| {
        let period = |at| format!("[[period]]\n{times}{}", line(at));
        (what, (0..RULES).map(period).collect())
    };
    lists.into_iter().map(list).chain(periods.into_iter().map(planned)).collect()
}

/// Edits the file again and again, and asks for the down page until it has the new message.
fn measure_edits(directory: &Path) -> io::Result<()> {
    let gateway = BenchGateway::start(directory, &LISTEN, CONFIG, EVERY_CORE)?;
    let authority = authority(&gateway.urls[0]);
    let request = format!("GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let file = directory.join("downtime.toml");
    let start = fs::read_to_string(&file)?;
    for (what, edit) in
        [("edit, new file", replace as Edit), ("edit, in place", |file, text| fs::write(file, text))]
    {
        let mut stream = TcpStream::connect(authority)?;
        let mut milliseconds = Vec::new();
        for number in 0..EDITS {
            let message = format!("{what} {number}");
            let text = format!("{start}message = \"{message}\"\n");
            let started_at = Instant::now();
            edit(&file, &text)?;
            while !ServerResponse::exchange(&mut stream, request.as_bytes())?.body.contains(&message) {
                assert!(started_at.elapsed() < DEADLINE, "the edit has no effect");
            }
            milliseconds.push(started_at.elapsed().as_secs_f64() * 1000.0);
        }
        milliseconds.sort_by(f64::total_cmp);
        let unit = format!("ms to effect, 99th percentile of {EDITS}; median {:.1}", milliseconds[EDITS / 2]);
        report(what, milliseconds[EDITS * 99 / 100 - 1], 150.0, &unit);
    }
    Ok(())
}

type Edit = fn(&Path, &str) -> io::Result<()>;

/// Writes a new file and renames it, as the command line and most editors do.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, file)
}

/// Opens connections that each stay open after a request.
fn measure_idle_connections(directory: &Path) -> io::Result<()> {
    // The gateway inherits the limit, and raises it itself if it may.
    let descriptors = Some(IDLE_CONNECTIONS as u64 + 1000);
    setrlimit(Resource::Nofile, Rlimit { current: descriptors, maximum: descriptors })?;
    let gateway = BenchGateway::start(directory, &LISTEN, CONFIG, EVERY_CORE)?;
    let url = &gateway.urls[0];
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", authority(url));
    let connect = |_| {
        let mut stream = TcpStream::connect(authority(url))?;
        stream.write_all(request.as_bytes())?;
        MeasuredHead::read(&mut stream, &mut Vec::new())?;
        Ok(stream)
    };
    let _open = (0..IDLE_CONNECTIONS).map(connect).collect::<io::Result<Vec<_>>>()?;
    let resident = memory(gateway.process.0.id(), "VmRSS:")? / MB;
    report("10,000 idle clients", resident, 120.0, "MB, resident");
    Ok(())
}

type Transfer = fn(&str, &TcpListener) -> io::Result<()>;

/// The growth of a gateway's resident memory, at its peak, by a transfer to or from an upstream. In bytes.
fn growth(directory: &Path, transfer: Transfer) -> io::Result<f64> {
    let upstream = TcpListener::bind("127.0.0.1:0")?;
    let config = format!("[site]\nupstream = \"http://{}\"\n", upstream.local_addr()?);
    let gateway = BenchGateway::start(directory, &LISTEN, &config, EVERY_CORE)?;
    let process = gateway.process.0.id();
    // The peak of the start does not count (proc_pid_clear_refs(5)).
    fs::write(format!("/proc/{process}/clear_refs"), "5")?;
    let before = memory(process, "VmRSS:")?;
    transfer(&gateway.urls[0], &upstream)?;
    Ok(memory(process, "VmHWM:")? - before)
}

fn report(what: &str, figure: f64, limit: f64, unit: &str) {
    let result = if figure < limit { "ok" } else { "OVER" };
    println!("{what:22} {figure:6.1}  limit {limit:4.0}  {result:4}  {unit}");
}
