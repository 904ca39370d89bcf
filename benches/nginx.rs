//! Compares the gateway with nginx and HAProxy, each on one core.
//!
//! `cargo bench --bench nginx` runs all scenarios; `… -- page-post forward` runs two of them, and `… -- --pairs 1 --seconds
//! 1` takes less time. It needs nginx and HAProxy (`apt-get install nginx-light haproxy`; what is missing is skipped) and two
//! idle cores: core 0 for the servers, core 1 for the load and the upstream. nginx has no access log, which is the gateway's
//! default too; `… -- --access-log` adds an nginx with one. Runs of the servers alternate, so that other load on the machine
//! affects all, and the median of the ratios counts. Over TLS, the load comes from wrk and h2load. The CPU time per request, in µs, is less affected by a busy machine
//! than the requests per second. `docs/benchmarks.md` lists the scenarios and says more about the method.

#![allow(missing_docs, reason = "a program")]

mod comparison;
mod gateway;
mod load;
mod measure;
mod options;
mod programs;
mod request;
mod response;
mod scenarios;
mod servers;

use std::io;
use std::process::ExitCode;

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
    if load::load_if_told()? || !measure::is_asked_for() {
        return Ok(());
    }
    let options = options::BenchOptions::parse(std::env::args().skip(1))?;
    if !servers::is_installed("taskset") {
        println!("not measured: taskset is missing (apt-get install util-linux)");
        return Ok(());
    }
    for scenario in &options.scenarios {
        if let Some((program, package)) = programs::missing(scenario.request.protocol) {
            println!("{}: skipped, {program} is not in PATH (apt-get install {package})", scenario.name);
            continue;
        }
        let contest = scenario.start(options.has_access_log)?;
        comparison::compare(scenario, &contest, &options)?;
    }
    Ok(())
}
