//! The decision for a request, with its reason and its next change.

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::text::aligned;
use crate::config::Config;
use crate::decision::{Decision, DecisionReason, Pass, changes_at};
use crate::matching::request::Request;
use crate::schedule::human_time::{distance, local};
use crate::schedule::state::ScheduleState;

/// The decision for one URL.
#[derive(Debug, Serialize)]
pub struct DecisionSummary {
    url: String,
    decision: &'static str,
    /// The status, if the gateway makes the response.
    status: Option<u16>,
    because: String,
    line: Option<usize>,
    /// The periods file, if the line is in it.
    file: Option<String>,
    period: Option<String>,
    retry_after: Option<u64>,
    location: Option<String>,
    /// The path that rules match: percent-decoded if it is canonical, else as received.
    path: String,
    canonical: bool,
    not_canonical_because: Option<String>,
    /// The time at which the request goes down, or passes again.
    changes_at: Option<Timestamp>,
    #[serde(skip)]
    is_down: bool,
    /// The fields of the response, if the gateway makes it.
    #[serde(serialize_with = "fields")]
    headers: Option<HeaderMap>,
}

fn fields<S: Serializer>(headers: &Option<HeaderMap>, serializer: S) -> Result<S::Ok, S::Error> {
    match headers {
        Some(headers) => serializer.collect_map(field_texts(headers)),
        None => serializer.serialize_none(),
    }
}

fn field_texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
}

impl DecisionSummary {
    /// Summarizes the decision for `url`. `headers` are the fields of the response, if the gateway makes it.
    pub fn new(
        url: String,
        request: &Request<'_>,
        decision: &Decision<'_>,
        config: &Config,
        (state, now): (&ScheduleState, Timestamp),
        headers: Option<HeaderMap>,
    ) -> Self {
        let rules = &config.rules;
        let because = DecisionReason(decision, &rules.schedule);
        let down = decision.down();
        let location = match decision {
            Decision::Https(_, location) => {
                location.as_ref().and_then(|url| url.to_str().ok()).map(str::to_owned)
            }
            Decision::Redirect(_, redirect) => Some(redirect.to_string()),
            Decision::Pass(_) | Decision::Unavailable(_) => None,
        };
        let period = down.and_then(|down| rules.schedule.periods().get(down.period));
        Self {
            url,
            decision: decision.as_str(),
            status: match decision {
                Decision::Https(_, None) => Some(StatusCode::BAD_REQUEST.as_u16()),
                Decision::Https(_, Some(_)) => Some(StatusCode::PERMANENT_REDIRECT.as_u16()),
                Decision::Pass(Pass::Probe { is_down: true, .. }) => Some(StatusCode::OK.as_u16()),
                Decision::Pass(_) => None,
                Decision::Unavailable(_) => Some(config.response.status.as_u16()),
                Decision::Redirect(..) => Some(StatusCode::FOUND.as_u16()),
            },
            because: because.to_string(),
            line: because.line(),
            file: because.file().map(str::to_owned),
            period: period.and_then(|period| period.name.clone()),
            retry_after: down.filter(|_| location.is_none()).map(|down| down.retry_after),
            location,
            is_down: down.is_some(),
            path: request.path.canonical().unwrap_or(request.path.raw()).to_owned(),
            canonical: request.path.fault().is_none(),
            not_canonical_because: request.path.fault().map(|fault| fault.to_string()),
            changes_at: changes_at(rules, request, decision, state, now),
            headers,
        }
    }

    /// Describes the decision in short: `pass`, `unavailable 503`, `redirect 302 to /sorry`.
    fn decision_text(&self) -> String {
        let status = self.status.map_or(String::new(), |status| format!(" {status}"));
        let location = self.location.as_ref().map_or(String::new(), |location| format!(" to {location}"));
        format!("{}{status}{location}", self.decision)
    }

    fn reason(&self) -> String {
        let file = self.file.as_ref().map_or(String::new(), |file| format!(" of {file}"));
        match self.line.map(|line| format!("line {line}{file}")) {
            Some(line) if !self.because.contains(&line) => format!("{} ({line})", self.because),
            _ => self.because.clone(),
        }
    }

    /// Describes the next change; `when` formats its time.
    fn change(&self, now: Timestamp, when: impl Fn(Timestamp) -> String) -> String {
        let Some(at) = self.changes_at else {
            return if self.is_down { "no known end".into() } else { "no change planned".into() };
        };
        let what = if self.is_down { "passes" } else { "goes down" };
        format!("{what}{} {}", when(at), distance(at, now))
    }

    fn path_lines(&self) -> Vec<String> {
        let because = self.not_canonical_because.as_ref().map(|because| {
            format!(
                "              not canonical, because it {because}: never exempt, and covered by the `paths` of every period"
            )
        });
        [format!("    path      {}", self.path)].into_iter().chain(because).collect()
    }

    fn explanation(&self, config: &Config, now: Timestamp) -> Vec<String> {
        let mut lines = vec![
            format!("url       {}: {}", self.url, self.decision_text()),
            format!("    because   {}", self.reason()),
        ];
        lines.extend(self.path_lines());
        lines.push(format!(
            "    next      {}",
            self.change(now, |at| format!(" at {},", local(at, &config.timezone)))
        ));
        let Some(headers) = &self.headers else {
            return lines;
        };
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        lines.push(format!("    response  {}", status.map_or(String::new(), |status| status.to_string())));
        lines.extend(field_texts(headers).map(|(name, value)| format!("              {name}: {value}")));
        lines
    }

    /// Describes the decisions for people: a single one in detail, several on one line each.
    pub fn lines(decisions: &[Self], config: &Config, now: Timestamp) -> Vec<String> {
        if let [decision] = decisions {
            return decision.explanation(config, now);
        }
        let in_time = |_| String::new();
        let row = |d: &Self| {
            vec![format!("url       {}", d.url), d.decision_text(), d.change(now, in_time), d.reason()]
        };
        aligned(&decisions.iter().map(row).collect::<Vec<_>>())
    }
}
