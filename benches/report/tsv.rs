//! Data for a plot: a line for each server of each scenario, with tabs between the columns.

use std::fmt::Write as _;

use crate::comparison::Comparison;

const COLUMNS: [&str; 15] = [
    "scenario",
    "title",
    "server",
    "requests_per_second",
    "cpu_microseconds",
    "use_of_core",
    "memory_bytes",
    "ratio",
    "lowest_ratio",
    "highest_ratio",
    "ratio_by",
    "latency_rate",
    "p50_microseconds",
    "p99_microseconds",
    "p99.9_microseconds",
];

/// All lines, with a header. What was not measured is empty.
pub fn rows(comparisons: &[Comparison]) -> String {
    let mut text = COLUMNS.join("\t") + "\n";
    for comparison in comparisons {
        let (name, title) = (comparison.scenario.name, comparison.scenario.title);
        for (server, ratio) in comparison.rows() {
            let (rate, cost, core) = (server.rate(), server.cost(), server.use_of_core());
            let ratio = ratio.map_or_else(
                || "\t\t\t".to_owned(),
                |ratio| {
                    let (spread, by) = ratio.counting();
                    format!("{:.4}\t{:.4}\t{:.4}\t{by}", spread.median, spread.lowest, spread.highest)
                },
            );
            let latency = server.latency().zip(comparison.rate).map_or_else(
                || "\t\t\t".to_owned(),
                |(latency, rate)| {
                    format!("{rate:.0}\t{:.1}\t{:.1}\t{:.1}", latency.p50, latency.p99, latency.p999)
                },
            );
            let (server, memory) = (server.name, server.memory);
            let _ = writeln!(
                text,
                "{name}\t{title}\t{server}\t{rate:.1}\t{cost:.3}\t{core:.3}\t{memory:.0}\t{ratio}\t{latency}"
            );
        }
    }
    text
}
