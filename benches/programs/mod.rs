//! The programs that send requests over TLS.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use regex::Regex;

use crate::gateway::on;
use crate::load::{Load, LoadTarget};
use crate::request::Protocol;
use crate::response::ServerResponse;
use crate::servers::is_installed;

/// The program, with its package, that is missing for requests sent in this way.
pub fn missing(protocol: Protocol) -> Option<(&'static str, &'static str)> {
    let needed = match protocol {
        Protocol::Plain => &[][..],
        Protocol::Tls => &[("curl", "curl"), ("wrk", "wrk")],
        Protocol::Http2 => &[("curl", "curl"), ("h2load", "nghttp2-client")],
    };
    needed.iter().copied().find(|(program, _)| !is_installed(program))
}

/// Gets `url` with HTTP/2 or HTTP/1.1.
pub fn curl(url: &str, is_http2: bool) -> io::Result<ServerResponse> {
    let (option, start) = if is_http2 { ("--http2", "HTTP/2 ") } else { ("--http1.1", "HTTP/1.1 ") };
    let mut command = Command::new("curl");
    let output =
        command.args(["--silent", "--show-error", "--insecure", "--include", option, url]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let status = text.strip_prefix(start).and_then(|rest| rest.get(..3)?.parse().ok());
    match (status, text.find("\r\n\r\n")) {
        (Some(status), Some(end)) => ServerResponse::new(status, end + 4, output.stdout),
        _ => Err(io::Error::other(format!("{}{text:.500}", String::from_utf8_lossy(&output.stderr)))),
    }
}

/// Sends a GET on each connection, again and again.
pub fn wrk(target: &LoadTarget, duration: Duration, cores: &str) -> io::Result<Load> {
    let LoadTarget { url, request, status, .. } = *target;
    let mut arguments =
        vec!["-t1".to_owned(), format!("-c{}", request.connections), format!("-d{}s", duration.as_secs())];
    if request.closes {
        arguments.extend(["-H".to_owned(), "Connection: close".to_owned()]);
    }
    let report = run("wrk", &arguments, url, cores)?;
    let requests = number(&report, r"(\d+) requests in ");
    // It counts only the statuses that mean a failure.
    let unsuccessful = number(&report, r"Non-2xx or 3xx responses: (\d+)").unwrap_or(0.0);
    let expected = if status < 400 { Some(0.0) } else { requests };
    match (number(&report, r"Requests/sec: +([\d.]+)"), requests) {
        (Some(rate), Some(requests))
            if Some(unsuccessful) == expected && !report.contains("Socket errors") =>
        {
            Ok(Load { rate, requests })
        }
        _ => Err(io::Error::other(format!("wrk:\n{report}"))),
    }
}

/// Sends GETs over HTTP/2: 16 at a time on each of 4 connections.
pub fn h2load(target: &LoadTarget, duration: Duration, cores: &str) -> io::Result<Load> {
    let arguments = ["-t1", "-c4", "-m16", "-D"].map(str::to_owned);
    let arguments = [&arguments[..], &[duration.as_secs().to_string()]].concat();
    let report = run("h2load", &arguments, target.url, cores)?;
    let requests = number(&report, r"requests: \d+ total, \d+ started, (\d+) done");
    let count = |class: u16| number(&report, &format!(r"(\d+) {class}xx"));
    // Streams that are open at the end have a status, but are not done.
    let are_as_expected = (2..=5).all(|class| match count(class) {
        Some(count) if class == target.status / 100 => Some(count) >= requests,
        count => count == Some(0.0),
    });
    let is_broken = number(&report, r"(\d+) errored") != Some(0.0);
    match (number(&report, r"([\d.]+) req/s"), requests) {
        (Some(rate), Some(requests)) if are_as_expected && !is_broken => Ok(Load { rate, requests }),
        _ => Err(io::Error::other(format!("h2load:\n{report}"))),
    }
}

/// Returns what the program writes.
fn run(program: &str, arguments: &[String], url: &str, cores: &str) -> io::Result<String> {
    let mut command = on(cores, Path::new(program));
    let output = command.args(arguments).arg(url).stdout(Stdio::piped()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the number that the pattern captures first.
fn number(report: &str, pattern: &str) -> Option<f64> {
    Regex::new(pattern).ok()?.captures(report)?.get(1)?.as_str().parse().ok()
}
