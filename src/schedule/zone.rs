//! Conversion of local times to instants.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// The choice between the two instants of a repeated local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// The first: for starts.
    First,
    /// The second: for ends.
    Second,
}

/// Converts a local time in `zone` to an instant. A time in a gap becomes the first instant after the gap; `fold` decides
/// about a repeated one. Returns `None` if the result is outside of the years -9999 to 9999.
pub fn resolve(zone: &TimeZone, local: DateTime, fold: Fold) -> Option<Timestamp> {
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, after } => match fold {
            Fold::First => before,
            Fold::Second => after,
        },
        AmbiguousOffset::Gap { after, .. } => {
            let just_before = after.to_timestamp(local).ok()?;
            return zone.following(just_before).next().map(|transition| transition.timestamp());
        }
    };
    offset.to_timestamp(local).ok()
}

/// Returns true if a local time is in a gap of `zone`.
pub fn is_skipped(zone: &TimeZone, local: DateTime) -> bool {
    matches!(zone.to_ambiguous_timestamp(local).offset(), AmbiguousOffset::Gap { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_time_moves_after_the_gap_and_a_repeated_one_follows_the_fold() {
        for (zone, local, first, second) in [
            ("UTC", "2026-12-01T22:00:00", "2026-12-01T22:00:00Z", "2026-12-01T22:00:00Z"),
            ("Europe/Berlin", "2026-12-01T22:00:00", "2026-12-01T21:00:00Z", "2026-12-01T21:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z"),
            ("Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:30:00Z", "2026-10-03T15:30:00Z"),
            ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"),
            ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"),
            ("Europe/Berlin", "2999-03-31T02:30:00", "2999-03-31T01:00:00Z", "2999-03-31T01:00:00Z"),
        ] {
            let tz = TimeZone::get(zone).unwrap();
            let local = local.parse().unwrap();
            let instant = |fold| resolve(&tz, local, fold).unwrap().to_string();
            assert_eq!(
                (instant(Fold::First).as_str(), instant(Fold::Second).as_str()),
                (first, second),
                "{zone} {local}"
            );
        }
    }

    #[test]
    fn a_time_in_a_gap_is_skipped() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (local, skipped) in
            [("2026-03-29T01:59:59", false), ("2026-03-29T02:00:00", true), ("2026-03-29T03:00:00", false)]
        {
            assert_eq!(is_skipped(&berlin, local.parse().unwrap()), skipped, "{local}");
        }
    }

    #[test]
    fn a_time_outside_of_the_supported_years_is_none() {
        let west = TimeZone::get("Pacific/Honolulu").unwrap();
        assert_eq!(resolve(&west, DateTime::MAX, Fold::First), None);
    }
}
