//! Figures as tables: for a terminal, for `docs/benchmarks.md`, and for a plot.

pub mod markdown;
pub mod text;
pub mod tsv;

/// The unit of memory.
const MB: f64 = 1e6;
