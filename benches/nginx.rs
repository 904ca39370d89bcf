//! Compares the gateway with nginx, each on one core: the down page, forwarding, and a file.
//!
//! `cargo bench --bench nginx` runs all; `… -- page` (`proxy`, `file`) runs one. It needs nginx (`apt-get install
//! nginx-light`) and two idle cores: core 0 for the servers, core 1 for the load and the upstream. nginx is measured with
//! its access log, as configured by Debian's package, and without, as the gateway's default. A bare server that sends the
//! same bytes after each read shows the upper limit for any server. Runs are paired, so that other load on the machine
//! affects both, and the median of the pairs' ratios counts. The CPU time per request, in µs, is less affected by a busy
//! machine than the requests per second.

#![allow(missing_docs, reason = "a program")]

mod bare;
mod gateway;
mod load;
mod measure;
mod nginx_server;

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use bare::Bare;
use gateway::{BenchGateway, BenchProcess, ServerResponse};
use load::{Load, load_if_told};
use measure::{is_asked_for, median};
use nginx_server::{AccessLogSetting, Nginx};
use tempfile::TempDir;

const SERVER: &str = "0";
const LOAD: &str = "1";
const PAIRS: usize = 7;
const DURATION: Duration = Duration::from_secs(3);
/// The unit of times in `proc_pid_stat(5)`, on every current Linux.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> io::Result<()> {
    bare::serve_if_told()?;
    if load_if_told()? {
        return Ok(());
    }
    if !is_asked_for() {
        return Ok(());
    }
    if !["nginx", "taskset"].into_iter().all(is_installed) {
        println!("not measured: nginx or taskset is missing (apt-get install nginx-light util-linux)");
        return Ok(());
    }
    let names: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    for (log, label) in
        [(AccessLogSetting::On, "nginx with access log"), (AccessLogSetting::Off, "nginx without access log")]
    {
        if is_wanted("page") {
            compare(&format!("down page; {label}"), Some(1.2), &down_page(log)?)?;
            compare(&format!("bare server; {label}"), None, &bare_response(log)?)?;
        }
        if is_wanted("proxy") {
            compare(&format!("forwarding; {label}"), Some(0.95), &forwarding(log)?)?;
        }
        if is_wanted("file") {
            compare(&format!("file; {label}"), None, &file(log)?)?;
        }
    }
    Ok(())
}

fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Two servers with the same response, and what must live as long as they do.
struct Pair {
    name: &'static str,
    ours: BenchServer,
    nginx: BenchServer,
    _upstream: Option<BenchServer>,
    directory: TempDir,
}

struct BenchServer {
    url: String,
    /// The process that responds.
    worker: u32,
    _process: BenchProcess,
}

impl From<BenchGateway> for BenchServer {
    fn from(gateway: BenchGateway) -> Self {
        Self { url: gateway.url, worker: gateway.process.0.id(), _process: gateway.process }
    }
}

impl From<Bare> for BenchServer {
    fn from(bare: Bare) -> Self {
        Self { url: bare.url, worker: bare.process.0.id(), _process: bare.process }
    }
}

impl From<Nginx> for BenchServer {
    fn from(nginx: Nginx) -> Self {
        Self { url: nginx.url, worker: nginx.worker, _process: nginx.process }
    }
}

fn down_page(log: AccessLogSetting) -> io::Result<Pair> {
    let directory = nginx_server::readable_directory()?;
    fs::write(directory.path().join("down.html"), page("{{ message }}"))?;
    let config = "[response]\nmessage = \"We'll be back soon.\"\ntemplate = \"down.html\"\n\
                  [[period]]\nname = \"upgrade\"\nstart = 2020-01-01T00:00:00Z\n";
    let ours = BenchGateway::start(directory.path(), config, SERVER)?;
    // nginx sends the same bytes as the gateway, except for Date and its Server field.
    let response = ServerResponse::get(&ours.url)?;
    let nginx = Nginx::start(
        &directory.path().join("down"),
        SERVER,
        log,
        "",
        &nginx_server::fixed_response(&response),
    )?;
    Ok(Pair { name: "downtime", ours: ours.into(), nginx: nginx.into(), _upstream: None, directory })
}

