//! Describes a config at one point in time, for people and programs: the output of `--check` and `status`.

mod bypasses;
mod certificates;
mod chart;
mod plan;
mod request;
mod state;
mod status;
mod text;
mod timeline;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::config::diagnostic::{Diagnostic, Severity, without_passwords};
use crate::decision::down_response::DownResponse;
use crate::schedule::period::{Occurrence, Period};

pub use bypasses::{BypassSummary, bypass_lines, short_bypass_lines};
pub use certificates::{CertificateSummary, certificate_lines, certificate_problems};
pub use chart::ChartStyle;
pub use plan::{describe_period, plan};
pub use request::DecisionSummary;
pub use state::{StateFields, causes, lasting_state_line, since, state_line, until};
pub use status::status_lines;
pub use text::to_json;
pub use timeline::{NextDays, next_days, timeline};

/// The JSON of `--check` and `status`. Times are RFC 3339 in UTC.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// True if the file can be applied.
    pub valid: bool,
    /// The source: `file` or `server`.
    pub source: &'static str,
    /// The diagnostics of the file.
    pub diagnostics: Vec<DiagnosticSummary>,
    /// `up`, `partial` or `down`; `None` if the file is invalid.
    pub state: Option<&'static str>,
    /// The end of this state, if known. `down` ends when no period without a scope is active; parts may stay
    /// down.
    pub until: Option<Timestamp>,
    /// The time from which the whole site is up again, if known; `None` while it is up.
    pub up_at: Option<Timestamp>,
    /// The start of the earliest of the periods that cause this state.
    pub since: Option<Timestamp>,
    /// The time at which the next period starts or ends.
    pub next_change: Option<Timestamp>,
    /// The next downtime.
    pub next: Option<Occurrence>,
    /// Each period, in file order.
    pub periods: Vec<PeriodSummary>,
    /// Each bypass, in file order.
    pub bypasses: Vec<BypassSummary>,
    /// The certificates for addresses with https, in file order.
    pub certificates: Vec<CertificateSummary>,
    /// The decision for each `--url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Vec<DecisionSummary>>,
}

/// A diagnostic.
#[derive(Debug, Serialize, Deserialize)]
pub struct DiagnosticSummary {
    /// The severity.
    pub severity: Severity,
    /// The message: what is wrong.
    pub message: String,
    /// The file, if the diagnostic has a place in one.
    #[serde(default)]
    pub file: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The help: what to write instead.
    pub help: Option<String>,
}

/// A period at one point in time.
#[derive(Debug, Serialize)]
pub struct PeriodSummary {
    name: Option<String>,
    line: usize,
    file: Option<String>,
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
    next: Vec<Occurrence>,
}

impl From<&Diagnostic> for DiagnosticSummary {
    fn from(diagnostic: &Diagnostic) -> Self {
        let (line, column) = diagnostic.line_column().unzip();
        let message = without_passwords(&diagnostic.message);
        let help = diagnostic.help.as_deref().map(without_passwords);
        let file = diagnostic.place.as_ref().map(|place| place.source.name.clone());
        Self { severity: diagnostic.severity, message, file, line, column, help }
    }
}

impl Summary {
    /// Summarizes a file at `now`. Without a config, the file is invalid.
    pub fn new(config: Option<&Config>, diagnostics: &[Diagnostic], now: Timestamp) -> Self {
        let summary = Self {
            valid: config.is_some(),
            source: "file",
            diagnostics: diagnostics.iter().map(DiagnosticSummary::from).collect(),
            ..Self::default()
        };
        let Some(config) = config else { return summary };
        let schedule = &config.rules.schedule;
        let state = schedule.at(now);
        let period = |(period, response): (&Period, &DownResponse)| {
            PeriodSummary::new(period, response, &config.timezone, now)
        };
        Self {
            state: Some(state.state().as_str()),
            until: state::until(schedule, &state, now),
            up_at: state.back_at(now),
            since: state::since(schedule, &state),
            next_change: state.next_change(),
            next: state.next,
            bypasses: config
                .rules
                .bypasses
                .all()
                .iter()
                .map(|bypass| BypassSummary::new(bypass, now))
                .collect(),
            certificates: config.certificates.all().iter().map(CertificateSummary::from).collect(),
            periods: schedule.periods().iter().zip(&config.rules.responses).map(period).collect(),
            ..summary
        }
    }

    /// Serializes the summary as JSON, with a newline at the end.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl PeriodSummary {
    fn new(period: &Period, response: &DownResponse, zone: &TimeZone, now: Timestamp) -> Self {
        let [hosts, paths, methods] = period.scope.texts().map(|(_, list)| list);
        Self {
            name: period.name.clone(),
            line: period.line,
            file: period.file.as_deref().map(str::to_owned),
            enabled: period.enabled,
            unscheduled: period.unscheduled,
            active: period.active(now).is_some(),
            state: period.phase(now).as_str(),
            cron: period.series().map(|series| series.expression.clone()),
            timezone: period.zone(zone).iana_name().map(str::to_owned),
            hosts,
            paths,
            methods,
            redirect: response.redirect.as_ref().map(ToString::to_string),
            template: response.own_template.as_deref().map(str::to_owned),
            start: current_occurrence(period, now).map(|occurrence| occurrence.start),
            end: current_occurrence(period, now).and_then(|occurrence| occurrence.end),
            next: period.upcoming(now).take(3).collect(),
        }
    }
}

/// Returns the occurrence of a one-off period, or the running one of a series.
fn current_occurrence(period: &Period, now: Timestamp) -> Option<Occurrence> {
    period.once().or_else(|| period.active(now))
}
