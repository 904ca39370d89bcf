//! Date-times as the file and the command line write them, and the moments that they name.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use toml::value::{Date, Datetime, Offset as WrittenOffset, Time};

use crate::zone::{self, Fold};

/// Why a date-time names no moment; the `Display` is the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFault {
    /// It is not written as a date-time.
    Malformed,
    /// It is a date alone.
    DateOnly,
    /// It is a time of day alone.
    TimeOnly,
    /// It is beyond the years that can be represented, or a leap second.
    OutOfRange,
}

impl std::fmt::Display for TimeFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "this is no date-time",
            Self::DateOnly => "a date alone is no time",
            Self::TimeOnly => "a time of day alone names no day",
            Self::OutOfRange => "this date-time is out of range",
        })
    }
}

impl TimeFault {
    /// What to write instead.
    pub const HELP: &'static str =
        "write a date-time such as 2026-12-01T22:00:00+01:00, or 2026-12-01T22:00:00 for local time";
}

/// A time as it was written: with an offset, or local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// With an offset: a moment.
    Moment(Timestamp),
    /// Without: a time in some zone.
    Local(DateTime),
}

impl Written {
    /// Reads what the TOML parser read.
    pub fn new(written: &Datetime) -> Result<Self, TimeFault> {
        let (date, time) = match (written.date, written.time) {
            (Some(date), Some(time)) => (date, time),
            (Some(_), None) => return Err(TimeFault::DateOnly),
            _ => return Err(TimeFault::TimeOnly),
        };
        let local = civil(date, time).ok_or(TimeFault::OutOfRange)?;
        match written.offset {
            None => Ok(Self::Local(local)),
            Some(offset) => moment(local, offset).map(Self::Moment).ok_or(TimeFault::OutOfRange),
        }
    }

    /// Reads a text: RFC 3339, or without an offset.
    pub fn parse(text: &str) -> Result<Self, TimeFault> {
        text.parse::<Datetime>().map_err(|_| TimeFault::Malformed).and_then(|written| Self::new(&written))
    }

    /// The moment that it names in `zone`.
    pub fn resolve(self, zone: &TimeZone, fold: Fold) -> Result<Timestamp, TimeFault> {
        match self {
            Self::Moment(moment) => Ok(moment),
            Self::Local(local) => zone::resolve(zone, local, fold).ok_or(TimeFault::OutOfRange),
        }
    }
}

/// The date that is written alone, without a time.
pub fn date(written: &Datetime) -> Option<jiff::civil::Date> {
    let date = written.date.filter(|_| written.time.is_none())?;
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    jiff::civil::Date::new(i16::try_from(date.year).ok()?, month, day).ok()
}

fn civil(date: Date, time: Time) -> Option<DateTime> {
    DateTime::new(
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
        i8::try_from(time.hour).ok()?,
        i8::try_from(time.minute).ok()?,
        i8::try_from(time.second.unwrap_or(0)).ok()?,
        i32::try_from(time.nanosecond.unwrap_or(0)).ok()?,
    )
    .ok()
}

fn moment(local: DateTime, offset: WrittenOffset) -> Option<Timestamp> {
    let minutes = match offset {
        WrittenOffset::Z => 0,
        WrittenOffset::Custom { minutes } => i32::from(minutes),
    };
    Offset::from_seconds(minutes * 60).ok()?.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_local() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, moment) in [
            ("2026-12-01T22:00:00+01:00", Ok("2026-12-01T21:00:00Z")),
            ("2026-12-01T22:00:00Z", Ok("2026-12-01T22:00:00Z")),
            ("2026-12-01t22:00:00.25z", Ok("2026-12-01T22:00:00.25Z")),
            ("2026-12-01T22:00:00", Ok("2026-12-01T21:00:00Z")),
            ("2026-12-01 22:00:00", Ok("2026-12-01T21:00:00Z")),
            ("2026-12-01T22:00", Ok("2026-12-01T21:00:00Z")),
            ("2026-12-01", Err(TimeFault::DateOnly)),
            ("22:00:00", Err(TimeFault::TimeOnly)),
            ("2026-02-30T22:00:00", Err(TimeFault::Malformed)),
            ("yesterday", Err(TimeFault::Malformed)),
            ("", Err(TimeFault::Malformed)),
            ("2026-12-31T23:59:60Z", Err(TimeFault::OutOfRange)),
            ("9999-12-31T23:59:59-23:00", Err(TimeFault::OutOfRange)),
        ] {
            let read = Written::parse(text).and_then(|written| written.resolve(&berlin, Fold::First));
            assert_eq!(read, moment.map(|text| text.parse().unwrap()), "{text}");
            assert!(read.map_or_else(|fault| fault.to_string(), |t| t.to_string()).len() > 9);
        }
    }
}
