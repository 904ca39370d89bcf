//! From the `[[period]]` tables to the schedule and its answers.

use std::collections::HashMap;
use std::time::Duration;

use http::Method;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;
use toml::value::Datetime;

use super::ResponseConfig;
use super::document::{Document, Field, OrFalse, PeriodTable, Texts};
use super::report::Report;
use super::templates::Templates;
use super::time::{self, TimeError, TimeLiteral};
use super::values::{duration, means_off, redirect, time_zone};
use crate::decision::down_response::DownResponse;
use crate::invalid_value::InvalidValue;
use crate::matching::glob::PathGlobs;
use crate::matching::scope::{Host, Scope, ScopePaths};
use crate::schedule::period::{Occurrence, Period, Timing};
use crate::schedule::series::{Cron, CronError, ExcludedStarts, Series};
use crate::schedule::state::Schedule;
use crate::schedule::zone::{self, Fold};

/// Turns the tables of a document into a schedule and the answer of each period in it.
pub(super) fn validate(
    document: &Document,
    zone: &TimeZone,
    response: &ResponseConfig,
    report: &Report,
    templates: &mut Templates<'_>,
) -> (Schedule, Vec<DownResponse>) {
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
        let scope = scope(table, report);
        if let Some(timing) = timing(table, zone, report) {
            let enabled = table.enabled.as_ref().is_none_or(|enabled| *enabled.get_ref());
            let unscheduled = table.unscheduled.as_ref().is_some_and(|unscheduled| *unscheduled.get_ref());
            periods.push(Period { name, line, enabled, unscheduled, timing, scope });
            answers.push(answer);
        }
    }
    (Schedule::new(periods), answers)
}

fn check_name<'d>(name: &'d Spanned<String>, names: &mut HashMap<&'d str, usize>, report: &Report) {
    let text = name.get_ref().as_str();
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        report.error(
            name.span(),
            "invalid name: it is empty, or has more than one line",
            "for example `db-upgrade`",
        );
    } else if let Some(first) = names.insert(text, report.line(&name.span())) {
        let message = format!("the name `{text}` is already at line {first}");
        report.error(name.span(), message, "write another name, or leave it out");
    }
}

fn timing(table: &PeriodTable, zone: &TimeZone, report: &Report) -> Option<Timing> {
    let own_zone = time_zone(&table.timezone, report);
    let zone = own_zone.as_ref().unwrap_or(zone);
    let times = PeriodTimes {
        start: moment(&table.start, zone, Fold::First, report),
        end: moment(&table.end, zone, Fold::Second, report),
        length: duration(&table.duration, report),
    };
    if let (Some(start), Some(end), Some(written)) = (times.start, times.end, &table.end)
        && end <= start
    {
        let starts = start.display_with_offset(zone.to_offset(start));
        let message = format!("the period ends before it starts at {starts}");
        let message = if end == start { "the period ends when it starts".into() } else { message };
        report.error(
            written.span(),
            message,
            "write an end after the start, or remove the line: the period is then open-ended",
        );
    }
    match &table.cron {
        Some(cron) => {
            series(table, cron, &times, zone, report).map(|series| Timing::Series(Box::new(series)))
        }
        None => once(table, &times, report).map(Timing::Once),
    }
}

/// The times of a period, as far as they are there and read well.
struct PeriodTimes {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    length: Option<Duration>,
}

fn once(table: &PeriodTable, times: &PeriodTimes, report: &Report) -> Option<Occurrence> {
    if let (Some(_), Some(duration)) = (&table.end, &table.duration) {
        report.error(duration.span(), "a period has an `end` or a `for`, not both", "remove one of the two");
    }
    if let Some(except) = &table.except {
        report.error(
            except.span(),
            "`except` is for a period with `cron`",
            "remove it: this period runs once",
        );
    }
    if table.start.is_none() && !table.broken {
        let help =
            "for example `start = 2026-12-01T22:00:00+01:00`; `downtime start` writes one that starts now";
        report.error(table.span.clone(), "this period has no `start`", help);
    }
    let start = times.start?;
    let end = match times.length {
        None => times.end,
        Some(length) => Some(start.checked_add(length).ok().or_else(|| {
            let span = table.duration.as_ref().map_or(table.span.clone(), Spanned::span);
            report.error(span, "the period would end after the year 9999", "write a shorter duration");
            None
        })?),
    };
    Some(Occurrence { start, end })
}

fn series(
    table: &PeriodTable,
    cron: &Spanned<String>,
    times: &PeriodTimes,
    zone: &TimeZone,
    report: &Report,
) -> Option<Series> {
    if table.duration.is_none() && !table.broken {
        let help = "write how long each occurrence lasts, for example `for = \"2h\"`";
        report.error(cron.span(), "a period with `cron` has no `for`", help);
    }
    let except = except(table, zone, report);
    let refused = |error: CronError| {
        let span = error.field.map_or(cron.span(), |field| report.part(cron, field));
        report.error(span, error.message, error.help);
    };
    let parsed = Cron::parse(cron.get_ref()).map_err(refused);
    let length = times.length.and_then(|length| SignedDuration::try_from(length).ok())?;
    Some(Series {
        cron: parsed.ok()?,
        expression: cron.get_ref().clone(),
        length,
        zone: zone.clone(),
        from: times.start,
        until: times.end,
        except,
    })
}

