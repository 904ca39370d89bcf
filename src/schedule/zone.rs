//! Local times and the moments that they name.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Which moment a local time names in the hour that comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// The first one: for starts.
    First,
    /// The second one: for ends.
    Second,
}

/// The moment that a local time names in `zone`: in the hour that is skipped, the first moment after it; in the hour
/// that comes twice, as `fold` says. `None` where it is beyond the years that can be represented (-9999 to 9999).
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

/// Whether a local time falls in an hour that `zone` skips.
pub fn is_skipped(zone: &TimeZone, local: DateTime) -> bool {
    matches!(zone.to_ambiguous_timestamp(local).offset(), AmbiguousOffset::Gap { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_time_is_the_first_moment_after_and_a_doubled_one_goes_by_the_edge() {
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
            let moment = |fold| resolve(&tz, local, fold).unwrap().to_string();
            assert_eq!(
                (moment(Fold::First).as_str(), moment(Fold::Second).as_str()),
                (first, second),
                "{zone} {local}"
            );
        }
    }

    #[test]
    fn a_time_in_the_gap_is_known_as_skipped() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (local, skipped) in
            [("2026-03-29T01:59:59", false), ("2026-03-29T02:00:00", true), ("2026-03-29T03:00:00", false)]
        {
            assert_eq!(is_skipped(&berlin, local.parse().unwrap()), skipped, "{local}");
        }
    }

    #[test]
    fn a_time_beyond_what_can_be_represented_is_none() {
        let west = TimeZone::get("Pacific/Honolulu").unwrap();
        assert_eq!(resolve(&west, DateTime::MAX, Fold::First), None);
    }
}
