//! A series of occurrences: a cron expression in a time zone.
//!
//! Cron times are civil times. In a gap of the zone an occurrence starts at the first instant after it, in a fold at the
//! first of the two times. A search begins at the given time, so the age of a series does not matter.

mod cron;

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use self::cron::{Cron, CronError, StepBeyondRange, find_step_beyond_range};
use crate::schedule::occurrence::Occurrence;
use crate::schedule::zone::{self, Fold};

/// Longer than any clock is set back.
const MAX_FOLD: SignedDuration = SignedDuration::from_hours(26);
const LAST_MINUTE: Time = Time::constant(23, 59, 0, 0);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// Occurrences of equal length at the times of a cron expression.
#[derive(Clone, Debug)]
pub struct Series {
    /// The times at which they start.
    pub cron: Cron,
    /// The cron expression, as it is in the file.
    pub expression: String,
    /// The length of each, in elapsed time.
    pub length: SignedDuration,
    /// The time zone of the cron expression.
    pub zone: TimeZone,
    /// No occurrence starts before this.
    pub from: Option<Timestamp>,
    /// No occurrence starts at this time or later, and an active one ends.
    pub until: Option<Timestamp>,
    /// The occurrences that are left out.
    pub except: ExcludedStarts,
}

/// Occurrences that are left out of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExcludedStarts {
    /// Local dates on which no occurrence starts.
    pub dates: BTreeSet<Date>,
    /// Starts of single occurrences.
    pub starts: BTreeSet<Timestamp>,
}

impl Series {
    /// Returns the last start at or before `at`.
    pub fn last_start(&self, at: Timestamp) -> Option<Timestamp> {
        if self.cron.is_never() {
            return None;
        }
        let at = self.until.map_or(at, |until| at.min(before(until)));
        let mut civil = self.latest_local_time(at);
        loop {
            civil = self.cron.previous(civil)?;
            let start = zone::resolve(&self.zone, civil, Fold::First)?;
            if self.from.is_some_and(|from| start < from) {
                return None;
            }
            let date = self.date(start);
            if self.except.dates.contains(&date) {
                civil = civil.min(date.to_datetime(Time::midnight()));
            } else if start <= at && !self.except.starts.contains(&start) {
                return Some(start);
            }
            civil = civil.checked_sub(MINUTE).ok()?;
        }
    }

    /// Returns the first start after `after`.
    pub fn next_start(&self, after: Timestamp) -> Option<Timestamp> {
        if self.cron.is_never() {
            return None;
        }
        let after = self.from.map_or(after, |from| after.max(before(from)));
        let mut civil = self.latest_local_time(after);
        loop {
            civil = self.cron.next(civil)?;
            let start = zone::resolve(&self.zone, civil, Fold::First)?;
            if self.until.is_some_and(|until| start >= until) {
                return None;
            }
            let date = self.date(start);
            if self.except.dates.contains(&date) {
                civil = civil.max(date.to_datetime(LAST_MINUTE));
            } else if start > after && !self.except.starts.contains(&start) {
                return Some(start);
            }
            civil = civil.checked_add(MINUTE).ok()?;
        }
    }

    /// Returns the starts of the occurrences that are active at `at`, the latest first. There are several if they overlap.
    pub fn running(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        let runs = move |start: &Timestamp| self.occurrence(*start).contains(at);
        std::iter::successors(self.last_start(at), |start| self.last_start(before(*start))).take_while(runs)
    }

    /// Returns the occurrence that starts at `start`.
    pub fn occurrence(&self, start: Timestamp) -> Occurrence {
        let end = start.checked_add(self.length).unwrap_or(Timestamp::MAX);
        Occurrence { start, end: Some(self.until.map_or(end, |until| end.min(until))) }
    }

    fn date(&self, start: Timestamp) -> Date {
        self.zone.to_offset(start).to_datetime(start).date()
    }

    /// Returns the latest local time that the clocks of the zone have shown until `at`. In the second pass of a fold, it is
    /// later than the current local time.
    fn latest_local_time(&self, at: Timestamp) -> DateTime {
        let shown = |at: Timestamp| self.zone.to_offset(at).to_datetime(at);
        let folds = self.zone.preceding(at.checked_add(NANOSECOND).unwrap_or(at));
        let recent = folds.map(|t| t.timestamp()).take_while(|&t| at.duration_since(t) < MAX_FOLD);
        let shown_before = |t: Timestamp| shown(before(t));
        recent.map(shown_before).chain([shown(at)]).max().unwrap_or_else(|| shown(at))
    }
}

