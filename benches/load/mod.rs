//! Load on a server: some connections that each send one request after another, as fast as the server responds or at a
//! fixed rate.
//!
//! A request costs less CPU time here than in the servers that are measured, so that their core is the busy one. Each
//! response must have the expected status and length; any other ends the load with an error.

mod connection;
pub mod latency;
pub mod open;
mod traffic;

use std::io::{self, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use crate::gateway::{authority, on};
use crate::programs::{h2load, wrk};
use crate::request::{BenchRequest, Protocol};
use connection::ExpectedResponse;
use latency::Latency;
use traffic::Traffic;

const LOAD: &str = "--load";

/// Where a load goes, and what must come back.
#[derive(Clone, Copy)]
pub struct LoadTarget<'a> {
    pub url: &'a str,
    pub request: &'a BenchRequest,
    pub status: u16,
    /// The length of the body, in bytes. It is not checked over TLS.
    pub length: usize,
}

/// The result of a load.
pub struct Load {
    /// Requests per second.
    pub rate: f64,
    /// The number of requests.
    pub requests: f64,
}

impl Load {
    /// Sends requests for this long, as fast as the server responds, from a process of its own on these cores.
    pub fn run(target: LoadTarget, duration: Duration, cores: &str) -> io::Result<Self> {
        match target.request.protocol {
            Protocol::Plain => {
                let [requests, seconds] = run_here(target, duration, None, cores)?;
                Ok(Self { rate: requests / seconds, requests })
            }
            Protocol::Tls => wrk(&target, duration, cores),
            Protocol::Http2 => h2load(&target, duration, cores),
        }
    }
}

impl Latency {
    /// Sends requests without TLS for this long, at this rate per second, from a process of its own on these cores.
    pub fn run(target: LoadTarget, duration: Duration, rate: f64, cores: &str) -> io::Result<Self> {
        let [p50, p99, p999] = run_here(target, duration, Some(rate), cores)?;
        Ok(Self { p50, p99, p999 })
    }
}

/// Returns the figures that a load prints.
fn run_here<const COUNT: usize>(
    target: LoadTarget,
    duration: Duration,
    rate: Option<f64>,
    cores: &str,
) -> io::Result<[f64; COUNT]> {
    let LoadTarget { url, request, status, length } = target;
    let mut command = on(cores, &std::env::current_exe()?);
    command.args([LOAD, authority(url)]).args([status.to_string(), length.to_string()]);
    command.args([request.closes.to_string(), request.connections.to_string()]);
    command.arg(duration.as_millis().to_string()).args(rate.map(|rate| rate.to_string()));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    input.write_all(&request.encode(authority(url)))?;
    drop(input);
    let output = child.wait_with_output()?;
    let report = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<_> = report.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    figures.try_into().map_err(|_| io::Error::other("the load failed"))
}

/// Runs the load if this process was started for that, and then returns true.
pub fn load_if_told() -> io::Result<bool> {
    let arguments: Vec<_> = std::env::args().skip_while(|argument| argument != LOAD).skip(1).collect();
    let [address, status, length, closes, connections, duration, rate @ ..] = arguments.as_slice() else {
        return Ok(false);
    };
    let expected =
        ExpectedResponse { status: parse(status)?, length: parse(length)?, closes: parse(closes)? };
    let duration = Duration::from_millis(parse(duration)?);
    let mut request = Vec::new();
    io::stdin().read_to_end(&mut request)?;
    let mut traffic = Traffic::open(parse(address)?, &request, &expected, parse(connections)?)?;
    if let Some(rate) = rate.first() {
        let Latency { p50, p99, p999 } = latency::measure(&mut traffic, duration, parse(rate)?)?;
        println!("{p50} {p99} {p999}");
    } else {
        let (responses, taken) = traffic.run(duration)?;
        println!("{responses} {}", taken.as_secs_f64());
    }
    Ok(true)
}

fn parse<T: std::str::FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>>(
    argument: &str,
) -> io::Result<T> {
    argument.parse().map_err(io::Error::other)
}
