//! `downtime --check`: checks the file and prints the resulting plan.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::url_args::{ClientArgs, UrlArg};
use super::{Format, print_diagnostics, print_error, print_result};
use crate::clock;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::load::load;
use crate::config::time::{TimeError, TimeLiteral};
use crate::config::{Config, Site};
use crate::decision::decide;
use crate::escape::escape;
use crate::filters::context::OwnedDecision;
use crate::filters::{gate, probe};
use crate::logging::has_colour;
use crate::page::{VisitorRequest, is_favicon};
use crate::schedule::human_time::local;
use crate::schedule::zone::Fold;
use crate::snapshot::Snapshot;
use crate::summary::{
    ChartStyle, DecisionSummary, Summary, bypass_lines, certificate_lines, plan, state_line, timeline,
};

/// The `Accept` field of a browser that opens a page.
const BROWSER_ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The options of `--check`.
pub(super) struct CheckArgs {
    /// The time to show; `None` is now.
    pub(super) at: Option<TimeLiteral>,
    /// The URLs of the requests to decide.
    pub(super) urls: Vec<UrlArg>,
    /// The client that makes the requests.
    pub(super) client: ClientArgs,
    /// The output format.
    pub(super) format: Format,
    /// True if a warning fails the check.
    pub(super) denies_warnings: bool,
    /// True if neither notes nor the plan are printed.
    pub(super) is_quiet: bool,
}

/// Returns 0 if the file is valid; 1 if it is not, or if it has warnings and they are denied.
pub(super) fn run(path: &Path, arguments: &CheckArgs) -> Result<ExitCode, ExitCode> {
    let mut loaded = load(path);
    let now = resolve_time(arguments.at, loaded.reading.config.as_ref())?;
    loaded.lint_at(now, clock::now());
    let mut reading = loaded.reading;
    if arguments.is_quiet {
        reading.diagnostics.retain(|diagnostic| diagnostic.severity != Severity::Note);
    }
    let config = reading.config.as_ref();
    let decisions = config.map(|config| decisions(config, &arguments.urls, &arguments.client, now));
    let is_denied = arguments.denies_warnings && has_warnings(&reading.diagnostics);
    if arguments.format == Format::Json {
        let decisions = decisions.filter(|_| !arguments.urls.is_empty());
        print_result(&Summary { decisions, ..Summary::new(config, &reading.diagnostics, now) }.to_json())?;
    } else {
        print_diagnostics(&reading.diagnostics);
        if let (Some(config), Some(decisions), false) = (config, decisions, arguments.is_quiet) {
            print_result(&describe(path, config, &decisions, now))?;
        }
        if is_denied {
            print_error(
                "there are warnings, and --deny warnings makes them errors",
                "fix the warnings above",
            );
        }
    }
    Ok(if config.is_some() && !is_denied { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Resolves `--at` in the time zone of the file; without it, returns the current time.
fn resolve_time(at: Option<TimeLiteral>, config: Option<&Config>) -> Result<Timestamp, ExitCode> {
    let Some((at, config)) = at.zip(config) else { return Ok(clock::now()) };
    at.resolve(&config.timezone, Fold::First).map_err(|fault| {
        print_error(&format!("--at: {fault}"), TimeError::HELP);
        ExitCode::from(2)
    })
}

fn has_warnings(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Warning)
}

fn decisions(config: &Config, urls: &[UrlArg], client: &ClientArgs, now: Timestamp) -> Vec<DecisionSummary> {
    let snapshot = Snapshot::new(config.clone(), 1, String::new(), now);
    let phase = snapshot.phase(now);
    let headers: HeaderMap = [(ACCEPT, HeaderValue::from_static(BROWSER_ACCEPT))].into_iter().collect();
    let report = |url: &UrlArg| {
        let request = url.request(client, &headers);
        let decision = decide(&config.rules, &request, &phase.state, now);
        let owned = OwnedDecision::from(decision.clone());
        let visitor = VisitorRequest {
            method: request.method,
            headers: &headers,
            is_favicon: is_favicon(request.method, request.path.raw()),
            is_unsent: true,
        };
        let response = gate::respond(&snapshot, &phase, &owned, &visitor).or_else(|| probe::respond(&owned));
        let headers = response.map(|response| response.into_parts().0.headers);
        DecisionSummary::new(url.text.clone(), &request, &decision, config, (&phase.state, now), headers)
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
    ];
    lines.extend(
        config
            .periods_file
            .as_ref()
            .map(|file| format!("periods   {}, which commands edit", file.path.display())),
    );
    lines.extend(certificate_lines(config, now));
    lines.push(format!("at        {}", local(now, &config.timezone)));
    lines.push(format!("state     {}", state_line(config, &config.rules.schedule.at(now), now)));
    let stdout = std::io::stdout();
    let style = ChartStyle { blocks: stdout.is_terminal(), colour: has_colour(&stdout) };
    lines.extend(plan(config, now));
    // The timeline may be coloured, so it escapes the names in it itself.
    let timeline = timeline(config, now, style);
    let rules = config.rules.exemptions.rules().iter().map(|rule| format!("exempt    {rule}"));
    let rest = rules.chain(bypass_lines(config, now)).chain(DecisionSummary::lines(decisions, config, now));
    let escaped = |line: String| escape(&line).into_owned();
    let lines: Vec<_> = lines.into_iter().map(escaped).chain(timeline).chain(rest.map(escaped)).collect();
    lines.join("\n") + "\n"
}

fn site(config: &Config) -> String {
    match &config.site {
        Site::Welcome => "the welcome page: [site] names neither an upstream nor a root".into(),
        Site::Root(files) => format!("the directory {}", files.root.display()),
        Site::Upstream(site) => format!("the upstream {}", site.upstream),
    }
}
