//! A gateway with many rules, compared with one that has only the period that is active.

use std::fmt::Write as _;
use std::fs;
use std::io;

use jiff::{SignedDuration, Timestamp};

use super::{Contest, Contestant, SERVER_CORE, down_page};
use crate::response::ServerResponse;
use crate::servers::{readable_directory, start_gateway};

/// The rules may cost 5 % more CPU time.
const TARGET: f64 = 1.0 / 1.05;
/// How many of the periods are active, besides that of the down page. They cover another path.
const ACTIVE: usize = 10;
/// One in this many periods recurs.
const SERIES: usize = 10;
/// The first of the planned periods. They are an hour apart.
const PLANNED: Timestamp = Timestamp::constant(4_102_444_800, 0);

/// Rules that do not change the response.
#[derive(Clone, Copy)]
pub enum Rules {
    /// This many exemptions: exact paths and globs, by halves.
    Exemptions(usize),
    /// This many periods.
    Periods(usize),
    /// This many periods, each for a path of its own.
    Paths(usize),
}

impl Rules {
    /// The lines of a config.
    fn config(self) -> String {
        match self {
            Self::Exemptions(count) => exemptions(count),
            Self::Periods(count) => periods(count),
            Self::Paths(count) => paths(count),
        }
    }
}

/// Starts both gateways.
pub fn start(rules: Rules) -> io::Result<Contest> {
    let directory = readable_directory()?;
    fs::write(directory.path().join("down.html"), down_page::template())?;
    let without = start_gateway(directory.path(), &down_page::config(), SERVER_CORE)?;
    let config = format!("{}{}", down_page::config(), rules.config());
    let gateway = start_gateway(directory.path(), &config, SERVER_CORE)?;
    let response = ServerResponse { status: 503, fields: Vec::new(), body: down_page::body() };
    let mut contest = Contest::new(gateway, response, directory);
    contest.servers.push(Contestant { name: "without them", server: without, target: Some(TARGET) });
    Ok(contest)
}

fn exemptions(count: usize) -> String {
    let list =
        |kind| (0..count / 2).map(|index| format!("\"/part{index}/{kind}\"")).collect::<Vec<_>>().join(",\n");
    format!("[exempt]\nexact = [\n{}]\npaths = [\n{}]\n", list("page"), list("**"))
}

fn periods(count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        let hours = SignedDuration::from_hours(i64::try_from(index).unwrap_or_default());
        let _ = if index < ACTIVE {
            write!(text, "[[period]]\nstart = 2020-01-01T00:00:00Z\npaths = [\"/part{index}/**\"]\n")
        } else if index % SERIES == 0 {
            write!(text, "[[period]]\ncron = \"0 4 * * *\"\nfor = \"15m\"\npaths = [\"/part{index}/**\"]\n")
        } else {
            let start = PLANNED.saturating_add(hours).unwrap_or(Timestamp::MAX);
            write!(text, "[[period]]\nname = \"upgrade {index}\"\nstart = {start}\nfor = \"15m\"\n")
        };
    }
    text
}

fn paths(count: usize) -> String {
    let period = |index| {
        let start = if index == 0 { Timestamp::UNIX_EPOCH } else { PLANNED };
        format!("[[period]]\nstart = {start}\npaths = [\"/part{index}/**\"]\n")
    };
    (0..count).map(period).collect()
}
