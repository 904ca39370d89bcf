//! The gateway beside nginx, each on one core: the down page, passing on, and a file.
//!
//! `cargo bench --bench nginx`, or `… -- page` (`proxy`, `file`) for one of them, wants nginx
//! (`apt-get install nginx-light`) and two cores that are idle: the servers have core 0, the load and the upstream
//! core 1. nginx is measured twice: writing its access log, as the configuration in Debian's package has it, and not, as
//! the gateway unless told. How far any server could get in the gateway's place shows one that answers the same bytes to
//! whatever it reads. Runs are paired, so that what else the machine does falls on both alike, and the median of the pairs'
//! ratios is what counts. Beside the requests per second stands the core's time for each, in µs: a machine that is
//! busy disturbs it less.

#![allow(missing_docs, reason = "a program")]

mod bare;
mod load;
mod loopback;
mod nginx_server;

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use bare::Bare;
use load::{Load, load_if_told};
use loopback::{Answer, Gateway, Process, is_asked_for, median};
use nginx_server::{Log, Nginx};
use tempfile::TempDir;

const SERVER: &str = "0";
const LOAD: &str = "1";
const PAIRS: usize = 7;
const DURATION: Duration = Duration::from_secs(3);
/// What `times` in `proc_pid_stat(5)` are in, on every Linux that is about.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> io::Result<()> {
    bare::serve_if_told()?;
    if load_if_told()? {
        return Ok(());
    }
    if !is_asked_for() {
        return Ok(());
    }
    if !["nginx", "taskset"].into_iter().all(is_there) {
        println!("not measured: it takes nginx and taskset (apt-get install nginx-light util-linux)");
        return Ok(());
    }
    let names: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    for (log, of) in [(Log::On, "nginx logs, as Debian's does"), (Log::Off, "nginx does not log")] {
        if is_wanted("page") {
            compare(&format!("down page; {of}"), Some(1.2), &down_page(log)?)?;
            compare(&format!("a server that does nothing but answer; {of}"), None, &bare_answer(log)?)?;
        }
        if is_wanted("proxy") {
            compare(&format!("passing on; {of}"), Some(0.95), &passing_on(log)?)?;
        }
        if is_wanted("file") {
            compare(&format!("file; {of}"), None, &file(log)?)?;
        }
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Two servers that answer alike, and what has to live as long as they do.
struct Pair {
    name: &'static str,
    ours: Server,
    nginx: Server,
    _upstream: Option<Server>,
    #[allow(dead_code, reason = "kept for as long as the servers are")]
    folder: TempDir,
}

struct Server {
    url: String,
    /// The process that answers.
    worker: u32,
    _process: Process,
}

impl From<Gateway> for Server {
    fn from(gateway: Gateway) -> Self {
        Self { url: gateway.url, worker: gateway.process.0.id(), _process: gateway.process }
    }
}

impl From<Bare> for Server {
    fn from(bare: Bare) -> Self {
        Self { url: bare.url, worker: bare.process.0.id(), _process: bare.process }
    }
}

impl From<Nginx> for Server {
    fn from(nginx: Nginx) -> Self {
        Self { url: nginx.url, worker: nginx.worker, _process: nginx.process }
    }
}

fn down_page(log: Log) -> io::Result<Pair> {
    let folder = loopback::folder()?;
    fs::write(folder.path().join("down.html"), page("{{ message }}"))?;
    let config = "[response]\nmessage = \"We'll be back soon.\"\ntemplate = \"down.html\"\n\
                  [[period]]\nname = \"upgrade\"\nstart = 2020-01-01T00:00:00Z\n";
    let ours = Gateway::start(folder.path(), config, SERVER)?;
    // nginx sends the very bytes that the gateway sent, but for Date and its Server field.
    let answer = Answer::of(&ours.url)?;
    let nginx = Nginx::start(&folder.path().join("down"), SERVER, log, "", &nginx_server::giving(&answer))?;
    Ok(Pair { name: "downtime", ours: ours.into(), nginx: nginx.into(), _upstream: None, folder })
}

/// The same answer, of a server that knows no HTTP.
fn bare_answer(log: Log) -> io::Result<Pair> {
    let Pair { ours, nginx, folder, .. } = down_page(log)?;
    let bare = Bare::start(folder.path(), &Answer::of(&ours.url)?, SERVER)?;
    Ok(Pair { name: "bare", ours: bare.into(), nginx, _upstream: None, folder })
}

fn passing_on(log: Log) -> io::Result<Pair> {
    let folder = loopback::folder()?;
    let fields = vec![("content-type".into(), "text/html".into())];
    let answer = Answer { status: 200, fields, body: page("The site.") };
    let upstream =
        Nginx::start(&folder.path().join("site"), LOAD, Log::Off, "", &nginx_server::giving(&answer))?;
    let ours = Gateway::start(folder.path(), &format!("[site]\nupstream = \"{}\"\n", upstream.url), SERVER)?;
    let pool = format!(
        "upstream site {{ server {}; keepalive 64; keepalive_requests 1000000000; }}",
        loopback::authority(&upstream.url)
    );
    let nginx = Nginx::start(&folder.path().join("proxy"), SERVER, log, &pool, nginx_server::PASSING_ON)?;
    Ok(Pair {
        name: "downtime",
        ours: ours.into(),
        nginx: nginx.into(),
        _upstream: Some(upstream.into()),
        folder,
    })
}

fn file(log: Log) -> io::Result<Pair> {
    let folder = loopback::folder()?;
    let root = folder.path().join("public");
    fs::create_dir(&root)?;
    fs::write(root.join("index.html"), page("A file."))?;
    let ours = Gateway::start(folder.path(), "[site]\nroot = \"public\"\n", SERVER)?;
    let root = format!("root {}; open_file_cache max=100;", root.display());
    let nginx = Nginx::start(&folder.path().join("files"), SERVER, log, "", &root)?;
    Ok(Pair { name: "downtime", ours: ours.into(), nginx: nginx.into(), _upstream: None, folder })
}

/// HTML of 2 KB.
fn page(says: &str) -> String {
    let start = format!("<!doctype html><html lang=en><title>Site</title><h1>{says}</h1><p>");
    format!("{start:x<2048}")
}

fn compare(what: &str, target: Option<f64>, pair: &Pair) -> io::Result<()> {
    for server in [&pair.ours, &pair.nginx] {
        Load::of(&server.url, Duration::from_secs(1), LOAD)?;
    }
    println!("{what}: requests/s and µs of the core for each");
    let mut ratios = Vec::new();
    let mut cheaper = Vec::new();
    for number in 1..=PAIRS {
        let (ours, nginx) = (Run::of(&pair.ours)?, Run::of(&pair.nginx)?);
        ratios.push(ours.rate / nginx.rate);
        cheaper.push(nginx.cost / ours.cost);
        println!("  {number}: {} {ours}   nginx {nginx}   ratio {:.3}", pair.name, ours.rate / nginx.rate);
    }
    let ratio = median(ratios);
    let verdict = match target {
        Some(target) if ratio >= target => format!(", target {target}: ok"),
        Some(target) => format!(", target {target}: MISSED"),
        None => String::new(),
    };
    println!("  median ratio {ratio:.3}{verdict}; by the core's time {:.3}\n", median(cheaper));
    Ok(())
}

/// What a server did under load.
struct Run {
    /// Requests per second.
    rate: f64,
    /// Time of the core for each, in µs.
    cost: f64,
}

impl Run {
    fn of(server: &Server) -> io::Result<Self> {
        let before = core_time(server.worker)?;
        let Load { rate, requests } = Load::of(&server.url, DURATION, LOAD)?;
        Ok(Self { rate, cost: (core_time(server.worker)? - before) * 1e6 / requests })
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:7.0} ({:5.2} µs)", self.rate, self.cost)
    }
}

/// Seconds that a process has had of the cores.
fn core_time(process: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name before it may hold anything but the last parenthesis.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS_PER_SECOND)
}
