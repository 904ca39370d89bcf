//! The overview: the state in a sentence with the button that matters, the next days, and all periods.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;
use tokio::runtime::Handle;

use super::drawing::Drawing;
use super::listed::{ListedBypass, ListedPeriod, PeriodGroup, bypasses, groups, listed, moment};
use super::notices::Notice;
use super::problem::{Problem, ProblemItem};
use super::visit::Visit;
use crate::config::Config;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::load::Loaded;
use crate::management::client::query_status;
use crate::schedule::human_time::distance;
use crate::schedule::period::Period;
use crate::schedule::state::{ScheduleState, State};
use crate::summary::{self, Summary};

/// The time limit for the gateway's response.
const QUERY_TIMEOUT: Duration = Duration::from_secs(1);
/// The most warnings that are shown.
const MAX_WARNINGS: usize = 5;

#[derive(Serialize)]
struct OverviewPage {
    heading: &'static str,
    end: Option<String>,
    leads: Vec<String>,
    is_down: bool,
    endable: Option<ListedPeriod>,
    may_write: bool,
    notice: Option<Notice>,
    problem: Option<Problem>,
    timeline: Option<Drawing>,
    zone: String,
    groups: Vec<PeriodGroup>,
    bypasses: Vec<ListedBypass>,
    diagnostics: Vec<PlacedWarning>,
}

#[derive(Serialize)]
struct PlacedWarning {
    line: Option<usize>,
    place: String,
    #[serde(flatten)]
    item: ProblemItem,
}

/// Responds with the overview, or with the summary that `--check --format json` prints.
pub(super) fn respond(mut visit: Visit<'_>) -> Response<Bytes> {
    let now = visit.now;
    visit.loaded.lint(now);
    let Loaded { reading, .. } = &visit.loaded;
    if visit.request.wants_json {
        return super::json(
            StatusCode::OK,
            &Summary::new(reading.config.as_ref(), &reading.diagnostics, now),
        );
    }
    let config = match visit.valid() {
        Ok(config) => config,
        Err(problem) => return visit.problem(&problem),
    };
    let state = config.rules.schedule.at(now);
    let (heading, end) = heading(config, &state, &visit);
    let causes = summary::causes(&config.rules.schedule, &state);
    let causes: Vec<_> = causes.filter_map(|active| listed(&visit, config, active.period)).collect();
    let gateway = GatewayRemark::ask(&visit, config);
    let mut leads = vec![lead(&causes, end.is_some(), config, &state, &visit)];
    leads.extend(gateway.lead);
    let values = OverviewPage {
        heading,
        end,
        leads,
        is_down: state.state() == State::Down,
        endable: causes.into_iter().find(|period| period.is_editable),
        may_write: visit.may_write(),
        notice: visit.notice(),
        problem: gateway.problem,
        timeline: Drawing::new(config, now),
        zone: super::visit::zone_name(&config.timezone),
        groups: groups(&visit, config),
        bypasses: bypasses(&visit, config).into_iter().filter(|bypass| bypass.is_valid).collect(),
        diagnostics: warnings(&reading.diagnostics),
    };
    visit.page(StatusCode::OK, ("overview", heading), &values)
}

fn heading(config: &Config, state: &ScheduleState, visit: &Visit<'_>) -> (&'static str, Option<String>) {
    let until = summary::until(&config.rules.schedule, state, visit.now);
    let end = until.map(|at| format!("until {}", moment(at, &config.timezone)));
    match state.state() {
        State::Up => ("The site is up", None),
        State::Down => ("The site is down", end),
        State::Partial => ("A part of the site is down", end),
    }
}

/// Says why the site is down, or when it is down next. `has_end` tells if the heading says when the state ends.
fn lead(
    causes: &[ListedPeriod],
    has_end: bool,
    config: &Config,
    state: &ScheduleState,
    visit: &Visit<'_>,
) -> String {
    if let Some(first) = causes.first() {
        let titles: Vec<_> = causes.iter().map(|period| period.cause.as_str()).collect();
        let end = state.back_at(visit.now);
        let end = match end {
            Some(at) => format!("the whole site is up again {}", distance(at, visit.now)),
            None if has_end => "at least a part of it stays down after that, with no known end".to_owned(),
            None => "with no known end".to_owned(),
        };
        let covers = first.covers.as_ref().map_or(String::new(), |covers| format!(" ({covers})"));
        return format!("Because of {}{covers}; {end}.", titles.join(", "));
    }
    match state.next {
        None => "No downtime is planned.".to_owned(),
        Some(next) => {
            let at = moment(next.start, &config.timezone);
            let periods = config.rules.schedule.periods().iter();
            let starts = |period: &&Period| period.next(visit.now).is_some_and(|it| it.start == next.start);
            let title = periods.filter(starts).find_map(|period| period.name.as_ref());
            let title = title.map_or(String::new(), |name| format!(", {name},"));
            format!("The next downtime{title} starts on {at}, {}.", distance(next.start, visit.now))
        }
    }
}

fn warnings(diagnostics: &[Diagnostic]) -> Vec<PlacedWarning> {
    let warnings = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning);
    let shown = |diagnostic: &Diagnostic| {
        let line = diagnostic.line_column().map(|(line, _)| line);
        let file = diagnostic.place.as_ref().map_or("", |place| place.source.name.as_str());
        let place = line.map_or(String::new(), |line| format!("line {line} of {file}"));
        PlacedWarning { line, place, item: ProblemItem::from(diagnostic) }
    };
    warnings.take(MAX_WARNINGS).map(shown).collect()
}

/// What the running gateway says about the file.
#[derive(Default)]
struct GatewayRemark {
    lead: Option<String>,
    problem: Option<Problem>,
}

impl GatewayRemark {
    fn ask(visit: &Visit<'_>, config: &Config) -> Self {
        let Some(management) = &config.management else { return Self::default() };
        let status = match Handle::current().block_on(query_status(&management.listen, QUERY_TIMEOUT)) {
            Ok(reply) => reply.gateway,
            Err(error) => {
                let lead = format!("This is what the file says: the gateway does not answer ({error}).");
                return Self { lead: Some(lead), problem: None };
            }
        };
        match status.rejected.filter(|rejection| rejection.is_of(visit.loaded.sha256.as_deref())) {
            _ if status.sha256 == visit.sha256() => Self::default(),
            None => Self {
                lead: Some("The gateway has not applied this version of the file yet.".to_owned()),
                problem: None,
            },
            Some(rejection) => {
                let errors = rejection.errors().map(crate::editing::from_gateway);
                let list = errors.map(|error| ProblemItem::from(&error)).collect();
                let title = "The gateway has rejected this version of the file";
                let text = "It keeps its last valid configuration.";
                Self {
                    lead: None,
                    problem: Some(Problem { list, ..Problem::new(StatusCode::OK, title, text) }),
                }
            }
        }
    }
}
