//! Compares the gateway with nginx, HAProxy, Caddy and static-web-server, each on one core.
//!
//! `cargo bench --bench peers` runs all scenarios; `… -- page-post forward` runs two of them, and `… -- --pairs 1 --seconds
//! 1` takes less time. A peer that is not installed is skipped. It needs two idle cores: core 0 for the servers, core 1 for
//! the load and the upstream. The configurations of the peers are in `benches/peers`. Runs of the servers alternate, so that
//! other load on the machine affects all, and the median of the ratios counts. Over TLS, the load comes from wrk and h2load.
//! `docs/benchmarks.md` lists the scenarios and says more about the method.

#![allow(missing_docs, reason = "a program")]

mod comparison;
mod gateway;
mod load;
mod measure;
mod memory;
mod options;
mod programs;
mod report;
mod request;
mod response;
mod scenarios;
mod servers;

use std::fs;
use std::io;
use std::process::ExitCode;

use servers::peer::Peer;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    servers::bare::serve_if_told()?;
    if load::load_if_told()? || load::open::hold_if_told()? || !measure::is_asked_for() {
        return Ok(());
    }
    let options = options::BenchOptions::parse(std::env::args().skip(1))?;
    if !servers::is_installed("taskset") {
        eprintln!("not measured: taskset is missing (apt-get install util-linux)");
        return Ok(());
    }
    load::open::raise_limit(options.open_connections)?;
    for peer in Peer::ALL.iter().filter(|peer| !peer.is_installed()) {
        eprintln!("{}", peer.hint());
    }
    let (mut comparisons, mut failed) = (Vec::new(), Vec::new());
    for scenario in &options.scenarios {
        if let Some((program, package)) = programs::missing(scenario.request.protocol) {
            eprintln!("{}: skipped, {program} is not in PATH (apt-get install {package})", scenario.name);
            continue;
        }
        let comparison = match comparison::Comparison::measure(scenario, &options) {
            Ok(comparison) => comparison,
            Err(error) => {
                eprintln!("  not measured: {error}");
                failed.push(scenario.name);
                continue;
            }
        };
        if !options.is_markdown {
            println!("{}", report::text::table(&comparison));
        }
        comparisons.push(comparison);
        if let Some(file) = &options.tsv {
            fs::write(file, report::tsv::rows(&comparisons))?;
        }
    }
    if options.is_markdown {
        println!("{}", report::markdown::tables(&comparisons));
    }
    if failed.is_empty() { Ok(()) } else { Err(io::Error::other(format!("failed: {}", failed.join(", ")))) }
}
