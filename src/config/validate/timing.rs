//! Validates when a period is active: one occurrence or a series.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;
use toml::value::Datetime;

use super::values::{duration, time_zone};
use crate::config::document::{Field, PeriodTable};
use crate::config::report::Report;
use crate::config::time::{self, TimeError, TimeLiteral};
use crate::invalid_value::InvalidValue;
use crate::schedule::period::{Occurrence, Timing};
use crate::schedule::series::{Cron, CronError, ExcludedStarts, Series};
use crate::schedule::zone::Fold;

/// The times of a period, as far as they are given and valid.
struct PeriodTimes {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    length: Option<Duration>,
}

pub(super) fn timing(table: &PeriodTable, zone: &TimeZone, report: &Report) -> Option<Timing> {
    let own_zone = time_zone(&table.timezone, report);
    let zone = own_zone.as_ref().unwrap_or(zone);
    let times = PeriodTimes {
        start: timestamp(&table.start, zone, Fold::First, report),
        end: timestamp(&table.end, zone, Fold::Second, report),
        length: duration(&table.duration, report),
    };
    check_order(table, &times, zone, report);
    match &table.cron {
        Some(cron) => {
            series(table, cron, &times, zone, report).map(|series| Timing::Series(Box::new(series)))
        }
        None => once(table, &times, report).map(Timing::Once),
    }
}

fn check_order(table: &PeriodTable, times: &PeriodTimes, zone: &TimeZone, report: &Report) {
    if let (Some(start), Some(end), Some(field)) = (times.start, times.end, &table.end)
        && end <= start
    {
        let message = if end == start {
            "the period ends when it starts".to_owned()
        } else {
            let start = start.display_with_offset(zone.to_offset(start));
            format!("the period ends before it starts at {start}")
        };
        let help = "write an end after the start, or remove the line to leave the period open-ended";
        report.error(field.span(), message, help);
    }
}

fn once(table: &PeriodTable, times: &PeriodTimes, report: &Report) -> Option<Occurrence> {
    if let (Some(_), Some(duration)) = (&table.end, &table.duration) {
        report.error(duration.span(), "a period has an `end` or a `for`, not both", "remove one of the two");
    }
    if let Some(except) = &table.except {
        let message = "`except` is only for periods with `cron`";
        report.error(except.span(), message, "remove it: this period runs once");
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
        report.error(cron.span(), "this period has `cron` but no `for`", help);
    }
    let except = except(table, zone, report);
    let refuse = |error: CronError| {
        let span = error.field.map_or(cron.span(), |field| report.part(cron, field));
        report.error(span, error.message, error.help);
    };
    let parsed = Cron::parse(cron.get_ref()).map_err(refuse);
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
    for field in table.except.iter().flat_map(Spanned::get_ref) {
        if let Some(date) = time::date(field.get_ref()) {
            except.dates.insert(date);
            continue;
        }
        let start = TimeLiteral::new(field.get_ref()).and_then(|time| time.resolve(zone, Fold::First));
        let refuse = |error: TimeError| {
            let help = "write a date such as 2026-12-26, or the date-time at which an occurrence starts";
            report.error(field.span(), error.to_string(), help);
        };
        except.starts.extend(start.map_err(refuse).ok());
    }
    except
}

pub(super) fn timestamp(
    field: &Field<Datetime>,
    zone: &TimeZone,
    fold: Fold,
    report: &Report,
) -> Option<Timestamp> {
    let field = field.as_ref()?;
    let time = TimeLiteral::new(field.get_ref());
    if let Some(message) = time.ok().and_then(|time| time.skipped(zone)) {
        report.warning(field.span(), message, "write a time that exists, or one with an offset");
    }
    let refuse = |error: TimeError| {
        report.error_with(field.span(), || match error {
            TimeError::OutOfRange => InvalidValue::new(error.to_string(), TimeError::HELP),
            _ => time::explain(&field.get_ref().to_string()),
        });
    };
    time.and_then(|time| time.resolve(zone, fold)).map_err(refuse).ok()
}
