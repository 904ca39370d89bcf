//! Load on a server: some connections that each send one request after another, as fast as the server responds.
//!
//! A request costs less CPU time here than in the servers that are measured, so that their core is the busy one. Each
//! response must have the expected status and length; any other ends the load with an error.

mod connection;
mod traffic;

use std::io::{self, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use crate::gateway::{authority, on};
use crate::programs::{h2load, wrk};
use crate::request::{BenchRequest, Protocol};
use connection::ExpectedResponse;
use traffic::Traffic;

const LOAD: &str = "--load";

/// The result of a load.
pub struct Load {
    /// Requests per second.
    pub rate: f64,
    /// The number of requests, with those at the end that do not count for the rate.
    pub requests: f64,
}

impl Load {
    /// Runs a load on `url` for this long, in a process of its own on these cores. Each response must have this status
    /// and, without TLS, a body of this length.
    pub fn run(
        url: &str,
        request: &BenchRequest,
        (status, length): (u16, usize),
        duration: Duration,
        cores: &str,
    ) -> io::Result<Self> {
        match request.protocol {
            Protocol::Plain => Self::run_here(url, request, (status, length), duration, cores),
            Protocol::Tls => wrk(url, request, status, duration, cores),
            Protocol::Http2 => h2load(url, status, duration, cores),
        }
    }

    fn run_here(
        url: &str,
        request: &BenchRequest,
        (status, length): (u16, usize),
        duration: Duration,
        cores: &str,
    ) -> io::Result<Self> {
        let mut command = on(cores, &std::env::current_exe()?);
        command.args([LOAD, authority(url)]).args([status.to_string(), length.to_string()]);
        command.args([request.closes.to_string(), duration.as_millis().to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(&request.encode(authority(url)))?;
        drop(input);
        let output = child.wait_with_output()?;
        let report = String::from_utf8_lossy(&output.stdout);
        let mut figures = report.split_whitespace().filter_map(|figure| figure.parse::<f64>().ok());
        match (figures.next(), figures.next(), figures.next()) {
            (Some(counted), Some(seconds), Some(requests)) => Ok(Self { rate: counted / seconds, requests }),
            _ => Err(io::Error::other("the load failed")),
        }
    }
}

/// Runs the load if this process was started for that, and then returns true.
pub fn load_if_told() -> io::Result<bool> {
    let arguments: Vec<_> = std::env::args().skip_while(|argument| argument != LOAD).skip(1).collect();
    let [address, status, length, closes, duration] = arguments.as_slice() else { return Ok(false) };
    let expected = ExpectedResponse {
        status: status.parse().map_err(io::Error::other)?,
        length: length.parse().map_err(io::Error::other)?,
        closes: closes.parse().map_err(io::Error::other)?,
    };
    let duration = Duration::from_millis(duration.parse().map_err(io::Error::other)?);
    let mut request = Vec::new();
    io::stdin().read_to_end(&mut request)?;
    let mut traffic = Traffic::start(address.parse().map_err(io::Error::other)?, &request, &expected)?;
    let (responses, taken) = traffic.run(duration)?;
    println!("{responses} {} {}", taken.as_secs_f64(), responses + traffic.finish()?);
    Ok(true)
}
