//! The bypasses, and until when they let testers in.

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Config;
use crate::matching::bypass::{Bypass, BypassPhase};
use crate::matching::scope::describe_scope;
use crate::schedule::human_time::{distance, local};

/// The most bypasses that have a line each in the status.
const MAX_LINES: usize = 2;

/// A bypass at one point in time. It has neither the secret nor its hash.
#[derive(Debug, Serialize)]
pub struct BypassSummary {
    name: Option<String>,
    line: usize,
    file: Option<String>,
    state: &'static str,
    until: Timestamp,
    hosts: Option<Vec<String>>,
    paths: Option<Vec<String>>,
}

impl BypassSummary {
    /// Summarizes a bypass at `now`.
    pub fn new(bypass: &Bypass, now: Timestamp) -> Self {
        let [hosts, paths] = bypass.scope.texts().map(|(_, list)| list);
        Self {
            name: bypass.name.clone(),
            line: bypass.line,
            file: bypass.file.as_deref().map(str::to_owned),
            state: bypass.phase(now).as_str(),
            until: bypass.until,
            hosts,
            paths,
        }
    }
}

/// Describes each bypass in a line: its name, and until when it lets testers in.
pub fn bypass_lines(config: &Config, now: Timestamp) -> impl Iterator<Item = String> {
    config
        .rules
        .bypasses
        .all()
        .iter()
        .map(move |bypass| format!("bypass    {}", describe(bypass, config, now)))
}

/// As [`bypass_lines`], but in one line if there are more than two, so that the status stays short.
pub fn short_bypass_lines(config: &Config, now: Timestamp) -> Vec<String> {
    let all = config.rules.bypasses.all();
    if all.len() <= MAX_LINES {
        return bypass_lines(config, now).collect();
    }
    let open = all.iter().filter(|bypass| bypass.phase(now) == BypassPhase::Valid);
    let open: Vec<_> = open.map(Bypass::title).collect();
    let names = if open.is_empty() { String::new() } else { format!(": {}", open.join(", ")) };
    vec![format!("bypass    {} of {} let testers in{names}", open.len(), all.len())]
}

fn describe(bypass: &Bypass, config: &Config, now: Timestamp) -> String {
    let line = bypass.name.as_ref().map_or(String::new(), |_| format!(" ({})", bypass.place()));
    let at = |at| format!("{}, {}", local(at, &config.timezone), distance(at, now));
    let state = match bypass.phase(now) {
        BypassPhase::Valid => format!("lets testers in until {}", at(bypass.until)),
        BypassPhase::TooEarly => {
            let from = at(bypass.valid_from());
            format!("lets nobody in before {from}: its end is more than 30 days ahead")
        }
        BypassPhase::Over => format!("is over since {}", at(bypass.until)),
    };
    let scope = describe_scope(&bypass.scope.texts()).map_or(String::new(), |scope| format!("; {scope}"));
    format!("{}{line} {state}{scope}", bypass.title())
}
