//! From the `[[period]]` tables to the schedule and its answers.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml::Spanned;
use toml::value::Datetime;

use super::Response;
use super::document::{Document, Field, OrFalse, PeriodTable};
use super::report::Report;
use super::templates::Templates;
use super::time::{TimeFault, Written};
use super::validate::{duration, redirect, time_zone};
use crate::answer::Answer;
use crate::period::{Occurrence, Period};
use crate::schedule::Schedule;
use crate::zone::{self, Fold};

/// Turns the tables of a document into a schedule and the answer of each period in it.
pub(super) fn validate(
    document: &Document,
    zone: &TimeZone,
    response: &Response,
    report: &Report,
    templates: &mut Templates<'_>,
) -> (Schedule, Vec<Answer>) {
    let mut names = HashMap::new();
    let mut periods = Vec::new();
    let mut answers = Vec::new();
    for table in &document.periods {
        let line = report.line(&table.span);
        let name = table.name.as_ref().map(|name| {
            check_name(name, &mut names, report);
            name.get_ref().clone()
        });
        let answer = answer(table, response, report, templates);
        if let Some(occurrence) = occurrence(table, zone, report) {
            let enabled = table.enabled.as_ref().is_none_or(|enabled| *enabled.get_ref());
            periods.push(Period { name, line, enabled, occurrence });
            answers.push(answer);
        }
    }
    (Schedule::new(periods), answers)
}

fn check_name<'d>(name: &'d Spanned<String>, names: &mut HashMap<&'d str, usize>, report: &Report) {
    let text = name.get_ref().as_str();
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        report.error(name.span(), "a name is one line that is not empty", "write one such as `db-upgrade`");
    } else if let Some(first) = names.insert(text, report.line(&name.span())) {
        let message = format!("the name `{text}` stands already at line {first}");
        report.error(name.span(), message, "write another name, or leave it out");
    }
}

fn occurrence(table: &PeriodTable, zone: &TimeZone, report: &Report) -> Option<Occurrence> {
    let own_zone = time_zone(&table.timezone, report);
    let zone = own_zone.as_ref().unwrap_or(zone);
    let length = duration(&table.duration, report);
    let start = moment(&table.start, zone, Fold::First, report);
    let end = moment(&table.end, zone, Fold::Second, report);
    if let (Some(_), Some(duration)) = (&table.end, &table.duration) {
        report.error(duration.span(), "a period has an `end` or a `for`, not both", "remove one of the two");
    }
    if table.start.is_none() && !table.broken {
        report.error(
            table.span.clone(),
            "this period has no `start`",
            "write `start = 2026-12-01T22:00:00+01:00`",
        );
    }
    let start = start?;
    if let (Some(end), Some(written)) = (end, &table.end)
        && end <= start
    {
        let starts = start.display_with_offset(zone.to_offset(start));
        let message = format!("the period ends before it starts, which is at {starts}");
        let message = if end == start { "the period ends when it starts".into() } else { message };
        report.error(written.span(), message, "write an end after the start, or leave it out: open-ended");
    }
    let by_length = length.map(|length| {
        start.checked_add(length).map_err(|_| {
            let span = table.duration.as_ref().map_or(table.span.clone(), Spanned::span);
            report.error(span, "the period would end after the year 9999", "write a shorter duration");
        })
    });
    let end = match by_length {
        Some(end) => Some(end.ok()?),
        None => end,
    };
    Some(Occurrence { start, end })
}

fn moment(written: &Field<Datetime>, zone: &TimeZone, fold: Fold, report: &Report) -> Option<Timestamp> {
    let written = written.as_ref()?;
    let read = Written::new(written.get_ref());
    if let Ok(Written::Local(local)) = read
        && zone::is_skipped(zone, local)
    {
        let name = zone.iana_name().unwrap_or("this zone");
        let message = format!("the clocks of {name} skip this time; the first moment after it counts");
        report.warning(written.span(), message, "write a time that exists, or one with an offset");
    }
    let moment = read.and_then(|read| read.resolve(zone, fold));
    moment.map_err(|fault| report.error(written.span(), fault.to_string(), TimeFault::HELP)).ok()
}

fn answer(
    table: &PeriodTable,
    response: &Response,
    report: &Report,
    templates: &mut Templates<'_>,
) -> Answer {
    if let (Some(redirect), Some(_)) = (&table.redirect, &table.template)
        && matches!(redirect.get_ref(), OrFalse::Text(_))
    {
        let message = "a period has a `redirect` or a `template`, not both";
        report.error(redirect.span(), message, "remove one of the two");
    }
    let message = table.message.as_ref().map(|message| message.get_ref().as_str().into());
    let redirect = match &table.redirect {
        Some(written) => match written.get_ref() {
            OrFalse::False => None,
            OrFalse::Text(text) => redirect(text, written.span(), report),
        },
        None if table.template.is_some() => None,
        None => response.redirect.clone(),
    };
    Answer {
        message: message.or_else(|| response.message.clone()),
        template: templates.get(&table.template, report).unwrap_or_else(|| response.template.clone()),
        redirect,
    }
}
