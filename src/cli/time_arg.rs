//! The times of options: a date-time, or a time of day, which means the next such time.

use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::words::date_time;
use crate::config::time::{TimeError, TimeLiteral, parse_time_of_day};
use crate::schedule::human_time::local;
use crate::schedule::zone::{self, Fold};

/// The value of `--at` and `--until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeArg {
    /// A date-time.
    DateTime(TimeLiteral),
    /// A time of day, without a date.
    TimeOfDay(Time),
}

impl TimeArg {
    const HELP: &str =
        "write a time such as 22:00, or a date-time such as 2026-12-01T22:00:00+01:00 or 2026-12-01T22:00:00";

    /// Parses an option.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(time) = parse_time_of_day(text) {
            return Ok(Self::TimeOfDay(time));
        }
        date_time(text, Self::HELP).map(Self::DateTime)
    }

    /// As [`TimeArg::parse`]. For a duration, the error suggests the option that takes one.
    pub(super) fn parse_or_suggest(text: &str, option: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|message| match super::duration(text) {
            Ok(_) => format!("a duration is not a time: did you mean `{option} {text}`?"),
            Err(_) => message,
        })
    }

    /// Returns true if the time depends on the time zone of the file.
    pub(super) fn is_local(self) -> bool {
        !matches!(self, Self::DateTime(TimeLiteral::Instant(_)))
    }

    /// Returns the instant. A time of day is the next one after `after`.
    pub(super) fn resolve(
        self,
        zone: &TimeZone,
        fold: Fold,
        after: Timestamp,
    ) -> Result<Timestamp, TimeError> {
        match self {
            Self::DateTime(literal) => literal.resolve(zone, fold),
            Self::TimeOfDay(time) => next(time, zone, fold, after).ok_or(TimeError::OutOfRange),
        }
    }

    /// Returns a sentence that says so if the clocks of the zone skip the time.
    pub(super) fn skipped(self, zone: &TimeZone) -> Option<String> {
        if let Self::DateTime(literal) = self { literal.skipped(zone) } else { None }
    }

    /// Returns what a time of day means in full: date, offset and time zone.
    pub(super) fn in_full(self, option: &str, at: Timestamp, zone: &TimeZone) -> Option<String> {
        let name = zone.iana_name().unwrap_or("the file's time zone");
        matches!(self, Self::TimeOfDay(_))
            .then(|| format!("{option} {self} is {} in {name}", local(at, zone)))
    }
}

impl fmt::Display for TimeArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DateTime(TimeLiteral::Instant(at)) => at.fmt(f),
            Self::DateTime(TimeLiteral::Local(at)) => at.fmt(f),
            Self::TimeOfDay(time) if time.second() == 0 => f.write_str(&time.strftime("%H:%M").to_string()),
            Self::TimeOfDay(time) => time.fmt(f),
        }
    }
}

/// Returns the first instant after `after` at which clocks in `zone` show `time`. In a repeated hour, an end is the second
/// of the two instants; a start may be either.
fn next(time: Time, zone: &TimeZone, fold: Fold, after: Timestamp) -> Option<Timestamp> {
    let today = zone.to_datetime(after).date();
    let folds = match fold {
        Fold::First => &[Fold::First, Fold::Second][..],
        Fold::Second => &[Fold::Second],
    };
    let dates = (-1..=2).filter_map(|days| today.checked_add(days.days()).ok());
    let instants = dates.flat_map(|date| {
        folds.iter().filter_map(move |fold| zone::resolve(zone, date.to_datetime(time), *fold))
    });
    instants.filter(|at| *at > after).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_next_such_time() {
        for (text, zone, fold, after, expected) in [
            ("22:00", "Europe/Berlin", Fold::First, "2026-12-01T20:59:59Z", "2026-12-01T21:00:00Z"),
            ("22:00", "Europe/Berlin", Fold::First, "2026-12-01T21:00:00Z", "2026-12-02T21:00:00Z"),
            ("00:30", "Asia/Tokyo", Fold::Second, "2026-12-01T12:00:00Z", "2026-12-01T15:30:00Z"),
            ("22:00:05", "UTC", Fold::Second, "2026-12-01T22:00:00Z", "2026-12-01T22:00:05Z"),
            // The repeated hour of 2026-10-25: 02:30 is at 00:30Z and at 01:30Z.
            ("02:30", "Europe/Berlin", Fold::First, "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"),
            ("02:30", "Europe/Berlin", Fold::First, "2026-10-25T00:45:00Z", "2026-10-25T01:30:00Z"),
            ("02:30", "Europe/Berlin", Fold::Second, "2026-10-25T00:00:00Z", "2026-10-25T01:30:00Z"),
            ("02:30", "Europe/Berlin", Fold::Second, "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"),
            // The skipped hour of 2026-03-29: the first moment after it.
            ("02:30", "Europe/Berlin", Fold::First, "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let time = TimeArg::parse(text).unwrap();
            let found = time.resolve(&zone, fold, after.parse().unwrap());
            assert_eq!(found, Ok(expected.parse().unwrap()), "{text} {after}");
            assert_eq!(time.to_string(), text);
        }
    }

    #[test]
    fn a_time_of_day_is_said_back_in_full() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = "2026-12-01T21:00:00Z".parse().unwrap();
        let in_full = |text| TimeArg::parse(text).unwrap().in_full("--at", at, &berlin);
        assert_eq!(
            in_full("22:00").as_deref(),
            Some("--at 22:00 is 2026-12-01 22:00:00 +01:00 in Europe/Berlin")
        );
        assert_eq!(in_full("2026-12-01T22:00:00"), None);
    }

    #[test]
    fn a_duration_is_not_accepted_as_a_time() {
        for (text, help) in [
            ("1h", "a duration is not a time: write a time such as 22:00, or a date-time such as 2026-"),
            ("-1h", "a duration is not a time: write a time such as 22:00"),
            ("tomorrow", "this is not a date-time: write a time such as 22:00"),
            ("25:00", "this is not a date-time: write a time such as 22:00"),
        ] {
            let error = TimeArg::parse(text).unwrap_err();
            assert!(error.starts_with(help), "{text}: {error}");
            let suggestion = TimeArg::parse_or_suggest(text, "--for").unwrap_err();
            assert_eq!(suggestion.ends_with("did you mean `--for 1h`?"), text == "1h");
        }
        assert!(TimeArg::parse("2026-12-01T22:00").is_ok());
    }
}
