//! What a config says of one moment, for people and for programs: the snapshot that `--check` prints, the state that
//! `status` does.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::Config;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::decision::{Because, Decision};
use crate::period::{Occurrence, Period};
use crate::schedule::{Moment, State};

/// The JSON of `--check` and `status`. Times are RFC 3339 in UTC.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Whether the file can be applied.
    pub valid: bool,
    /// Where this comes from: the file.
    pub source: &'static str,
    /// Its problems.
    pub diagnostics: Vec<Problem>,
    /// `up` or `down`; none where the file is not valid.
    pub state: Option<&'static str>,
    /// When the site is back, where that is known.
    pub until: Option<Timestamp>,
    /// Each period, in file order.
    pub periods: Vec<PeriodSummary>,
    /// Each `--url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Vec<DecisionSummary>>,
}

/// A diagnostic.
#[derive(Debug, Serialize)]
pub struct Problem {
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
    active: bool,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    next: Vec<Span>,
}

/// A span of time.
#[derive(Debug, Serialize)]
pub struct Span {
    start: Timestamp,
    end: Option<Timestamp>,
}

/// A decision over one URL.
#[derive(Debug, Serialize)]
pub struct DecisionSummary {
    url: String,
    decision: &'static str,
    status: Option<u16>,
    because: String,
    line: Option<usize>,
    period: Option<String>,
    retry_after: Option<u64>,
    location: Option<String>,
}

impl From<&Diagnostic> for Problem {
    fn from(diagnostic: &Diagnostic) -> Self {
        let (line, column) = diagnostic.line_column().unzip();
        let Diagnostic { severity, message, help, .. } = diagnostic.clone();
        Self { severity, message, line, column, help }
    }
}

impl From<Occurrence> for Span {
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
            diagnostics: diagnostics.iter().map(Problem::from).collect(),
            ..Self::default()
        };
        let Some(config) = config else { return summary };
        let moment = config.rules.schedule.at(now);
        let period = |period: &Period| PeriodSummary {
            name: period.name.clone(),
            line: period.line,
            enabled: period.enabled,
            active: period.active(now).is_some(),
            start: shown(period, now).map(|occurrence| occurrence.start),
            end: shown(period, now).and_then(|occurrence| occurrence.end),
            next: period.upcoming(now).take(3).map(Span::from).collect(),
        };
        Self {
            state: Some(moment.state().as_str()),
            until: moment.back_at(now),
            periods: config.rules.schedule.periods().iter().map(period).collect(),
            ..summary
        }
    }

    /// As JSON, with a newline at the end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// The occurrence that `start` and `end` are those of: the one of a one-off, the running one of a series.
fn shown(period: &Period, now: Timestamp) -> Option<Occurrence> {
    period.once().or_else(|| period.active(now))
}

impl DecisionSummary {
    /// What a decision over `url` says.
    pub fn new(url: String, decision: &Decision<'_>, config: &Config) -> Self {
        let down = decision.down();
        let period = down.and_then(|down| config.rules.schedule.periods().get(down.period));
        let redirect = match decision {
            Decision::Redirect(_, redirect) => Some(redirect),
            _ => None,
        };
        Self {
            url,
            decision: decision.as_str(),
            status: match decision {
                Decision::Pass(_) => None,
                Decision::Unavailable(_) => Some(config.response.status.as_u16()),
                Decision::Redirect(..) => Some(http::StatusCode::FOUND.as_u16()),
            },
            because: Because(decision, &config.rules.schedule).to_string(),
            line: Because(decision, &config.rules.schedule).line(),
            period: period.and_then(|period| period.name.clone()),
            retry_after: down.filter(|_| redirect.is_none()).map(|down| down.retry_after),
            location: redirect.and_then(|redirect| redirect.location().to_str().ok()).map(str::to_owned),
        }
    }

    /// A line for people.
    pub fn line(&self) -> String {
        let status = self.status.map_or(String::new(), |status| format!(" {status}"));
        let location = self.location.as_ref().map_or(String::new(), |location| format!(" to {location}"));
        let retry = self.retry_after.map_or(String::new(), |seconds| format!(", Retry-After {seconds}"));
        format!("{}  {}{status}{location}{retry}: {}", self.url, self.decision, self.because)
    }
}

/// A moment in a zone, as people read it: `2026-12-01 22:00:00 +01:00`.
pub fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%F %T %:z").to_string()
}

/// A length of time, as people say it: at most its two largest units.
pub fn length(length: SignedDuration) -> String {
    let seconds = length.unsigned_abs().as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let parts = units.iter().scan(seconds, |rest, &(size, unit)| {
        let count = *rest / size;
        *rest %= size;
        Some((count, unit))
    });
    let parts: Vec<_> =
        parts.skip_while(|&(count, _)| count == 0).take(2).filter(|&(count, _)| count > 0).collect();
    if parts.is_empty() {
        return "0 s".into();
    }
    parts.iter().map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// The state at `now` in a line: `down until …, in 3 h 20 min: "db-upgrade"`.
pub fn state_line(config: &Config, moment: &Moment, now: Timestamp) -> String {
    let zone = &config.timezone;
    let in_time = |at: Timestamp| format!("{}, in {}", local(at, zone), length(at.duration_since(now)));
    let titles: Vec<_> = moment
        .active
        .iter()
        .filter_map(|active| config.rules.schedule.periods().get(active.period))
        .map(Period::title)
        .collect();
    let state = match moment.state() {
        State::Partial => "partly down",
        State::Up | State::Down => "down",
    };
    match (moment.active.is_empty(), moment.back_at(now), moment.next) {
        (false, Some(until), _) => format!("{state} until {}: {}", in_time(until), titles.join(", ")),
        (false, None, _) => format!("{state}, with no known end: {}", titles.join(", ")),
        (true, _, Some(next)) => format!("up; the next downtime starts at {}", in_time(next.start)),
        (true, _, None) => "up; no downtime is planned".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_said_in_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_661, "1 h 1 min"),
            (3_601, "1 h"),
            (86_400 * 3 + 7_200, "3 d 2 h"),
            (-90, "1 min 30 s"),
        ] {
            assert_eq!(length(SignedDuration::from_secs(seconds)), text, "{seconds}");
        }
    }
}
