//! The tables of `docs/benchmarks.md`.

use std::fmt::Write as _;

use super::MB;
use crate::comparison::{Comparison, ServerFigures};
use crate::load::latency::Latency;
use crate::scenarios::GATEWAY;
use crate::servers::peer::Peer;

/// Ratios, latency and memory.
pub fn tables(comparisons: &[Comparison]) -> String {
    let mut text = ratios(comparisons);
    text += "\nLatency in µs, 50th, 99th and 99.9th percentile:\n\n";
    text += &each_server(comparisons, |comparison, server| {
        let Latency { p50, p99, p999 } = server.latency()?;
        let rate = comparison.rate?;
        Some(format!("{p50:.0}, {p99:.0}, {p999:.0} at {rate:.0}/s"))
    });
    text += "\nResident memory in MB:\n\n";
    text += &each_server(comparisons, |_, server| Some(format!("{:.1}", server.memory / MB)));
    text
}

/// The ratios to the servers that the first one is compared with.
fn ratios(comparisons: &[Comparison]) -> String {
    let names = names(comparisons, 1);
    let mut text = header(&names);
    for comparison in comparisons {
        let _ = write!(text, "| {}", comparison.scenario.title);
        for name in &names {
            let ratio =
                comparison.rows().find(|(server, _)| server.name == *name).and_then(|(_, ratio)| ratio);
            let cell = ratio.map_or_else(String::new, |ratio| match ratio.counting() {
                (spread, "requests") => spread.to_string(),
                (spread, _) => format!("{spread}*"),
            });
            let _ = write!(text, " | {cell}");
        }
        text += " |\n";
    }
    text
}

/// A cell for each server. A scenario without any has no row.
fn each_server(
    comparisons: &[Comparison],
    cell: impl Fn(&Comparison, &ServerFigures) -> Option<String>,
) -> String {
    let names = names(comparisons, 0);
    let mut text = header(&names);
    for comparison in comparisons {
        let of_name = |name| {
            let server = comparison.servers.iter().find(|server| server.name == name)?;
            cell(comparison, server)
        };
        let cells: Vec<_> = names.iter().map(|name| of_name(*name)).collect();
        if cells.iter().any(Option::is_some) {
            let cells: Vec<_> = cells.into_iter().map(Option::unwrap_or_default).collect();
            let _ = writeln!(text, "| {} | {} |", comparison.scenario.title, cells.join(" | "));
        }
    }
    text
}

/// The names of the servers, but for the first of each scenario, each once.
fn names(comparisons: &[Comparison], skipped: usize) -> Vec<&'static str> {
    let mut names = Vec::new();
    for server in comparisons.iter().flat_map(|comparison| comparison.servers.iter().skip(skipped)) {
        if !names.contains(&server.name) {
            names.push(server.name);
        }
    }
    let rank = |name: &&str| Peer::ALL.iter().position(|peer| peer.name == *name);
    // The gateway comes first, and what is not a peer last.
    names.sort_by_key(|name| (*name != GATEWAY, rank(name).unwrap_or(Peer::ALL.len())));
    names
}

fn header(names: &[&str]) -> String {
    format!("| | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()))
}
