//! A series of occurrences: a cron expression in a time zone.
//!
//! The cron times are civil ones; each starts at the moment that it names in the zone: in the hour that is skipped, at
//! the first moment after it, in the hour that comes twice, the first time. A search goes from the moment asked about,
//! so it takes no longer for a series that has run for a thousand years.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::glob::Fault;
use crate::occurrence::Occurrence;
use crate::zone::{self, Fold};

/// No clock is set back by more than this.
const LONGEST_FOLD: SignedDuration = SignedDuration::from_hours(26);
const LAST_SECOND: Time = Time::constant(23, 59, 59, 0);
/// None starts later. Where croner ends, within a year from here, depends on which way it looks, and from where.
const LAST: DateTime = DateTime::constant(4999, 12, 31, 23, 59, 59, 0);
const SECOND: SignedDuration = SignedDuration::from_secs(1);
const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// Occurrences at the times of a cron expression, each as long.
#[derive(Clone, Debug)]
pub struct Series {
    /// When they start.
    pub cron: Cron,
    /// The same, as it was written.
    pub written: String,
    /// How long each lasts, in elapsed time.
    pub length: SignedDuration,
    /// The zone of the cron times.
    pub zone: TimeZone,
    /// None starts before this.
    pub from: Option<Timestamp>,
    /// None starts at this or later, and one that runs then is cut off.
    pub until: Option<Timestamp>,
    /// Those that are left out.
    pub except: Except,
}

/// Occurrences that are left out of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Except {
    /// Local dates on which none starts.
    pub dates: BTreeSet<Date>,
    /// Starts.
    pub starts: BTreeSet<Timestamp>,
}

/// The fields of a cron expression, and what each may hold (`crontab(5)`).
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31, or L for the last"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of week", "0 to 7, or SUN to SAT; SAT#1 is the first, FRI#L the last"),
];

/// Reads a cron expression of five fields (`crontab(5)`, with `L`, `#` and names).
pub fn parse_cron(text: &str) -> Result<Cron, Fault> {
    const EXAMPLE: &str =
        "write minute, hour, day of month, month and day of week, such as \"30 23 * * SAT\"";
    let fields: Vec<_> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let message = format!("a cron expression has five fields, not {}", fields.len());
        return Err(Fault::new(message, EXAMPLE));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let fault = |index: usize| {
        let (field, (name, range)) = (fields.get(index)?, FIELDS.get(index)?);
        let mut others = ["*"; FIELDS.len()];
        *others.get_mut(index)? = field;
        parser.parse(&others.join(" ")).is_err().then(|| {
            Fault::new(
                format!("`{field}` is no {name}"),
                format!("write {range}; `*` for all, `a-b` for a range, `a,b` for a list, `*/n` for steps"),
            )
        })
    };
    parser.parse(text).map_err(|_| {
        let whole = Fault::new("this is no cron expression", EXAMPLE);
        (0..FIELDS.len()).find_map(fault).unwrap_or(whole)
    })
}

impl Series {
    /// The last start up to and at `at`.
    pub fn last_start(&self, at: Timestamp) -> Option<Timestamp> {
        let at = self.until.map_or(at, |until| at.min(before(until)));
        let mut civil = self.reached(at).min(LAST);
        loop {
            civil = self.cron.find_previous_occurrence(&Civil(civil), true).ok()?.0;
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
            civil = civil.checked_sub(SECOND).ok()?;
        }
    }

    /// The first start after `after`.
    pub fn next_start(&self, after: Timestamp) -> Option<Timestamp> {
        let after = self.from.map_or(after, |from| after.max(before(from)));
        let mut civil = self.reached(after);
        loop {
            civil = self.cron.find_next_occurrence(&Civil(civil), false).ok()?.0;
            if civil > LAST {
                return None;
            }
            let start = zone::resolve(&self.zone, civil, Fold::First)?;
            if self.until.is_some_and(|until| start >= until) {
                return None;
            }
            let date = self.date(start);
            if self.except.dates.contains(&date) {
                civil = civil.max(date.to_datetime(LAST_SECOND));
            } else if start > after && !self.except.starts.contains(&start) {
                return Some(start);
            }
        }
    }

