//! How two servers compare, by pairs of runs.

use std::fmt;

use super::{BenchRun, Comparison, ServerFigures};
use crate::measure::median;

/// With less than this share of its core, a server was not the limit of a run, but the load or another program.
const BUSY: f64 = 0.9;

/// A median, and where the figures lie.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Spread {
    fn new(figures: Vec<f64>) -> Self {
        let lowest = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { median: median(figures), lowest, highest }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, lowest, highest } = self;
        write!(f, "{median:.2} ({lowest:.2} to {highest:.2})")
    }
}

/// How much faster the first server is than another.
pub struct Ratio {
    pub by_requests: Spread,
    pub by_cpu_time: Spread,
    /// True if both servers used their core fully in all runs.
    are_busy: bool,
    target: Option<f64>,
}

impl Ratio {
    fn new(first: &ServerFigures, other: &ServerFigures) -> Self {
        let pairs = || first.runs.iter().zip(&other.runs);
        let spread = |ratio: fn((&BenchRun, &BenchRun)) -> f64| Spread::new(pairs().map(ratio).collect());
        Self {
            by_requests: spread(|(first, other)| first.rate / other.rate),
            by_cpu_time: spread(|(first, other)| other.cost / first.cost),
            are_busy: pairs().all(|(first, other)| first.use_of_core().min(other.use_of_core()) >= BUSY),
            target: other.target,
        }
    }

    /// The ratio that counts, and its name: that of requests if both servers used their core fully, and else that of CPU
    /// time, which says how many requests they could have responded to.
    pub fn counting(&self) -> (Spread, &'static str) {
        if self.are_busy { (self.by_requests, "requests") } else { (self.by_cpu_time, "CPU time") }
    }

    /// The target, and whether it was reached.
    pub fn verdict(&self) -> Option<(f64, bool)> {
        self.target.map(|target| (target, self.counting().0.median >= target))
    }
}

impl Comparison {
    /// Each server with its ratio. The first has none.
    pub fn rows(&self) -> impl Iterator<Item = (&ServerFigures, Option<Ratio>)> {
        let ratio = |index, other| (index > 0).then(|| Ratio::new(&self.servers[0], other));
        self.servers.iter().enumerate().map(move |(index, server)| (server, ratio(index, server)))
    }
}