/// Returns the last instant before `at`.
pub fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(NANOSECOND).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(cron: &str, zone: &str, minutes: i64) -> Series {
        Series {
            cron: Cron::parse(cron).unwrap(),
            expression: cron.to_owned(),
            length: SignedDuration::from_mins(minutes),
            zone: TimeZone::get(zone).unwrap(),
            from: None,
            until: None,
            except: ExcludedStarts::default(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Returns the starts after `after` until `last`, including it.
    fn starts(series: &Series, after: &str, last: &str) -> Vec<String> {
        let next = |start: &Timestamp| series.next_start(*start);
        let starts =
            std::iter::successors(series.next_start(at(after)), next).take_while(|start| *start <= at(last));
        starts.map(|start| start.to_string()).collect()
    }

    /// Cron expressions with a zone, the bounds of a search, and the starts in it.
    const GAPS_AND_FOLDS: &[(&str, &str, &str, &str, &[&str])] = &[
        // In a gap: at the first instant after it.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            "2026-03-30T12:00:00Z",
            &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        // Coinciding occurrences are one.
        (
            "*/15 2,3 * * *",
            "Europe/Berlin",
            "2026-03-29T00:00:00Z",
            "2026-03-29T02:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z", "2026-03-29T01:30:00Z", "2026-03-29T01:45:00Z"],
        ),
        // In a fold: once, the first time.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            "2026-10-26T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "30 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:00:00Z",
            "2026-10-25T03:00:00Z",
            &["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:30:00Z"],
        ),
        // The southern hemisphere, with a shift of half an hour.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-02T15:45:00Z",
            "2026-10-04T15:30:00Z",
            &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
        ),
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-03T15:00:00Z",
            "2026-04-05T15:30:00Z",
            &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
        ),
        // A skipped day.
        (
            "0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T00:00:00Z",
            "2011-12-31T00:00:00Z",
            &["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"],
        ),
        (
            "0 0 L * *",
            "UTC",
            "2028-01-31T00:00:00Z",
            "2028-03-31T00:00:00Z",
            &["2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"],
        ),
        (
            "30 23 * * SAT#1",
            "UTC",
            "2026-01-01T00:00:00Z",
            "2026-02-28T00:00:00Z",
            &["2026-01-03T23:30:00Z", "2026-02-07T23:30:00Z"],
        ),
    ];

    #[test]
    fn it_starts_once_in_a_gap_or_a_fold() {
        for &(cron, zone, after, last, expected) in GAPS_AND_FOLDS {
            assert_eq!(starts(&series(cron, zone, 1), after, last), expected, "{cron} {zone}");
        }
    }

    #[test]
    fn an_occurrence_across_a_clock_change_lasts_its_elapsed_time() {
        for (cron, zone, after, window) in [
            (
                "30 1 * * *",
                "Europe/Berlin",
                "2026-03-28T12:00:00Z",
                "2026-03-29T00:30:00Z to 2026-03-29T02:30:00Z",
            ),
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-10-24T12:00:00Z",
                "2026-10-25T00:30:00Z to 2026-10-25T02:30:00Z",
            ),
            (
                "30 1 * * *",
                "Australia/Lord_Howe",
                "2026-10-03T00:00:00Z",
                "2026-10-03T15:00:00Z to 2026-10-03T17:00:00Z",
            ),
            (
                "0 1 * * *",
                "Australia/Lord_Howe",
                "2026-04-04T00:00:00Z",
                "2026-04-04T14:00:00Z to 2026-04-04T16:00:00Z",
            ),
            (
                "0 23 * * *",
                "Pacific/Apia",
                "2011-12-30T00:00:00Z",
                "2011-12-30T09:00:00Z to 2011-12-30T11:00:00Z",
            ),
        ] {
            let series = series(cron, zone, 120);
            let Occurrence { start, end } = series.occurrence(series.next_start(at(after)).unwrap());
            assert_eq!(format!("{start} to {}", end.unwrap()), window, "{cron} {zone}");
        }
    }

    #[test]
    fn bounds_and_exceptions_remove_and_shorten_occurrences() {
        let daily = series("0 0 * * *", "UTC", 120);
        let bounded = Series {
            from: Some(at("2026-01-02T00:00:00Z")),
            until: Some(at("2026-01-05T01:00:00Z")),
            except: ExcludedStarts {
                dates: BTreeSet::from(["2026-01-03".parse().unwrap()]),
                starts: BTreeSet::from([at("2026-01-04T00:00:00Z")]),
            },
            ..daily
        };
        let expected = ["2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z"];
        assert_eq!(starts(&bounded, "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), expected);
        for (now, last) in [
            ("2026-01-01T23:59:59Z", None),
            ("2026-01-02T00:00:00Z", Some(expected[0])),
            ("2026-01-04T23:59:59Z", Some(expected[0])),
            ("2030-01-01T00:00:00Z", Some(expected[1])),
        ] {
            assert_eq!(bounded.last_start(at(now)), last.map(at), "{now}");
        }
        let cut = bounded.occurrence(at(expected[1]));
        assert_eq!(cut.end, bounded.until);
    }

    #[test]
    fn overlapping_occurrences_are_returned_latest_first() {
        let overlapping = series("0 * * * *", "UTC", 150);
        for (now, hours) in
            [("12:00:00", &[12, 11, 10][..]), ("12:29:59", &[12, 11, 10]), ("12:30:00", &[12, 11])]
        {
            let found: Vec<_> = overlapping.running(at(&format!("2026-01-01T{now}Z"))).collect();
            let running: Vec<_> = hours.iter().map(|hour| at(&format!("2026-01-01T{hour}:00:00Z"))).collect();
            assert_eq!(found, running, "{now}");
        }
        let ended = Series { until: Some(at("2026-01-01T12:00:00Z")), ..overlapping };
        assert_eq!(ended.running(at("2026-01-01T12:00:00Z")).next(), None);
    }

    #[test]
    fn a_series_that_never_starts_ends_the_search() {
        let never = series("0 0 30 2 *", "Europe/Berlin", 1);
        let bounded = Series { from: Some(at("2020-01-01T00:00:00Z")), ..never.clone() };
        let excepting = ExcludedStarts {
            dates: BTreeSet::from(["2026-01-03".parse().unwrap()]),
            ..ExcludedStarts::default()
        };
        for series in [&never, &bounded, &Series { except: excepting, ..never.clone() }] {
            assert_eq!(series.next_start(at("2026-01-01T00:00:00Z")), None);
            assert_eq!(series.last_start(at("2026-01-01T00:00:00Z")), None);
        }
    }

    #[test]
    fn a_search_works_in_any_year() {
        let nightly = series("30 2 * * *", "America/New_York", 1);
        for year in [1970, 2500, 9998] {
            let now = at(&format!("{year}-06-01T12:00:00Z"));
            assert_eq!(nightly.last_start(now), Some(at(&format!("{year}-06-01T06:30:00Z"))));
            assert_eq!(nightly.next_start(now), Some(at(&format!("{year}-06-02T06:30:00Z"))));
        }
        let last = at("9999-12-30T07:30:00Z");
        for now in ["9999-12-30T07:30:00Z", "9999-12-30T22:00:00Z"] {
            assert_eq!(
                (nightly.last_start(at(now)), nightly.next_start(at(now))),
                (Some(last), None),
                "{now}"
            );
        }
    }

    /// Steps through time minute by minute. An occurrence starts as soon as the clocks show its local time or a later one.
    fn oracle(minutes: &[i8], hours: &[i8], zone: &TimeZone, from: i64, to: i64) -> Vec<i64> {
        let shown = |minute: i64| {
            let at = Timestamp::from_second(minute * 60).unwrap();
            zone.to_offset(at).to_datetime(at)
        };
        let matches = |t: DateTime| minutes.contains(&t.minute()) && hours.contains(&t.hour());
        let mut reached = (from - 2000..from).map(shown).max().unwrap();
        let mut starts = Vec::new();
        for minute in from..to {
            let now = shown(minute);
            let mut civil = reached;
            let mut begins = false;
            while civil < now {
                civil = civil.checked_add(SignedDuration::from_mins(1)).unwrap();
                begins |= matches(civil);
            }
            reached = reached.max(now);
            if begins {
                starts.push(minute * 60);
            }
        }
        starts
    }

    proptest! {
        #[test]
        fn it_agrees_with_an_oracle_that_steps_through_time(
            minutes in prop::collection::btree_set(prop::sample::select(vec![0_i8, 1, 15, 29, 30, 31, 45, 59]), 1..4),
            hours in prop::collection::btree_set(0_i8..24, 1..6),
            (zone, around) in prop::sample::select(vec![
                ("Europe/Berlin", "2026-03-29T01:00:00Z"),
                ("Europe/Berlin", "2026-10-25T01:00:00Z"),
                ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
                ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
                ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
                ("Pacific/Apia", "2011-12-30T10:00:00Z"),
                ("Pacific/Kwajalein", "1993-08-21T12:00:00Z"),
                ("Asia/Kathmandu", "1985-12-31T18:30:00Z"),
                ("UTC", "2026-01-01T00:00:00Z"),
            ]),
            offset in -600_i64..600,
        ) {
            let list = |set: &BTreeSet<i8>| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let cron = format!("{} {} * * *", list(&minutes), list(&hours));
            let series = series(&cron, zone, 1);
            let from = at(around).as_second() / 60 - 1500 + offset;
            let (minutes, hours): (Vec<_>, Vec<_>) = (minutes.into_iter().collect(), hours.into_iter().collect());
            let expected = oracle(&minutes, &hours, &series.zone, from, from + 3000);
            let second = |s: i64| Timestamp::from_second(s).unwrap();
            let last = second((from + 3000) * 60 - 1);
            let found: Vec<_> = std::iter::successors(series.next_start(second(from * 60 - 1)), |s| series.next_start(*s))
                .take_while(|start| *start <= last).map(Timestamp::as_second).collect();
            prop_assert_eq!(&found, &expected, "{} {}", cron, zone);
            for now in (from..from + 3000).step_by(37) {
                let before = expected.iter().rev().find(|&&start| start <= now * 60);
                if before.is_some() {
                    prop_assert_eq!(series.last_start(second(now * 60)).map(Timestamp::as_second), before.copied());
                }
            }
        }
    }
}
