//! Date-times in the file and on the command line, and the instants that they denote.

mod suggestions;

use jiff::Timestamp;
use jiff::civil::{self, DateTime};
use jiff::tz::{Offset, TimeZone};
use toml::value::{Date, Datetime, Offset as WrittenOffset, Time};

use crate::invalid_value::InvalidValue;
use crate::schedule::zone::{self, Fold};

/// The reason why a date-time does not denote an instant. `Display` gives the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// It is not in the form of a date-time.
    Malformed,
    /// It is a date without a time.
    DateOnly,
    /// It is a time of day without a date.
    TimeOnly,
    /// It is a leap second, or in a year that cannot be represented.
    OutOfRange,
}

impl std::fmt::Display for TimeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "this is not a date-time",
            Self::DateOnly => "this is a date without a time",
            Self::TimeOnly => "this is a time without a date",
            Self::OutOfRange => "this date-time is out of range",
        })
    }
}

impl TimeError {
    /// The help: what to write instead.
    pub const HELP: &'static str =
        "write a date-time such as 2026-12-01T22:00:00+01:00, or 2026-12-01T22:00:00 for local time";
}

/// A date-time as written: with an offset, or local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLiteral {
    /// With an offset, which makes it an instant.
    Instant(Timestamp),
    /// Without an offset: a local time in some zone.
    Local(DateTime),
}

impl TimeLiteral {
    /// Converts a date-time of the TOML parser.
    pub fn new(value: &Datetime) -> Result<Self, TimeError> {
        let (date, time) = match (value.date, value.time) {
            (Some(date), Some(time)) => (date, time),
            (Some(_), None) => return Err(TimeError::DateOnly),
            _ => return Err(TimeError::TimeOnly),
        };
        let (date, time) = civil_date(date).zip(time_of_day(time)).ok_or(TimeError::OutOfRange)?;
        let local = date.to_datetime(time);
        match value.offset {
            None => Ok(Self::Local(local)),
            Some(offset) => instant(local, offset).map(Self::Instant).ok_or(TimeError::OutOfRange),
        }
    }

    /// Parses RFC 3339, the offset being optional.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        text.parse::<Datetime>().map_err(|_| TimeError::Malformed).and_then(|value| Self::new(&value))
    }

    /// Returns a sentence that says so if clocks in `zone` skip the time. [`TimeLiteral::resolve`] moves it after the gap.
    pub fn skipped(self, zone: &TimeZone) -> Option<String> {
        let Self::Local(local) = self else { return None };
        let name = zone.iana_name().unwrap_or("this time zone");
        zone::is_skipped(zone, local)
            .then(|| format!("the clocks of {name} skip this time: the first instant after the gap is used"))
    }

    /// Returns the instant that it denotes in `zone`.
    pub fn resolve(self, zone: &TimeZone, fold: Fold) -> Result<Timestamp, TimeError> {
        match self {
            Self::Instant(instant) => Ok(instant),
            Self::Local(local) => zone::resolve(zone, local, fold).ok_or(TimeError::OutOfRange),
        }
    }
}

/// Returns the date if the value has no time.
pub fn date(value: &Datetime) -> Option<civil::Date> {
    civil_date(value.date.filter(|_| value.time.is_none())?)
}

/// Parses a time of day, such as `22:00`; `None` for everything else, also for a date-time.
pub fn parse_time_of_day(text: &str) -> Option<civil::Time> {
    let value: Datetime = text.parse().ok()?;
    time_of_day(value.time.filter(|_| value.date.is_none() && value.offset.is_none())?)
}

fn civil_date(date: Date) -> Option<civil::Date> {
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    civil::Date::new(i16::try_from(date.year).ok()?, month, day).ok()
}

fn time_of_day(time: Time) -> Option<civil::Time> {
    civil::Time::new(
        i8::try_from(time.hour).ok()?,
        i8::try_from(time.minute).ok()?,
        i8::try_from(time.second.unwrap_or(0)).ok()?,
        i32::try_from(time.nanosecond.unwrap_or(0)).ok()?,
    )
    .ok()
}

