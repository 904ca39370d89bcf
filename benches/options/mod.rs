//! The command line.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::scenarios::{SCENARIOS, Scenario};

const USAGE: &str = "\
cargo bench --bench peers -- [OPTION]... [NAME]...
  --pairs N        runs of each server (default 5)
  --seconds S      length of a run (default 2)
  --rate N         requests per second for latency (default: half of what the slowest server can do)
  --connections N  connections to each server that only stay open (default 0)
  --markdown       tables in Markdown when all is done
  --tsv FILE       data for benches/peers/plot.gp";

/// What to run, and how.
pub struct BenchOptions {
    pub scenarios: Vec<&'static Scenario>,
    /// The number of runs of each server.
    pub pairs: usize,
    /// The duration of each run.
    pub duration: Duration,
    /// Requests per second, for latency.
    pub rate: Option<u32>,
    /// The number of connections to each server that only stay open.
    pub open_connections: usize,
    pub is_markdown: bool,
    pub tsv: Option<PathBuf>,
}

impl BenchOptions {
    /// Parses the arguments behind the program's name.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut options = Self {
            scenarios: Vec::new(),
            pairs: 5,
            duration: Duration::from_secs(2),
            rate: None,
            open_connections: 0,
            is_markdown: false,
            tsv: None,
        };
        while let Some(argument) = arguments.next() {
            let mut number = || positive(&argument, arguments.next().as_deref());
            match argument.as_str() {
                // From cargo.
                "--bench" => {}
                "--markdown" => options.is_markdown = true,
                "--pairs" => options.pairs = number()? as usize,
                "--seconds" => options.duration = Duration::from_secs(number()?.into()),
                "--rate" => options.rate = Some(number()?),
                "--connections" => options.open_connections = number()? as usize,
                "--tsv" => {
                    let file = arguments.next().ok_or_else(|| usage("--tsv needs a file"))?;
                    // Cargo runs a bench in the directory of the package.
                    options.tsv = Some(file.into());
                }
                name => options.scenarios.push(find(name)?),
            }
        }
        if options.scenarios.is_empty() {
            options.scenarios.extend(&SCENARIOS);
        }
        Ok(options)
    }
}

fn positive(option: &str, value: Option<&str>) -> io::Result<u32> {
    let number = value.and_then(|value| value.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| usage(&format!("{option} needs a number of at least 1")))
}

fn find(name: &str) -> io::Result<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name).ok_or_else(|| usage(&format!("unknown: {name}")))
}

fn usage(mistake: &str) -> io::Error {
    let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    io::Error::other(format!("{mistake}\n{USAGE}\nNames: {}", names.join(", ")))
}
