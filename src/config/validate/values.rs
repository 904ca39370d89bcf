//! Validates values that several sections have: time zones, durations, redirects, choices.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::config::document::Field;
use crate::config::report::Report;
use crate::config::{duration, size, zones};
use crate::decision::down_response::Redirect;
use crate::invalid_value::InvalidValue;

/// Returns the time zone of an IANA name.
pub(super) fn time_zone(name: &Field<String>, report: &Report) -> Option<TimeZone> {
    let name = name.as_ref()?;
    let zone = TimeZone::get(name.get_ref()).ok();
    if zone.is_none() {
        report.error_with(name.span(), || zones::unknown(name.get_ref()));
    }
    zone
}

/// Parses a duration longer than zero.
pub(super) fn duration(field: &Field<String>, report: &Report) -> Option<Duration> {
    parse_duration(field, report, duration::parse)
}

/// Parses a duration that may be zero.
pub(super) fn duration_or_zero(field: &Field<String>, report: &Report) -> Option<Duration> {
    parse_duration(field, report, |text, units| {
        duration::parse_or_zero(text, units).map_err(|error| {
            if means_off(text) { InvalidValue { help: "write `0s`".to_owned(), ..error } } else { error }
        })
    })
}

/// Returns a number of things, of which zero means no limit.
pub(super) fn count(field: &Field<i64>, report: &Report) -> Option<usize> {
    let field = field.as_ref()?;
    let number = field.get_ref();
    if *number < 0 {
        let message = format!("invalid number {number}: it is negative");
        report.error(field.span(), message, "write 0 for no limit");
    }
    usize::try_from(*number).ok()
}

/// Returns a number of things, at least one.
pub(super) fn count_from_one(field: &Field<i64>, help: &str, report: &Report) -> Option<usize> {
    let field = field.as_ref()?;
    let number = field.get_ref();
    if *number < 1 {
        report.error(field.span(), format!("invalid number {number}: it is less than 1"), help);
    }
    usize::try_from(*number).ok()
}

/// Parses a size within a range, in bytes.
pub(super) fn size(field: &Field<String>, range: RangeInclusive<usize>, report: &Report) -> Option<usize> {
    let field = field.as_ref()?;
    report.valid(field.span(), size::parse(field.get_ref(), range))
}

fn parse_duration(
    field: &Field<String>,
    report: &Report,
    parse: impl Fn(&str, &[&str]) -> Result<Duration, InvalidValue>,
) -> Option<Duration> {
    let field = field.as_ref()?;
    let span = field.span();
    let line = report.text().get(report.line_start(span.start)..span.start).unwrap_or_default();
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    report.valid(span, parse(field.get_ref(), duration::units(key)))
}

/// Parses the target of a redirect.
pub(super) fn redirect(text: &str, span: std::ops::Range<usize>, report: &Report) -> Option<Redirect> {
    report.valid(span, Redirect::parse(text))
}

/// Returns true for a string that was probably meant as `false`.
pub(super) fn means_off(text: &str) -> bool {
    matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "" | "false" | "off" | "no" | "none" | "null" | "disabled"
    )
}

/// Parses one of two words. The first is the default.
pub(super) fn choice<T: Copy>(field: &Field<String>, choices: [(&str, T); 2], report: &Report) -> T {
    let [first, second] = choices;
    match field {
        None => first.1,
        Some(text) if text.get_ref() == first.0 => first.1,
        Some(text) if text.get_ref() == second.0 => second.1,
        Some(text) => {
            let help = format!("write `{}` or `{}`", first.0, second.0);
            report.error(text.span(), format!("unknown value `{}`", text.get_ref()), help);
            first.1
        }
    }
}
