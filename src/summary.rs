//! What a config says of one moment, for people and for programs: the snapshot that `--check` prints, the state that
//! `status` does.

mod chart;
mod plan;
mod request;
mod state;
mod status;
mod text;
mod timeline;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::config::Config;
use crate::config::diagnostic::{Diagnostic, Severity, without_passwords};
use crate::decision::down_response::DownResponse;
use crate::matching::scope::Scope;
use crate::schedule::period::{Occurrence, Period};

pub use chart::Ink;
pub use plan::plan;
pub use request::DecisionSummary;
pub use state::state_line;
pub use status::status_lines;
pub use text::to_json;
pub use timeline::timeline;

/// The JSON of `--check` and `status`. Times are RFC 3339 in UTC.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Whether the file can be applied.
    pub valid: bool,
    /// Where this comes from: `file` or `server`.
    pub source: &'static str,
    /// Its problems.
    pub diagnostics: Vec<DiagnosticSummary>,
    /// `up`, `partial` or `down`; none where the file is not valid.
    pub state: Option<&'static str>,
    /// When this state ends, if that is known. Of `down` that is when no period without a scope is active any more: parts may
    /// stay down.
    pub until: Option<Timestamp>,
    /// When no part of the site is down any more, if that is known; none while it is up.
    pub up_at: Option<Timestamp>,
    /// When the first of the periods began that make this state.
    pub since: Option<Timestamp>,
    /// When the next period starts or ends.
    pub next_change: Option<Timestamp>,
    /// The next downtime.
    pub next: Option<TimeSpan>,
    /// Each period, in file order.
    pub periods: Vec<PeriodSummary>,
    /// Each `--url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Vec<DecisionSummary>>,
}

/// A diagnostic.
#[derive(Debug, Serialize)]
pub struct DiagnosticSummary {
    severity: Severity,
    message: String,
    line: Option<usize>,
    column: Option<usize>,
    help: Option<String>,
}

/// A period at a moment.
#[derive(Debug, Serialize)]
pub struct PeriodSummary {
    name: Option<String>,
    line: usize,
    enabled: bool,
    unscheduled: bool,
    active: bool,
    state: &'static str,
    cron: Option<String>,
    timezone: Option<String>,
    hosts: Option<Vec<String>>,
    paths: Option<Vec<String>>,
    methods: Option<Vec<String>>,
    redirect: Option<String>,
    template: Option<String>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    next: Vec<TimeSpan>,
}

/// A span of time.
#[derive(Debug, Serialize)]
pub struct TimeSpan {
    start: Timestamp,
    end: Option<Timestamp>,
}

impl From<&Diagnostic> for DiagnosticSummary {
    fn from(diagnostic: &Diagnostic) -> Self {
        let (line, column) = diagnostic.line_column().unzip();
        let message = without_passwords(&diagnostic.message);
        let help = diagnostic.help.as_deref().map(without_passwords);
        Self { severity: diagnostic.severity, message, line, column, help }
    }
}

impl From<Occurrence> for TimeSpan {
    fn from(Occurrence { start, end }: Occurrence) -> Self {
        Self { start, end }
    }
}

impl Summary {
    /// What a reading of the file says of `now`.
    pub fn new(config: Option<&Config>, diagnostics: &[Diagnostic], now: Timestamp) -> Self {
        let summary = Self {
            valid: config.is_some(),
            source: "file",
            diagnostics: diagnostics.iter().map(DiagnosticSummary::from).collect(),
            ..Self::default()
        };
        let Some(config) = config else { return summary };
        let schedule = &config.rules.schedule;
        let moment = schedule.at(now);
        let period = |(period, answer): (&Period, &DownResponse)| {
            PeriodSummary::new(period, answer, &config.timezone, now)
        };
        Self {
            state: Some(moment.state().as_str()),
            until: state::until(schedule, &moment, now),
            up_at: moment.back_at(now),
            since: state::since(schedule, &moment),
            next_change: moment.next_change(),
            next: moment.next.map(TimeSpan::from),
            periods: schedule.periods().iter().zip(&config.rules.responses).map(period).collect(),
            ..summary
        }
    }

    /// As JSON, with a newline at the end.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl PeriodSummary {
    fn new(period: &Period, answer: &DownResponse, zone: &TimeZone, now: Timestamp) -> Self {
        let series = period.series();
        let Scope { hosts, paths, methods } = &period.scope;
        Self {
            name: period.name.clone(),
            line: period.line,
            enabled: period.enabled,
            unscheduled: period.unscheduled,
            active: period.active(now).is_some(),
            state: period.phase(now).as_str(),
            cron: series.map(|series| series.expression.clone()),
            timezone: series.map_or(zone, |series| &series.zone).iana_name().map(str::to_owned),
            hosts: hosts.as_ref().map(|hosts| hosts.iter().map(ToString::to_string).collect()),
            paths: paths.as_ref().map(|paths| paths.texts().to_vec()),
            methods: methods.as_ref().map(|methods| methods.iter().map(ToString::to_string).collect()),
            redirect: answer.redirect.as_ref().map(ToString::to_string),
            template: answer.own_template.as_deref().map(str::to_owned),
            start: shown(period, now).map(|occurrence| occurrence.start),
            end: shown(period, now).and_then(|occurrence| occurrence.end),
            next: period.upcoming(now).take(3).map(TimeSpan::from).collect(),
        }
    }
}

/// The occurrence that `start` and `end` are those of: the one of a one-off, the running one of a series.
fn shown(period: &Period, now: Timestamp) -> Option<Occurrence> {
    period.once().or_else(|| period.active(now))
}