    /// The starts of the occurrences that run at `at`, the last one first: several where they overlap.
    pub fn running(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        let runs = move |start: &Timestamp| self.occurrence(*start).contains(at);
        std::iter::successors(self.last_start(at), |start| self.last_start(before(*start))).take_while(runs)
    }

    /// The occurrence that starts at `start`.
    pub fn occurrence(&self, start: Timestamp) -> Occurrence {
        let end = start.checked_add(self.length).unwrap_or(Timestamp::MAX);
        Occurrence { start, end: Some(self.until.map_or(end, |until| end.min(until))) }
    }

    fn date(&self, start: Timestamp) -> Date {
        self.zone.to_offset(start).to_datetime(start).date()
    }

    /// The latest local time that the clocks of the zone have shown up to `at`: later than the present one while they
    /// show an hour for the second time.
    fn reached(&self, at: Timestamp) -> DateTime {
        let shown = |at: Timestamp| self.zone.to_offset(at).to_datetime(at);
        let folds = self.zone.preceding(at.checked_add(NANOSECOND).unwrap_or(at));
        let recent = folds.map(|t| t.timestamp()).take_while(|&t| at.duration_since(t) < LONGEST_FOLD);
        let shown_before = |t: Timestamp| shown(before(t));
        recent.map(shown_before).chain([shown(at)]).max().unwrap_or_else(|| shown(at))
    }
}

fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(NANOSECOND).unwrap_or(at)
}

/// A civil time for croner's search, which knows no zones then.
#[derive(Clone)]
struct Civil(DateTime);

