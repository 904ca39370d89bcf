//! A table for a terminal.

use std::fmt::Write as _;

use super::MB;
use crate::comparison::{Comparison, Ratio};
use crate::load::latency::Latency;

/// The figures of a scenario.
pub fn table(comparison: &Comparison) -> String {
    let scenario = comparison.scenario;
    let mut text = format!("{} ({})\n", scenario.title, scenario.name);
    let _ = writeln!(
        text,
        "  {:18} {:>10} {:>9} {:>6} {:>8} {:>9} {:>9} {:>9}  ratio (lowest to highest)",
        "", "requests/s", "CPU µs", "core", "MB", "p50 µs", "p99 µs", "p99.9 µs"
    );
    for (server, ratio) in comparison.rows() {
        let latency = server.latency().map_or_else(
            || format!("{:>9} {:>9} {:>9}", "-", "-", "-"),
            |Latency { p50, p99, p999 }| format!("{p50:9.0} {p99:9.0} {p999:9.0}"),
        );
        let (name, rate, cost) = (server.name, server.rate(), server.cost());
        let (core, memory) = (server.use_of_core() * 100.0, server.memory / MB);
        let ratio = ratio.map_or_else(String::new, |ratio| describe(&ratio));
        let _ =
            writeln!(text, "  {name:18} {rate:10.0} {cost:9.2} {core:4.0} % {memory:8.1} {latency}  {ratio}");
    }
    if let Some(rate) = comparison.rate {
        let _ = writeln!(text, "  latency at {rate:.0} requests/s");
    }
    text
}

fn describe(ratio: &Ratio) -> String {
    let (spread, name) = ratio.counting();
    let verdict = match ratio.verdict() {
        Some((target, true)) => format!(", target {target:.2}: ok"),
        Some((target, false)) => format!(", target {target:.2}: MISSED"),
        None => String::new(),
    };
    format!("{spread} by {name}{verdict}")
}