fn except(table: &PeriodTable, zone: &TimeZone, report: &Report) -> ExcludedStarts {
    let mut except = ExcludedStarts::default();
    for written in table.except.iter().flat_map(Spanned::get_ref) {
        if let Some(date) = time::date(written.get_ref()) {
            except.dates.insert(date);
            continue;
        }
        let start = TimeLiteral::new(written.get_ref()).and_then(|read| read.resolve(zone, Fold::First));
        let fault = |fault: TimeError| {
            let help = "write a date such as 2026-12-26, or the date-time at which an occurrence starts";
            report.error(written.span(), fault.to_string(), help);
        };
        except.starts.extend(start.map_err(fault).ok());
    }
    except
}

fn scope(table: &PeriodTable, report: &Report) -> Scope {
    let hosts = list(&table.hosts, report, Host::parse);
    let paths = list(&table.paths, report, |text| PathGlobs::check(text).map(|()| text.to_owned()));
    let paths = paths.map(|paths| {
        ScopePaths::new(paths.iter().map(String::as_str)).unwrap_or_else(|fault| {
            report.error(table.paths.as_ref().map_or(0..0, Spanned::span), fault.message, fault.help);
            ScopePaths::default()
        })
    });
    Scope { hosts, paths, methods: list(&table.methods, report, method) }
}

/// A method in capitals, however it is written: a scope compares them without regard to case.
fn method(text: &str) -> Result<Method, InvalidValue> {
    let upper = text.trim().to_ascii_uppercase();
    let fault = |help: String| InvalidValue::new(format!("invalid method `{text}`"), help);
    if matches!(upper.as_str(), "*" | "ALL" | "ANY") {
        return Err(fault("remove `methods`: without it every method is covered".into()));
    }
    let several: Vec<_> = upper.split([',', ' ', '|']).filter(|part| !part.is_empty()).collect();
    if several.len() > 1
        && several.iter().all(|part| part.len() > 2 && part.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        return Err(fault(format!("write each in quotes: `\"{}\"`", several.join("\", \""))));
    }
    text.to_ascii_uppercase().parse().map_err(|_| fault("for example `POST`".into()))
}

/// The items of a list, each read by `parse`; an empty list would cover nothing, which nobody means.
fn list<T>(
    written: &Texts,
    report: &Report,
    parse: impl Fn(&str) -> Result<T, InvalidValue>,
) -> Option<Vec<T>> {
    let list = written.as_ref()?;
    if list.get_ref().is_empty() {
        report.error(
            list.span(),
            "an empty list covers nothing",
            "write what is covered, or remove the line to cover all",
        );
    }
    let item = |text: &Spanned<String>| match parse(text.get_ref()) {
        Ok(item) => Some(item),
        Err(fault) => {
            report.error(text.span(), fault.message, fault.help);
            None
        }
    };
    Some(list.get_ref().iter().filter_map(item).collect())
}

fn moment(written: &Field<Datetime>, zone: &TimeZone, fold: Fold, report: &Report) -> Option<Timestamp> {
    let written = written.as_ref()?;
    let read = TimeLiteral::new(written.get_ref());
    if let Ok(TimeLiteral::Local(local)) = read
        && zone::is_skipped(zone, local)
    {
        let name = zone.iana_name().unwrap_or("this zone");
        let message = format!("the clocks of {name} skip this time; the first moment after it counts");
        report.warning(written.span(), message, "write a time that exists, or one with an offset");
    }
    let moment = read.and_then(|read| read.resolve(zone, fold));
    let explain = |_| report.error_with(written.span(), || time::explain(&written.get_ref().to_string()));
    moment.map_err(explain).ok()
}

fn answer(
    table: &PeriodTable,
    response: &ResponseConfig,
    report: &Report,
    templates: &mut Templates<'_>,
) -> DownResponse {
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
            OrFalse::Text(text) if means_off(text) => {
                let help =
                    "`redirect = false` shows the page; without the line, the redirect of [response] counts";
                let message = format!("invalid redirect `{text}`: it is neither a URL nor a path");
                report.error(written.span(), message, help);
                None
            }
            OrFalse::Text(text) => redirect(text, written.span(), report),
        },
        None if table.template.is_some() => None,
        None => response.redirect.clone(),
    };
    DownResponse {
        message: message.or_else(|| response.message.clone()),
        own_template: table.template.as_ref().map(|name| name.get_ref().as_str().into()),
        template: templates.get(&table.template, report).unwrap_or_else(|| response.template.clone()),
        redirect,
    }
}
