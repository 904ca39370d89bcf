//! Times as edits write them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::edit::Literal;

/// Returns a time as the file states it: local time in `zone`, with its offset.
pub fn date_time_literal(at: Timestamp, zone: &TimeZone) -> Literal {
    let zoned = at.to_zoned_datetime(zone.clone());
    // Before time zones, local times differed from UTC by seconds too, which TOML cannot say.
    let zoned = if zoned.offset().seconds() % 60 == 0 { zoned } else { at.to_zoned_datetime(TimeZone::UTC) };
    let offset = if zoned.offset().is_zero() { "Z".to_owned() } else { zoned.strftime("%:z").to_string() };
    Literal::DateTime(format!("{}{offset}", zoned.datetime()))
}

/// Rounds down to a whole second.
pub fn floor_to_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - i64::from(at.subsec_nanosecond() < 0)).unwrap_or(at)
}

/// Rounds down to a whole millisecond.
pub fn floor_to_millisecond(at: Timestamp) -> Timestamp {
    let before = at.as_nanosecond().div_euclid(1_000_000);
    i64::try_from(before).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_the_zone_of_the_file() {
        for (at, zone, text) in [
            ("2026-12-01T21:00:00Z", "Europe/Berlin", "2026-12-01T22:00:00+01:00"),
            ("2026-12-01T21:00:00.125Z", "America/St_Johns", "2026-12-01T17:30:00.125-03:30"),
            ("2026-12-01T21:00:00Z", "UTC", "2026-12-01T21:00:00Z"),
        ] {
            let literal = date_time_literal(at.parse().unwrap(), &TimeZone::get(zone).unwrap());
            assert!(matches!(&literal, Literal::DateTime(literal) if literal == text), "{literal:?}");
        }
    }

    #[test]
    fn a_time_is_rounded_down_also_before_1970() {
        for (at, ms, s) in [
            ("2026-12-01T21:00:00.9999Z", "2026-12-01T21:00:00.999Z", "2026-12-01T21:00:00Z"),
            ("1969-12-31T23:59:58.9999Z", "1969-12-31T23:59:58.999Z", "1969-12-31T23:59:58Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(
                (floor_to_millisecond(at), floor_to_second(at)),
                (ms.parse().unwrap(), s.parse().unwrap())
            );
        }
    }
}
