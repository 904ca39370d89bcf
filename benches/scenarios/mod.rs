//! What is measured: a request, the response to it, and the servers that can give it.

mod down_page;
mod file;
mod forwarding;
pub mod rivals;

use std::io;

use tempfile::TempDir;

use crate::gateway::authority;
use crate::programs;
use crate::request::{BenchRequest, Protocol};
use crate::response::ServerResponse;
use crate::servers::BenchServer;
use rivals::Rival;

/// The cores of the servers under measurement, and of the load and the upstream.
pub const SERVER_CORE: &str = "0";
pub const LOAD_CORE: &str = "1";
const PAGE: usize = 2048;
const FORM: usize = 1000;
const LARGE: usize = 1_000_000;

/// A comparison of the gateway with other servers.
pub struct Scenario {
    /// Chooses it on the command line.
    pub name: &'static str,
    pub title: &'static str,
    pub request: BenchRequest,
    kind: Kind,
    /// The gateway's requests per second divided by nginx's should be at least this.
    nginx_target: Option<f64>,
}

/// What responds.
#[derive(Clone, Copy)]
enum Kind {
    DownPage,
    /// The bare server, in place of the gateway.
    BareServer,
    /// An upstream, with a body of this length.
    Upstream(usize),
    /// A file of this length.
    File(usize),
}

/// All of them, in the order in which they run.
pub static SCENARIOS: [Scenario; 20] = [
    scenario("page", "down page, GET", BenchRequest::GET, Kind::DownPage, Some(1.1)),
    scenario("page-post", "down page, POST of 1 kB", BenchRequest::post(FORM), Kind::DownPage, Some(1.1)),
    scenario(
        "page-browser",
        "down page, GET of a browser",
        BenchRequest::BROWSER_GET,
        Kind::DownPage,
        Some(1.1),
    ),
    scenario(
        "bare",
        "a bare server with the bytes of the down page",
        BenchRequest::GET,
        Kind::BareServer,
        None,
    ),
    scenario("forward", "forwarding, GET of 2 KB", BenchRequest::GET, Kind::Upstream(PAGE), Some(1.15)),
    scenario(
        "forward-post",
        "forwarding, POST of 1 kB",
        BenchRequest::post(FORM),
        Kind::Upstream(PAGE),
        Some(1.1),
    ),
    scenario(
        "forward-browser",
        "forwarding, GET of a browser",
        BenchRequest::BROWSER_GET,
        Kind::Upstream(PAGE),
        Some(1.15),
    ),
    scenario(
        "forward-download",
        "forwarding, GET of 1 MB",
        BenchRequest::GET,
        Kind::Upstream(LARGE),
        Some(1.5),
    ),
    scenario(
        "forward-upload",
        "forwarding, POST of 1 MB",
        BenchRequest::post(LARGE),
        Kind::Upstream(PAGE),
        Some(1.5),
    ),
    scenario(
        "forward-close",
        "forwarding, a connection for each GET",
        BenchRequest::LAST_GET,
        Kind::Upstream(PAGE),
        Some(1.0),
    ),
    scenario(
        "page-tls",
        "down page over TLS, GET",
        BenchRequest::GET.over(Protocol::Tls),
        Kind::DownPage,
        Some(1.0),
    ),
    scenario(
        "page-handshake",
        "down page over TLS, a connection for each GET",
        BenchRequest::LAST_GET.over(Protocol::Tls),
        Kind::DownPage,
        Some(1.0),
    ),
    scenario(
        "page-http2",
        "down page over HTTP/2, GET",
        BenchRequest::GET.over(Protocol::Http2),
        Kind::DownPage,
        Some(0.9),
    ),
    scenario(
        "forward-tls",
        "forwarding over TLS, GET of 2 KB",
        BenchRequest::GET.over(Protocol::Tls),
        Kind::Upstream(PAGE),
        Some(1.0),
    ),
    scenario(
        "forward-handshake",
        "forwarding over TLS, a connection for each GET",
        BenchRequest::LAST_GET.over(Protocol::Tls),
        Kind::Upstream(PAGE),
        Some(1.0),
    ),
    scenario(
        "forward-http2",
        "forwarding over HTTP/2, GET of 2 KB",
        BenchRequest::GET.over(Protocol::Http2),
        Kind::Upstream(PAGE),
        Some(0.75),
    ),
    scenario("file", "static file of 2 KB", BenchRequest::GET, Kind::File(PAGE), Some(1.0)),
    scenario(
        "file-browser",
        "static file of 2 KB, GET of a browser",
        BenchRequest::BROWSER_GET,
        Kind::File(PAGE),
        Some(1.0),
    ),
    scenario("file-1m", "static file of 1 MiB", BenchRequest::GET, Kind::File(1 << 20), Some(0.9)),
    scenario("file-100m", "static file of 100 MiB", BenchRequest::GET, Kind::File(100 << 20), Some(0.9)),
];

const fn scenario(
    name: &'static str,
    title: &'static str,
    request: BenchRequest,
    kind: Kind,
    nginx_target: Option<f64>,
) -> Scenario {
    Scenario { name, title, request, kind, nginx_target }
}

/// Running servers with the same response.
pub struct Contest {
    pub name: &'static str,
    pub ours: BenchServer,
    pub rivals: Vec<Rival>,
    /// What each of them must respond.
    pub response: ServerResponse,
    _upstream: Option<BenchServer>,
    directory: TempDir,
}

impl Scenario {
    /// Starts the servers, and checks the response of each. `has_access_log` adds an nginx with an access log.
    pub fn start(&self, has_access_log: bool) -> io::Result<Contest> {
        let contest = match self.kind {
            Kind::DownPage => down_page::start(self, has_access_log)?,
            Kind::BareServer => down_page::start_bare(self, has_access_log)?,
            Kind::Upstream(length) => forwarding::start(self, length, has_access_log)?,
            Kind::File(length) => file::start(self, length, has_access_log)?,
        };
        self.check(&contest.ours, contest.name, &contest.response)?;
        for rival in &contest.rivals {
            self.check(&rival.server, rival.name, &contest.response)?;
        }
        Ok(contest)
    }

    fn fetch(&self, url: &str) -> io::Result<ServerResponse> {
        ServerResponse::fetch(url, &self.request.encode(authority(url)))
    }

    fn check(&self, server: &BenchServer, name: &str, expected: &ServerResponse) -> io::Result<()> {
        let url = server.url(self.request.protocol);
        let response = match self.request.protocol {
            Protocol::Plain => self.fetch(url)?,
            protocol => programs::curl(url, protocol == Protocol::Http2)?,
        };
        if (response.status, &response.body) == (expected.status, &expected.body) {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{name} responded with {} and {} bytes, not with {} and {} bytes:\n{:.500}",
            response.status,
            response.body.len(),
            expected.status,
            expected.body.len(),
            response.body
        )))
    }
}

/// HTML of this length, with `title`.
fn page(title: &str, length: usize) -> String {
    let start = format!("<!doctype html><html lang=en><title>Site</title><h1>{title}</h1><p>");
    let rest = length.saturating_sub(start.len());
    start + &"x".repeat(rest)
}
