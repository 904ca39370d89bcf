//! Times and lengths in a form for people.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::schedule::occurrence::Occurrence;

/// The end of an occurrence up to this long is shown with its day of the week, without a date.
const MAX_WEEKDAY_ONLY: SignedDuration = SignedDuration::from_hours(6 * 24);

/// Formats a time in a zone: `2026-12-01 22:00:00 +01:00`.
pub fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%F %T %:z").to_string()
}

/// Formats the distance from now: `in 3 h`, or `3 h ago`.
pub fn distance(at: Timestamp, now: Timestamp) -> String {
    if at < now {
        format!("{} ago", length(now.duration_since(at)))
    } else {
        format!("in {}", time_left(at, now))
    }
}

/// Formats the time that is left until `at`, rounded up to a second: right after `--for 30m`, that is 30 min.
pub fn time_left(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    let is_rounded = left.subsec_nanos() > 0 && left.as_secs() < i64::MAX;
    length(SignedDuration::from_secs(left.as_secs() + i64::from(is_rounded)))
}

/// Formats a length of time in its two largest units: `3 d 2 h`.
pub fn length(length: SignedDuration) -> String {
    let seconds = length.unsigned_abs().as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let parts = units.iter().scan(seconds, |rest, &(size, unit)| {
        let count = *rest / size;
        *rest %= size;
        Some((count, unit))
    });
    let parts: Vec<_> =
        parts.skip_while(|&(count, _)| count == 0).take(2).filter(|&(count, _)| count > 0).collect();
    if parts.is_empty() {
        return if length.is_zero() { "0 s".into() } else { "less than 1 s".into() };
    }
    parts.iter().map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// Formats an occurrence in a zone, as start and end: `Sat 2026-06-06 23:30 -04` and `to Sun 01:30`. The end omits what it
/// has in common with the start.
pub fn span(Occurrence { start, end }: Occurrence, zone: &TimeZone) -> [String; 2] {
    let from = at(start, zone, "%a %F", Some(" %:::z"));
    let Some(end) = end else { return [from, "open-ended".into()] };
    let moved = zone.to_offset(start) != zone.to_offset(end);
    [from, format!("to {}", at(end, zone, end_day(start, end, zone), moved.then_some(" %:::z")))]
}

/// Formats an occurrence in UTC: `06-07 03:30Z to 05:30Z`.
pub fn utc_span(Occurrence { start, end }: Occurrence) -> String {
    let utc = TimeZone::UTC;
    let from = at(start, &utc, "%m-%d", None);
    let Some(end) = end else { return format!("{from}Z") };
    format!("{from}Z to {}Z", at(end, &utc, end_day(start, end, &utc), None))
}

fn end_day(start: Timestamp, end: Timestamp, zone: &TimeZone) -> &'static str {
    if date(start, zone) == date(end, zone) {
        ""
    } else if end.duration_since(start) <= MAX_WEEKDAY_ONLY {
        "%a"
    } else {
        "%F"
    }
}

fn date(at: Timestamp, zone: &TimeZone) -> jiff::civil::Date {
    zone.to_datetime(at).date()
}

/// Formats a day and the time of day, with seconds unless they are 0.
fn at(at: Timestamp, zone: &TimeZone, day: &str, offset: Option<&str>) -> String {
    let time = at.to_zoned_datetime(zone.clone());
    let clock = if at.as_second() % 60 == 0 { "%H:%M" } else { "%H:%M:%S" };
    time.strftime(&format!("{day} {clock}{}", offset.unwrap_or_default())).to_string().trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_shown_in_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_661, "1 h 1 min"),
            (3_601, "1 h"),
            (86_400 * 3 + 7_200, "3 d 2 h"),
            (-90, "1 min 30 s"),
        ] {
            assert_eq!(length(SignedDuration::from_secs(seconds)), text, "{seconds}");
        }
        assert_eq!(length(SignedDuration::from_millis(2)), "less than 1 s");
    }

    #[test]
    fn the_time_that_is_left_is_rounded_up_to_a_second() {
        let now: Timestamp = "2026-06-06T20:00:00.7Z".parse().unwrap();
        for (at, text) in [
            ("2026-06-06T20:30:00Z", "in 30 min"),
            ("2026-06-06T20:30:00.7Z", "in 30 min"),
            ("2026-06-06T20:30:00.8Z", "in 30 min 1 s"),
            ("2026-06-06T20:00:01Z", "in 1 s"),
            ("2026-06-06T20:00:00.7Z", "in 0 s"),
            ("2026-06-06T19:58:00Z", "2 min ago"),
        ] {
            assert_eq!(distance(at.parse().unwrap(), now), text, "{at}");
        }
    }

    #[test]
    fn the_end_of_an_occurrence_omits_what_it_shares_with_the_start() {
        for (start, end, local, utc) in [
            (
                "2026-06-06T20:00:00Z",
                "2026-06-06T21:59:30Z",
                "Sat 2026-06-06 22:00 +02 to 23:59:30",
                "06-06 20:00Z to 21:59:30Z",
            ),
            (
                "2026-06-06T21:30:00Z",
                "2026-06-07T01:00:00Z",
                "Sat 2026-06-06 23:30 +02 to Sun 03:00",
                "06-06 21:30Z to Sun 01:00Z",
            ),
            (
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:30:00Z",
                "Sun 2026-10-25 02:30 +02 to 02:30 +01",
                "10-25 00:30Z to 01:30Z",
            ),
            (
                "2026-06-01T22:00:00Z",
                "2026-06-09T22:00:00Z",
                "Tue 2026-06-02 00:00 +02 to 2026-06-10 00:00",
                "06-01 22:00Z to 2026-06-09 22:00Z",
            ),
        ] {
            let occurrence = Occurrence { start: start.parse().unwrap(), end: Some(end.parse().unwrap()) };
            let berlin = TimeZone::get("Europe/Berlin").unwrap();
            assert_eq!(span(occurrence, &berlin).join(" "), local);
            assert_eq!(utc_span(occurrence), utc);
        }
    }
}