/// The same response, from a server that does not parse HTTP.
fn bare_response(log: AccessLogSetting) -> io::Result<Pair> {
    let Pair { ours, nginx, directory, .. } = down_page(log)?;
    let bare = Bare::start(directory.path(), &ServerResponse::get(&ours.url)?, SERVER)?;
    Ok(Pair { name: "bare", ours: bare.into(), nginx, _upstream: None, directory })
}

fn forwarding(log: AccessLogSetting) -> io::Result<Pair> {
    let directory = nginx_server::readable_directory()?;
    let fields = vec![("content-type".into(), "text/html".into())];
    let response = ServerResponse { status: 200, fields, body: page("The site.") };
    let upstream = Nginx::start(
        &directory.path().join("site"),
        LOAD,
        AccessLogSetting::Off,
        "",
        &nginx_server::fixed_response(&response),
    )?;
    let ours =
        BenchGateway::start(directory.path(), &format!("[site]\nupstream = \"{}\"\n", upstream.url), SERVER)?;
    let pool = format!(
        "upstream site {{ server {}; keepalive 64; keepalive_requests 1000000000; }}",
        gateway::authority(&upstream.url)
    );
    let nginx = Nginx::start(&directory.path().join("proxy"), SERVER, log, &pool, nginx_server::FORWARDING)?;
    Ok(Pair {
        name: "downtime",
        ours: ours.into(),
        nginx: nginx.into(),
        _upstream: Some(upstream.into()),
        directory,
    })
}

fn file(log: AccessLogSetting) -> io::Result<Pair> {
    let directory = nginx_server::readable_directory()?;
    let root = directory.path().join("public");
    fs::create_dir(&root)?;
    fs::write(root.join("index.html"), page("A file."))?;
    let ours = BenchGateway::start(directory.path(), "[site]\nroot = \"public\"\n", SERVER)?;
    let root = format!("root {}; open_file_cache max=100;", root.display());
    let nginx = Nginx::start(&directory.path().join("files"), SERVER, log, "", &root)?;
    Ok(Pair { name: "downtime", ours: ours.into(), nginx: nginx.into(), _upstream: None, directory })
}

/// HTML of 2 KB.
fn page(title: &str) -> String {
    let start = format!("<!doctype html><html lang=en><title>Site</title><h1>{title}</h1><p>");
    format!("{start:x<2048}")
}

fn compare(what: &str, target: Option<f64>, pair: &Pair) -> io::Result<()> {
    for server in [&pair.ours, &pair.nginx] {
        Load::run(&server.url, Duration::from_secs(1), LOAD)?;
    }
    println!("{what}: requests/s and CPU time per request");
    let mut ratios = Vec::new();
    let mut cheaper = Vec::new();
    for number in 1..=PAIRS {
        let (ours, nginx) = (BenchRun::new(&pair.ours)?, BenchRun::new(&pair.nginx)?);
        ratios.push(ours.rate / nginx.rate);
        cheaper.push(nginx.cost / ours.cost);
        println!("  {number}: {} {ours}   nginx {nginx}   ratio {:.3}", pair.name, ours.rate / nginx.rate);
    }
    let ratio = median(ratios);
    let result = match target {
        Some(target) if ratio >= target => format!(", target {target}: ok"),
        Some(target) => format!(", target {target}: MISSED"),
        None => String::new(),
    };
    println!("  median ratio {ratio:.3}{result}; by CPU time {:.3}\n", median(cheaper));
    Ok(())
}

/// A server's figures under load.
struct BenchRun {
    /// Requests per second.
    rate: f64,
    /// CPU time per request, in µs.
    cost: f64,
}

impl BenchRun {
    fn new(server: &BenchServer) -> io::Result<Self> {
        let before = cpu_time(server.worker)?;
        let Load { rate, requests } = Load::run(&server.url, DURATION, LOAD)?;
        Ok(Self { rate, cost: (cpu_time(server.worker)? - before) * 1e6 / requests })
    }
}

impl std::fmt::Display for BenchRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:7.0} ({:5.2} µs)", self.rate, self.cost)
    }
}

/// The CPU time of a process, in seconds.
fn cpu_time(process: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name before them may contain anything, even parentheses.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS_PER_SECOND)
}
