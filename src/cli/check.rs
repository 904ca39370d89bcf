//! `downtime --check`: tests the file and prints the snapshot that it makes.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::facts::{Client, Url};
use super::{Format, colour, print_diagnostics, print_error, print_result};
use crate::clock;
use crate::config::time::{TimeFault, Written};
use crate::config::{Config, Site};
use crate::decision::decide;
use crate::filters::exchange::Verdict;
use crate::filters::gate;
use crate::load::load;
use crate::readable::local;
use crate::snapshot::Snapshot;
use crate::summary::{DecisionSummary, Ink, Summary, plan, state_line, timeline};
use crate::zone::Fold;

/// What browsers ask for when a person goes to a page.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// 0 where the file is valid, 1 where it is not.
pub(super) fn run(
    path: &Path,
    at: Option<Written>,
    urls: &[Url],
    client: &Client,
    format: Format,
) -> ExitCode {
    let mut loaded = load(path);
    let now = match at
        .zip(loaded.reading.config.as_ref())
        .map(|(at, config)| at.resolve(&config.timezone, Fold::First))
    {
        None => clock::now(),
        Some(Ok(at)) => at,
        Some(Err(fault)) => {
            print_error(&format!("--at: {fault}"), TimeFault::HELP);
            return ExitCode::from(2);
        }
    };
    loaded.lint(now);
    let reading = loaded.reading;
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
    let snapshot = Snapshot::new(config.clone(), 1, String::new(), now);
    let phase = snapshot.phase(now);
    let headers: HeaderMap = [(ACCEPT, HeaderValue::from_static(BROWSER))].into_iter().collect();
    let report = |url: &Url| {
        let request = url.request(client, &headers);
        let decision = decide(&config.rules, &request, &phase.moment, now);
        let verdict = Verdict::from(decision.clone());
        let response = gate::respond(&snapshot, &phase, &verdict, request.method, &headers);
        let headers = response.map(|response| response.into_parts().0.headers);
        DecisionSummary::new(url.text.clone(), &request, &decision, config, (&phase.moment, now), headers)
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
    let stdout = std::io::stdout();
    let ink = Ink { blocks: stdout.is_terminal(), colour: colour(&stdout) };
    lines.extend(plan(config, now));
    lines.extend(timeline(config, now, ink));
    lines.extend(config.rules.exemptions.rules().iter().map(|rule| format!("exempt    {rule}")));
    lines.extend(DecisionSummary::lines(decisions, config, now));
    lines.join("\n") + "\n"
}

fn site(config: &Config) -> String {
    match &config.site {
        Site::Welcome => "the welcome page: [site] names neither an upstream nor a root".into(),
        Site::Root(root) => format!("the folder {}", root.display()),
        Site::Upstream(site) => format!("the upstream {}", site.upstream),
    }
}
