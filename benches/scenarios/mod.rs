//! What is measured: a request, the response to it, and the servers that can give it.

mod contest;
mod down_page;
mod file;
mod forwarding;
mod rules;
mod table;

use std::io;

use crate::gateway::authority;
use crate::load::LoadTarget;
use crate::programs;
use crate::request::{BenchRequest, Protocol};
use crate::response::ServerResponse;
use crate::servers::BenchServer;
use crate::servers::peer::Peer;
pub use contest::{Contest, Contestant, GATEWAY};
use rules::Rules;
pub use table::SCENARIOS;

/// The cores of the servers under measurement, and of the load and the upstream.
pub const SERVER_CORE: &str = "0";
pub const LOAD_CORE: &str = "1";
const PAGE: usize = 2048;
/// A response to a longer body is not expected in a few milliseconds.
const MAX_TIMELY: usize = 100_000;

/// A comparison of the gateway with other servers.
pub struct Scenario {
    /// Chooses it on the command line.
    pub name: &'static str,
    pub title: &'static str,
    pub request: BenchRequest,
    kind: Kind,
    peers: &'static [Target],
}

/// A server to compare with, and the least that the gateway's requests per second divided by its own should be.
type Target = (&'static Peer, f64);

/// What responds.
#[derive(Clone, Copy)]
enum Kind {
    DownPage,
    /// The bare server, in place of the gateway.
    BareServer,
    /// The down page of a gateway with many rules, compared with a gateway without them.
    Rules(Rules),
    /// An upstream, with a body of this length.
    Upstream(usize),
    /// A file of this length.
    File(usize),
}

impl Scenario {
    /// Starts the servers, and checks the response of each. Each gets this many connections that only stay open.
    pub fn start(&self, open_connections: usize) -> io::Result<Contest> {
        let mut contest = match self.kind {
            Kind::DownPage => down_page::start(self, open_connections)?,
            Kind::BareServer => down_page::start_bare(self, open_connections)?,
            Kind::Rules(rules) => rules::start(rules)?,
            Kind::Upstream(length) => forwarding::start(self, length, open_connections)?,
            Kind::File(length) => file::start(self, length, open_connections)?,
        };
        for contestant in &contest.servers {
            self.check(&contestant.server, contestant.name, &contest.response)?;
        }
        contest.open_connections(open_connections)?;
        Ok(contest)
    }

    /// True if latency at a fixed rate is measured, too: our load does that, on connections that stay open.
    pub fn has_latency(&self) -> bool {
        let length = match self.kind {
            Kind::Upstream(length) | Kind::File(length) => length,
            Kind::DownPage | Kind::BareServer | Kind::Rules(_) => PAGE,
        };
        self.request.protocol == Protocol::Plain
            && !self.request.closes
            && length.max(self.request.body_length) <= MAX_TIMELY
    }

    /// The target of a load on one of the servers.
    pub fn load<'a>(&'a self, server: &'a BenchServer, response: &ServerResponse) -> LoadTarget<'a> {
        let url = server.url(self.request.protocol);
        LoadTarget { url, request: &self.request, status: response.status, length: response.body.len() }
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