fn instant(local: DateTime, offset: WrittenOffset) -> Option<Timestamp> {
    let minutes = match offset {
        WrittenOffset::Z => 0,
        WrittenOffset::Custom { minutes } => i32::from(minutes),
    };
    Offset::from_seconds(minutes * 60).ok()?.to_timestamp(local).ok()
}

/// Like [`explain`] for the value of a key: the help is a whole line.
pub(super) fn explain_value(key: &str, text: &str) -> InvalidValue {
    let text = text.trim_matches(['"', '\'']);
    let InvalidValue { message, help } = explain(text);
    if key == "end" && text.trim().is_empty() {
        return InvalidValue::new(
            message,
            "write a date-time, or remove the line to leave the period open-ended",
        );
    }
    let length = text.trim_start_matches('+').trim();
    if key == "end" && humantime::parse_duration(length).is_ok_and(|duration| !duration.is_zero()) {
        let message = format!("`{text}` is a duration, not a date-time");
        return InvalidValue::new(message, format!("did you mean `for = \"{length}\"`?"));
    }
    let help = match help.strip_prefix("write `") {
        Some(value) => format!("write `{key} = {value}"),
        None => help,
    };
    InvalidValue { message, help }
}

/// Returns true for a dash that word processors use instead of `-`.
fn is_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Explains a text that should be a date-time, and suggests what to write instead.
pub fn explain(text: &str) -> InvalidValue {
    let text = text.trim();
    let bare = text.trim_end_matches([',', ';']).trim_end();
    if bare.len() < text.len() && TimeLiteral::parse(bare).is_ok() {
        return InvalidValue::new("unexpected text after the value", format!("write `{bare}`"));
    }
    let with_hyphens = text.replace(is_dash, "-");
    if with_hyphens != text && TimeLiteral::parse(&with_hyphens).is_ok() {
        return InvalidValue::new("these are typographic dashes", format!("write `{with_hyphens}`"));
    }
    match TimeLiteral::parse(text) {
        Ok(_) => InvalidValue::new("this date-time must not be in quotes", format!("write `{text}`")),
        Err(TimeError::DateOnly) => {
            let help = format!("add the time, such as {}T22:00:00", text.trim_end());
            InvalidValue::new(TimeError::DateOnly.to_string(), help)
        }
        Err(TimeError::TimeOnly) => {
            let help = format!("add the date, such as 2026-12-01T{}", text.trim());
            InvalidValue::new(TimeError::TimeOnly.to_string(), help)
        }
        Err(TimeError::OutOfRange) => InvalidValue::new(TimeError::OutOfRange.to_string(), TimeError::HELP),
        Err(TimeError::Malformed) if text.is_empty() => {
            InvalidValue::new("the date-time is empty", TimeError::HELP)
        }
        Err(TimeError::Malformed) => {
            InvalidValue::new(format!("invalid date-time `{text}`"), suggestions::help(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typographic_dashes_are_named() {
        for text in ["2026–12–01 22:00", "2026‑12‑01T22:00:00−01:00", "2026—12—01T22:00:00Z"] {
            let plain = text.replace(is_dash, "-");
            let fault = explain(text);
            assert_eq!(fault.message, "these are typographic dashes", "{text}");
            assert_eq!(fault.help, format!("write `{plain}`"));
        }
        assert_eq!(explain("Dec–01").message, "invalid date-time `Dec–01`");
    }

    #[test]
    fn a_time_is_an_instant_or_local() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, instant) in [
            ("2026-12-01T22:00:00+01:00", Ok("2026-12-01T21:00:00Z")),
            ("2026-12-01T22:00:00Z", Ok("2026-12-01T22:00:00Z")),
            ("2026-12-01t22:00:00.25z", Ok("2026-12-01T22:00:00.25Z")),
            ("2026-12-01T22:00:00", Ok("2026-12-01T21:00:00Z")),
            ("2026-12-01 22:00:00", Ok("2026-12-01T21:00:00Z")),
            ("2026-12-01T22:00", Ok("2026-12-01T21:00:00Z")),
            ("2026-12-01", Err(TimeError::DateOnly)),
            ("22:00:00", Err(TimeError::TimeOnly)),
            ("2026-02-30T22:00:00", Err(TimeError::Malformed)),
            ("yesterday", Err(TimeError::Malformed)),
            ("", Err(TimeError::Malformed)),
            ("2026-12-31T23:59:60Z", Err(TimeError::OutOfRange)),
            ("9999-12-31T23:59:59-23:00", Err(TimeError::OutOfRange)),
        ] {
            let read = TimeLiteral::parse(text).and_then(|value| value.resolve(&berlin, Fold::First));
            assert_eq!(read, instant.map(|text| text.parse().unwrap()), "{text}");
            assert!(read.map_or_else(|fault| fault.to_string(), |t| t.to_string()).len() > 9);
        }
    }

    #[test]
    fn an_invalid_date_time_gets_a_suggestion() {
        const HELP: &str = TimeError::HELP;
        for (text, help) in [
            ("01.12.2026 22:00", "write `2026-12-01T22:00:00`"),
            ("1.12.2026 9:05:07", "write `2026-12-01T09:05:07`"),
            ("01.12.2026, 22:00 Uhr", "write `2026-12-01T22:00:00`"),
            ("12/01/2026 22:00", "did you mean `2026-12-01T22:00:00` or `2026-01-12T22:00:00`?"),
            ("12/01/2026 10:30 PM", "did you mean `2026-12-01T22:30:00` or `2026-01-12T22:30:00`?"),
            ("12/13/2026 12:00 AM", "did you mean `2026-12-13T00:00:00`?"),
            ("13-12-2026 12:00pm", "did you mean `2026-12-13T12:00:00`?"),
            (
                "12/01/2026",
                "write the year first, and add the time, such as 2026-12-01T22:00:00 or 2026-01-12T22:00:00",
            ),
            ("01.12.2026", "write the year first, and add the time, such as 2026-12-01T22:00:00"),
            ("2026/12/01 22:00", "write `2026-12-01T22:00:00`"),
            ("2026-12-1T2:00", "write `2026-12-01T02:00:00`"),
            ("2026-12-01T22:00:00+0100", "write `2026-12-01T22:00:00+01:00`"),
            ("2026-12-01T22:00:00 +01:00", "write `2026-12-01T22:00:00+01:00`"),
            ("2026-12-01 22:00 UTC", "write `2026-12-01T22:00:00Z`"),
            ("2026-12-01 22:00 UTC+1", "write `2026-12-01T22:00:00+01:00`"),
            ("2026-12-01T22:00:00Z,", "write `2026-12-01T22:00:00Z`"),
            ("2026-12-01 22:00 ;", "write `2026-12-01 22:00`"),
            ("2026-12-01T22", HELP),
            ("2026-12-01T24:00:00Z", "did you mean `2026-12-02T00:00:00Z`?"),
            ("2026-12-31 24:00", "did you mean `2027-01-01T00:00:00`?"),
            ("1796162400", "did you mean `2026-12-01T22:00:00Z`?"),
            ("1796162400000", "did you mean `2026-12-01T22:00:00Z`?"),
            ("2026-12-01", "add the time, such as 2026-12-01T22:00:00"),
            ("22:00:00", "add the date, such as 2026-12-01T22:00:00"),
            ("2026-02-30T22:00:00", HELP),
            ("31.02.2026 22:00", HELP),
            ("tomorrow", HELP),
            ("", HELP),
            ("99999999999999999999999", HELP),
        ] {
            assert_eq!(explain(text).help, help, "{text}");
        }
        for (key, text, help) in [
            ("end", "\"1h\"", "did you mean `for = \"1h\"`?"),
            ("end", "+1h 30m", "did you mean `for = \"1h 30m\"`?"),
            ("end", "\"\"", "write a date-time, or remove the line to leave the period open-ended"),
            ("end", "0s", HELP),
            ("start", "1h", HELP),
        ] {
            assert_eq!(explain_value(key, text).help, help, "{key} = {text}");
        }
        assert!(explain("now").help.ends_with("`downtime start` writes the current time"));
        assert!(explain("2026-12-01 22:00 CET").help.contains("`timezone`"));
    }
}
