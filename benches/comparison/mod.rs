//! Runs of servers in turn, and their figures.

mod ratio;

use std::fmt;
use std::io;
use std::time::Duration;

use crate::load::Load;
use crate::load::latency::Latency;
use crate::measure::median;
use crate::options::BenchOptions;
use crate::scenarios::{Contest, Contestant, LOAD_CORE, Scenario};
pub use ratio::Ratio;

const MAX_WARM_UP: Duration = Duration::from_secs(1);

/// The figures of the servers of a scenario.
pub struct Comparison {
    pub scenario: &'static Scenario,
    /// The gateway or what takes its place, then those that it is compared with.
    pub servers: Vec<ServerFigures>,
    /// The requests per second at which latency was measured.
    pub rate: Option<f64>,
}

/// The figures of a server.
pub struct ServerFigures {
    pub name: &'static str,
    /// The least that the first server's requests per second divided by this one's should be.
    pub target: Option<f64>,
    pub runs: Vec<BenchRun>,
    /// The percentiles of each run at a fixed rate.
    pub latencies: Vec<Latency>,
    /// The resident memory after the load, in bytes.
    pub memory: f64,
}

impl Comparison {
    /// Starts the servers and measures each in turn.
    pub fn measure(scenario: &'static Scenario, options: &BenchOptions) -> io::Result<Self> {
        eprintln!(
            "{} ({}): requests/s, CPU time per request, and use of the core",
            scenario.title, scenario.name
        );
        let contest = scenario.start(options.open_connections)?;
        let figures = |Contestant { name, target, .. }: &Contestant| ServerFigures {
            name,
            target: *target,
            runs: Vec::new(),
            latencies: Vec::new(),
            memory: 0.0,
        };
        let servers = contest.servers.iter().map(figures).collect();
        let mut comparison = Self { scenario, servers, rate: None };
        comparison.measure_runs(&contest, options)?;
        if scenario.has_latency() {
            comparison.measure_latency(&contest, options)?;
        }
        for (figures, contestant) in comparison.servers.iter_mut().zip(&contest.servers) {
            figures.memory = contestant.server.resident_memory()?;
        }
        contest.end()?;
        Ok(comparison)
    }

    fn measure_runs(&mut self, contest: &Contest, options: &BenchOptions) -> io::Result<()> {
        let scenario = self.scenario;
        let run = |contestant: &Contestant, duration| BenchRun::new(scenario, contest, contestant, duration);
        self.in_turn(contest, |_, contestant| {
            run(contestant, options.duration.min(MAX_WARM_UP))?;
            Ok(String::new())
        })?;
        for _ in 0..options.pairs {
            self.in_turn(contest, |figures, contestant| {
                let run = run(contestant, options.duration)?;
                let text = run.to_string();
                figures.runs.push(run);
                Ok(text)
            })?;
        }
        Ok(())
    }

    /// Measures latency at the same rate for each server: by default, at half of what the slowest can do.
    fn measure_latency(&mut self, contest: &Contest, options: &BenchOptions) -> io::Result<()> {
        let slowest = self.servers.iter().map(ServerFigures::rate).fold(f64::INFINITY, f64::min);
        let rate = options.rate.map_or(slowest / 2.0, f64::from).max(1.0);
        self.rate = Some(rate);
        let scenario = self.scenario;
        for _ in 0..options.pairs {
            self.in_turn(contest, |figures, contestant| {
                let target = scenario.load(&contestant.server, &contest.response);
                let latency = Latency::run(target, options.duration, rate, LOAD_CORE)?;
                figures.latencies.push(latency);
                Ok(format!("p99 {:.0} µs at {rate:.0}/s", latency.p99))
            })?;
        }
        Ok(())
    }

    /// Measures each server, and prints what came out.
    fn in_turn(
        &mut self,
        contest: &Contest,
        mut measure: impl FnMut(&mut ServerFigures, &Contestant) -> io::Result<String>,
    ) -> io::Result<()> {
        let mut results = Vec::new();
        for (figures, contestant) in self.servers.iter_mut().zip(&contest.servers) {
            let (scenario, name) = (self.scenario.name, contestant.name);
            let text = measure(figures, contestant)
                .map_err(|error| io::Error::other(format!("{scenario}, {name}: {error}")))?;
            if !text.is_empty() {
                results.push(format!("{name} {text}"));
            }
        }
        if !results.is_empty() {
            eprintln!("  {}", results.join("   "));
        }
        Ok(())
    }
}

impl ServerFigures {
    /// Requests per second: the median.
    pub fn rate(&self) -> f64 {
        median(self.runs.iter().map(|run| run.rate).collect())
    }

    /// CPU time per request, in µs: the median.
    pub fn cost(&self) -> f64 {
        median(self.runs.iter().map(|run| run.cost).collect())
    }

    /// The share of the time in which the server used its core: the median.
    pub fn use_of_core(&self) -> f64 {
        median(self.runs.iter().map(BenchRun::use_of_core).collect())
    }

    /// The median of each percentile, if latency was measured.
    pub fn latency(&self) -> Option<Latency> {
        let percentile = |figure: fn(&Latency) -> f64| median(self.latencies.iter().map(figure).collect());
        (!self.latencies.is_empty()).then(|| Latency {
            p50: percentile(|latency| latency.p50),
            p99: percentile(|latency| latency.p99),
            p999: percentile(|latency| latency.p999),
        })
    }
}

/// A server's figures under load.
pub struct BenchRun {
    /// Requests per second.
    pub rate: f64,
    /// CPU time per request, in µs.
    pub cost: f64,
}

impl BenchRun {
    fn new(
        scenario: &Scenario,
        contest: &Contest,
        contestant: &Contestant,
        duration: Duration,
    ) -> io::Result<Self> {
        let server = &contestant.server;
        let before = server.cpu_time()?;
        let Load { rate, requests } =
            Load::run(scenario.load(server, &contest.response), duration, LOAD_CORE)?;
        if rate == 0.0 {
            return Err(io::Error::other("no response came in time; use --seconds"));
        }
        Ok(Self { rate, cost: (server.cpu_time()? - before) * 1e6 / requests })
    }

    /// The share of the time in which the server used its core.
    pub fn use_of_core(&self) -> f64 {
        self.rate * self.cost / 1e6
    }
}

impl fmt::Display for BenchRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ({:.2} µs, {:.0} %)", self.rate, self.cost, self.use_of_core() * 100.0)
    }
}
