//! `downtime --check`: tests the file and prints the snapshot that it makes.

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;

use super::facts::{Client, Url};
use super::{Format, print_diagnostics, print_error, print_result};
use crate::clock;
use crate::config::time::{TimeFault, Written};
use crate::config::{Config, Site};
use crate::decision::decide;
use crate::load::load;
use crate::period::{Occurrence, Period, Timing};
use crate::summary::{DecisionSummary, Summary, length, local, state_line};
use crate::zone::Fold;

/// 0 where the file is valid, 1 where it is not.
pub(super) fn run(
    path: &Path,
    at: Option<Written>,
    urls: &[Url],
    client: &Client,
    format: Format,
) -> ExitCode {
    let mut reading = load(path).reading;
    let now =
        match at.zip(reading.config.as_ref()).map(|(at, config)| at.resolve(&config.timezone, Fold::First)) {
            None => clock::now(),
            Some(Ok(at)) => at,
            Some(Err(fault)) => {
                print_error(&format!("--at: {fault}"), TimeFault::HELP);
                return ExitCode::from(2);
            }
        };
    reading.lint(now);
    let config = reading.config.as_ref();
    let decisions = config.map(|config| decisions(config, urls, client, now));
    if format == Format::Json {
        let decisions = decisions.filter(|_| !urls.is_empty());
        print_result(&Summary { decisions, ..Summary::new(config, &reading.diagnostics, now) }.to_json());
    } else {
        print_diagnostics(&reading.diagnostics);
        if let (Some(config), Some(decisions)) = (config, decisions) {
            print_result(&describe(path, config, &decisions, now));
        }
    }
    if reading.config.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn decisions(config: &Config, urls: &[Url], client: &Client, now: Timestamp) -> Vec<DecisionSummary> {
    let moment = config.rules.schedule.at(now);
    let report = |url: &Url| {
        let decision = decide(&config.rules, &url.request(client), &moment, now);
        DecisionSummary::new(url.text.clone(), &decision, config)
    };
    urls.iter().map(report).collect()
}

fn describe(path: &Path, config: &Config, decisions: &[DecisionSummary], now: Timestamp) -> String {
    let mut lines = vec![
        format!("{} is valid", path.display()),
        format!("site      {}", site(config)),
        format!(
            "listen    {}",
            config.server.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
        format!("at        {}", local(now, &config.timezone)),
        format!("state     {}", state_line(config, &config.rules.schedule.at(now), now)),
    ];
    lines.extend(
        config.rules.schedule.periods().iter().map(|p| format!("period    {}", period(p, config, now))),
    );
    lines.extend(config.rules.exemptions.rules().iter().map(|rule| format!("exempt    {rule}")));
    lines.extend(decisions.iter().map(|decision| format!("url       {}", decision.line())));
    lines.join("\n") + "\n"
}

fn site(config: &Config) -> String {
    match &config.site {
        Site::Welcome => "the welcome page: [site] names neither an upstream nor a root".into(),
        Site::Root(root) => format!("the folder {}", root.display()),
        Site::Upstream(site) => format!("the upstream {}", site.upstream),
    }
}

fn period(period: &Period, config: &Config, now: Timestamp) -> String {
    let line = period.name.as_ref().map_or(String::new(), |_| format!(" (line {})", period.line));
    let state = match () {
        () if !period.enabled => "not enabled",
        () if period.active(now).is_some() => "active",
        () if period.is_over(now) => "over",
        () => "to come",
    };
    let when = match &period.timing {
        Timing::Once(occurrence) => span(*occurrence, config),
        Timing::Series(series) => {
            let shown = period.active(now).into_iter().chain(period.upcoming(now)).take(3);
            let shown: Vec<_> = shown.map(|occurrence| span(occurrence, config)).collect();
            format!("{} for {}: {}", series.written, length(series.length), shown.join(", then "))
        }
    };
    format!("{}{line}: {when}: {state}", period.title())
}

fn span(Occurrence { start, end }: Occurrence, config: &Config) -> String {
    let zone = &config.timezone;
    let Some(end) = end else { return format!("{}, open-ended", local(start, zone)) };
    format!("{} to {} ({})", local(start, zone), local(end, zone), length(end.duration_since(start)))
}
