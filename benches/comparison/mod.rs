//! Runs of servers in turn, and the ratios of their figures.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::load::Load;
use crate::measure::median;
use crate::options::BenchOptions;
use crate::scenarios::rivals::Rival;
use crate::scenarios::{Contest, LOAD_CORE, Scenario};
use crate::servers::BenchServer;

/// With less than this share of its core, a server was not the limit of a run, but the load or another program.
const BUSY: f64 = 0.9;
const MAX_WARM_UP: Duration = Duration::from_secs(1);

/// Measures the gateway and each rival in turn, and prints the ratios.
pub fn compare(scenario: &Scenario, contest: &Contest, options: &BenchOptions) -> io::Result<()> {
    println!("{} ({}): requests/s, CPU time per request, and use of the core", scenario.title, scenario.name);
    run_each(scenario, contest, options.duration.min(MAX_WARM_UP))?;
    let mut rounds = Vec::new();
    for number in 1..=options.pairs {
        let runs = run_each(scenario, contest, options.duration)?;
        let runs_by_name = names(contest).zip(&runs).map(|(name, run)| format!("{name} {run}"));
        println!("  {number}: {}", runs_by_name.collect::<Vec<_>>().join("   "));
        rounds.push(runs);
    }
    for (index, rival) in (1..).zip(&contest.rivals) {
        report(rival, &rounds.iter().map(|runs| (&runs[0], &runs[index])).collect::<Vec<_>>());
    }
    println!();
    Ok(())
}

/// The names of the servers: the gateway, then the rivals.
fn names(contest: &Contest) -> impl Iterator<Item = &'static str> {
    std::iter::once(contest.name).chain(contest.rivals.iter().map(|rival| rival.name))
}

/// Runs a load on each server, in the order of the names.
fn run_each(scenario: &Scenario, contest: &Contest, duration: Duration) -> io::Result<Vec<BenchRun>> {
    let servers = std::iter::once(&contest.ours).chain(contest.rivals.iter().map(|rival| &rival.server));
    let run = |(name, server)| {
        BenchRun::new(scenario, contest, server, duration)
            .map_err(|error| io::Error::other(format!("{}, {name}: {error}", scenario.name)))
    };
    names(contest).zip(servers).map(run).collect()
}

/// Prints the ratios of pairs of runs, the gateway's first. The target is for the ratio of requests if both servers used
/// their core fully, and else for that of CPU time, which says how many requests they could have responded to.
fn report(rival: &Rival, pairs: &[(&BenchRun, &BenchRun)]) {
    let by_requests = median(pairs.iter().map(|(ours, theirs)| ours.rate / theirs.rate).collect());
    let by_cpu_time = median(pairs.iter().map(|(ours, theirs)| theirs.cost / ours.cost).collect());
    let are_busy = pairs.iter().all(|(ours, theirs)| ours.use_of_core().min(theirs.use_of_core()) >= BUSY);
    let (ratio, note) = if are_busy {
        (by_requests, "")
    } else {
        (by_cpu_time, " (which counts: a core was not fully used)")
    };
    let result = match rival.target {
        Some(target) if ratio >= target => format!("; target {target}: ok"),
        Some(target) => format!("; target {target}: MISSED"),
        None => String::new(),
    };
    let name = rival.name;
    println!("  to {name}: {by_requests:.3} by requests, {by_cpu_time:.3} by CPU time{note}{result}");
}

/// A server's figures under load.
struct BenchRun {
    /// Requests per second.
    rate: f64,
    /// CPU time per request, in µs.
    cost: f64,
}

impl BenchRun {
    fn new(
        scenario: &Scenario,
        contest: &Contest,
        server: &BenchServer,
        duration: Duration,
    ) -> io::Result<Self> {
        let before = server.cpu_time()?;
        let expected = (contest.response.status, contest.response.body.len());
        let url = server.url(scenario.request.protocol);
        let Load { rate, requests } = Load::run(url, &scenario.request, expected, duration, LOAD_CORE)?;
        Ok(Self { rate, cost: (server.cpu_time()? - before) * 1e6 / requests })
    }

    /// The share of the time in which the server used its core.
    fn use_of_core(&self) -> f64 {
        self.rate * self.cost / 1e6
    }
}

impl fmt::Display for BenchRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ({:.2} µs, {:.0} %)", self.rate, self.cost, self.use_of_core() * 100.0)
    }
}
