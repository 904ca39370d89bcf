//! Taking the site down now: the page that asks, and what it does, which is that of `downtime start`.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::form::{FormContext, FormValues, typed};
use super::keys::message_of;
use super::problem::{Problem, ProblemItem, sentence};
use super::save::{self, Plan, conflict};
use super::visit::Visit;
use crate::config::Config;
use crate::config::time::TimeLiteral;
use crate::editing::{
    DowntimeFault, EditRefusal, EditSource, RequestedDowntime, change_running, floor_to_second,
    parse_duration, write_period,
};
use crate::schedule::zone::Fold;

#[derive(Serialize)]
struct DownPage<'a> {
    sha256: &'a str,
    values: FormValues,
    errors: FormValues,
    theirs: FormValues,
    problem: Option<Problem>,
    lang: &'static str,
}

/// Responds with the page that asks.
pub(super) fn ask(visit: &Visit<'_>, problem: Option<Problem>) -> Result<Response<Bytes>, Problem> {
    let config = visit.valid()?;
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    let errors = Problem::by_field(problem.as_ref());
    let page = DownPage {
        sha256: visit.sha256(),
        values: visit.request.fields.iter().cloned().collect(),
        errors,
        theirs: FormValues::new(),
        problem,
        lang: config.page.lang.words().name,
    };
    Ok(visit.page(status, ("down", "Take the site down now"), &page))
}

/// Returns true if a request for a new period is one for a downtime that starts now: it says so, or names no other time. An empty
/// `start` is a mistake and not now.
pub(super) fn is_meant(visit: &Visit<'_>) -> bool {
    let has = |name| visit.request.field(name).is_some();
    visit.request.field("now") == Some("true") || !["now", "repeats", "start", "cron"].into_iter().any(has)
}

/// Takes the site down.
pub(super) fn carry_out(visit: &Visit<'_>) -> Result<Response<Bytes>, Problem> {
    let config = visit.valid()?;
    let result = conflict(visit).map_or_else(|| start(visit, config), Err);
    match result {
        Err(problem) if !visit.request.wants_json => ask(visit, Some(problem)),
        result => result,
    }
}

fn start(visit: &Visit<'_>, config: &Config) -> Result<Response<Bytes>, Problem> {
    let requested = requested(visit, config).map_err(|item| Problem::of_values(vec![item]))?;
    let plan = |source: &EditSource<'_>| planned(&requested.starting_at(source.now), source);
    let item = |diagnostic: &_| ProblemItem::from(diagnostic);
    let saved = save::edit(visit, StatusCode::CREATED, item, plan)?;
    Ok(saved.respond(visit, Value::Null))
}

fn planned(requested: &RequestedDowntime, source: &EditSource<'_>) -> Result<Plan, EditRefusal> {
    let config = source.config;
    match requested.running(config).filter(|(_, period, _)| period.once().is_some()) {
        Some(running) => Ok(change_running(requested, running)),
        None => write_period(requested, config, requested.now),
    }
}

/// Returns the downtime that was typed.
fn requested(visit: &Visit<'_>, config: &Config) -> Result<RequestedDowntime, ProblemItem> {
    let context = FormContext::new(config);
    let (values, _) = typed(&visit.request.fields, &context);
    let duration = visit.typed("for").map(parse_duration).transpose();
    let duration =
        duration.map_err(|message| ProblemItem::of_field("for", sentence(&message), "For example 30m"))?;
    let until = visit
        .typed("end")
        .map(|text| TimeLiteral::parse(text)?.resolve(&config.timezone, Fold::Second))
        .transpose();
    let until = until.map_err(|error| {
        ProblemItem::of_field(
            "end",
            sentence(&error.to_string()),
            "Write a date and a time, such as 2026-12-01T22:00",
        )
    })?;
    if duration.is_some() && until.is_some() {
        return Err(ProblemItem::of_field(
            "for",
            "It has a length or an end, not both",
            "Leave out one of the two",
        ));
    }
    let start = floor_to_second(visit.now);
    let end = duration.map(|duration| start.checked_add(duration)).transpose();
    let end = end.map_err(|_| {
        ProblemItem::of_field("for", "It would end after the year 9999", "Write a shorter time")
    })?;
    let requested = RequestedDowntime {
        name: visit.typed("name").map(str::to_owned),
        message: message_of(&values, &context),
        hosts: visit.typed_lines("hosts"),
        paths: visit.typed_lines("paths"),
        methods: visit.typed_lines("methods"),
        is_planned: false,
        start,
        end: end.or(until),
        duration,
        zone: config.timezone.clone(),
        notes: Vec::new(),
        now: visit.now,
    };
    match requested.fault() {
        None => Ok(requested),
        Some(DowntimeFault::EndPast | DowntimeFault::EndNotAfterStart | DowntimeFault::StartPast) => {
            Err(ProblemItem::of_field("end", "It would end in the past", "Write a later time"))
        }
    }
}
