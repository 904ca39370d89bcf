//! The command line.

use std::io;
use std::time::Duration;

use crate::scenarios::{SCENARIOS, Scenario};

const USAGE: &str = "cargo bench --bench nginx -- [--pairs N] [--seconds S] [--access-log] [NAME]...";

/// What to run, and how.
pub struct BenchOptions {
    pub scenarios: Vec<&'static Scenario>,
    /// The number of runs of each server.
    pub pairs: usize,
    /// The duration of each run.
    pub duration: Duration,
    /// Compares with an nginx that logs each request, too.
    pub has_access_log: bool,
}

impl BenchOptions {
    /// Parses the arguments behind the program's name.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut options =
            Self { scenarios: Vec::new(), pairs: 7, duration: Duration::from_secs(3), has_access_log: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // From cargo.
                "--bench" => {}
                "--access-log" => options.has_access_log = true,
                "--pairs" => options.pairs = positive(&argument, arguments.next().as_deref())?,
                "--seconds" => {
                    let seconds = positive(&argument, arguments.next().as_deref())?;
                    options.duration = Duration::from_secs(seconds as u64);
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

fn positive(option: &str, value: Option<&str>) -> io::Result<usize> {
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