impl CronDateTime for Civil {
    fn to_civil(&self) -> CivilDateTime {
        let (date, time) = (self.0.date(), self.0.time());
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(
                i32::from(date.year()),
                u32::from(date.month().unsigned_abs()),
                u32::from(date.day().unsigned_abs()),
            ),
            CivilTime::from_parts_unchecked(
                u32::from(time.hour().unsigned_abs()),
                u32::from(time.minute().unsigned_abs()),
                u32::from(time.second().unsigned_abs()),
            ),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(u32::from(self.0.weekday().to_sunday_zero_offset().unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |value: u32| i8::try_from(value).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let (month, day) = (part(civil.month())?, part(civil.day())?);
        let (hour, minute, second) = (part(civil.hour())?, part(civil.minute())?, part(civil.second())?);
        let time = DateTime::new(year, month, day, hour, minute, second, 0);
        time.map(|time| Resolution::Single(Self(time))).map_err(|_| CronError::InvalidDate)
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(cron: &str, zone: &str, minutes: i64) -> Series {
        Series {
            cron: parse_cron(cron).unwrap(),
            written: cron.to_owned(),
            length: SignedDuration::from_mins(minutes),
            zone: TimeZone::get(zone).unwrap(),
            from: None,
            until: None,
            except: Except::default(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The starts after `after` up to and at `last`.
    fn starts(series: &Series, after: &str, last: &str) -> Vec<String> {
        let next = |start: &Timestamp| series.next_start(*start);
        let starts =
            std::iter::successors(series.next_start(at(after)), next).take_while(|start| *start <= at(last));
        starts.map(|start| start.to_string()).collect()
    }

    #[test]
    fn it_starts_once_in_each_hour_that_is_skipped_or_doubled() {
        for (cron, zone, after, last, expected) in [
            // In the gap of Berlin: at the first moment after it.
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-03-28T00:00:00Z",
                "2026-03-30T12:00:00Z",
                &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"][..],
            ),
            // Several that fall together are one.
            (
                "*/15 2,3 * * *",
                "Europe/Berlin",
                "2026-03-29T00:00:00Z",
                "2026-03-29T02:00:00Z",
                &[
                    "2026-03-29T01:00:00Z",
                    "2026-03-29T01:15:00Z",
                    "2026-03-29T01:30:00Z",
                    "2026-03-29T01:45:00Z",
                ],
            ),
            // In the fold: once, the first time.
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
            // The southern hemisphere, and half an hour.
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
            // A day that is skipped.
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
        ] {
            assert_eq!(starts(&series(cron, zone, 1), after, last), expected, "{cron} {zone}");
        }
    }

    #[test]
    fn a_window_that_spans_a_change_of_the_clocks_lasts_its_elapsed_time() {
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
    fn bounds_and_exceptions_leave_out_and_cut_off() {
        let daily = series("0 0 * * *", "UTC", 120);
        let bounded = Series {
            from: Some(at("2026-01-02T00:00:00Z")),
            until: Some(at("2026-01-05T01:00:00Z")),
            except: Except {
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
    fn those_that_run_are_named_the_last_one_first() {
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

    /// Croner asks for these where a zone skips or doubles a time, and none is known to it here.
    #[test]
    fn civil_times_are_counted_and_compared_without_a_zone() {
        let time = |text: &str| Civil(text.parse().unwrap());
        for (start, seconds, end) in [
            ("2026-03-29T01:59:59", 1, Some("2026-03-29T02:00:00")),
            ("2026-03-01T00:00:00", -1, Some("2026-02-28T23:59:59")),
            ("9999-12-31T23:59:59", 1, None),
        ] {
            let found = time(start).checked_add_seconds(seconds);
            assert_eq!(found.map(|found| found.0), end.map(|end| time(end).0), "{start} {seconds}");
        }
        let (early, late) = (time("2026-03-29T02:00:00"), time("2026-03-29T02:00:01"));
        assert_eq!((early.cmp_instant(&late), late.cmp_instant(&early)), (Ordering::Less, Ordering::Greater));
    }

    #[test]
    fn a_cron_expression_has_five_fields_that_mean_something() {
        for text in
            ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "a * * * *", "* * * 13 *", "@daily"]
        {
            assert!(parse_cron(text).is_err(), "{text:?}");
        }
        for (text, message) in [
            ("61 * * * *", "`61` is no minute"),
            ("* 24 * * *", "`24` is no hour"),
            ("* * 32 * *", "`32` is no day of month"),
            ("* * * 13 *", "`13` is no month"),
            ("* * * * MUN", "`MUN` is no day of week"),
            ("* * *", "a cron expression has five fields, not 3"),
        ] {
            assert_eq!(parse_cron(text).unwrap_err().message, message);
        }
        for text in ["*/5 9-17 * * MON-FRI", "0 0 L * *", "0 0 * * 5#2", "0 0 1 JAN *", " 0 0 * * 7 "] {
            assert!(parse_cron(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn one_that_never_starts_is_found_out() {
        let never = series("0 0 30 2 *", "Europe/Berlin", 1);
        assert_eq!(never.next_start(at("2026-01-01T00:00:00Z")), None);
        assert_eq!(never.last_start(at("2026-01-01T00:00:00Z")), None);
    }

    #[test]
    fn it_can_be_asked_about_any_year() {
        let nightly = series("30 2 * * *", "America/New_York", 1);
        for year in [1970, 2500, 4999] {
            let now = at(&format!("{year}-06-01T12:00:00Z"));
            assert_eq!(nightly.last_start(now), Some(at(&format!("{year}-06-01T06:30:00Z"))));
            assert_eq!(nightly.next_start(now), Some(at(&format!("{year}-06-02T06:30:00Z"))));
        }
        let last = at("4999-12-31T07:30:00Z");
        for now in
            ["4999-12-31T07:30:00Z", "5000-06-01T12:00:00Z", "5001-06-01T12:00:00Z", "9999-12-30T22:00:00Z"]
        {
            assert_eq!(
                (nightly.last_start(at(now)), nightly.next_start(at(now))),
                (Some(last), None),
                "{now}"
            );
        }
    }

    /// Steps through time minute by minute. The clocks reach a local time the first time that they show it or a later
    /// one, and that is when it starts.
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
