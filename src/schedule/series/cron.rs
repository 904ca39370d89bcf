//! Cron expressions and the civil times that match them (`crontab(5)`).

mod days;
mod error;
mod field;
mod field_count;
mod parse;
mod step;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use self::days::{Days, EVERY};
pub use self::error::CronError;
pub use self::step::{StepBeyondRange, find_step_beyond_range};

/// A cron expression: the minutes that match it, regardless of the time zone.
///
/// A search examines each month at most once, and none at all if no day ever matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron {
    /// Bit `n` is minute `n`.
    minutes: u64,
    /// Bit `n` is hour `n`.
    hours: u64,
    /// Bit `n` is month `n`.
    months: u64,
    days: Days,
    never: bool,
}

impl Cron {
    /// Parses an expression of five fields. Names are allowed, as are `L` for the last day of the month, and `SAT#1` and
    /// `FRI#L` for the first and the last of a weekday.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        parse::parse(text)
    }

    fn new(minutes: u64, hours: u64, months: u64, days: Days) -> Self {
        let cron = Self { minutes, hours, months, days, never: false };
        Self { never: cron.has_no_day(), ..cron }
    }

    /// Returns true if no year has a day that matches.
    pub fn is_never(&self) -> bool {
        self.never
    }

    /// Returns the first matching time at or after `from`.
    pub fn next(&self, from: DateTime) -> Option<DateTime> {
        let started = from.second() != 0 || from.subsec_nanosecond() != 0;
        let from = if started { minute(from).checked_add(ONE_MINUTE).ok()? } else { from };
        let today = self.first_day(from.date())?;
        let time = if today == from.date() { self.first_time(from.time()) } else { None };
        match time {
            Some(time) => Some(today.to_datetime(time)),
            None if today > from.date() => Some(today.to_datetime(self.first_time(Time::midnight())?)),
            None => {
                let day = self.first_day(today.tomorrow().ok()?)?;
                Some(day.to_datetime(self.first_time(Time::midnight())?))
            }
        }
    }

    /// Returns the last matching time at or before `to`.
    pub fn previous(&self, to: DateTime) -> Option<DateTime> {
        let today = self.last_day(to.date())?;
        let time = if today == to.date() { self.last_time(to.time()) } else { None };
        match time {
            Some(time) => Some(today.to_datetime(time)),
            None if today < to.date() => Some(today.to_datetime(self.last_time(Time::MAX)?)),
            None => {
                let day = self.last_day(today.yesterday().ok()?)?;
                Some(day.to_datetime(self.last_time(Time::MAX)?))
            }
        }
    }

    /// Returns true if, in the `days` from a date on, two consecutive matching times are more than `length` apart.
    pub fn has_gap_over(&self, length: SignedDuration, from: Date, days: i64) -> bool {
        let (Some(first), Some(last)) = (self.first_time(Time::midnight()), self.last_time(Time::MAX)) else {
            return true;
        };
        let over_the_hour = 60 * longest_step(self.hours) - i64::from(last.minute() - first.minute());
        let in_a_day = if first.hour() == last.hour() { 0 } else { over_the_hour };
        if SignedDuration::from_mins(longest_step(self.minutes).max(in_a_day)) > length {
            return true;
        }
        if self.has_every_day() {
            return SignedDuration::from_mins(24 * 60) - last.duration_since(first) > length;
        }
        let end = from.saturating_add(SignedDuration::from_hours(24 * days));
        let mut day = self.first_day(from);
        while let Some(one) = day.filter(|day| *day < end) {
            day = one.tomorrow().ok().and_then(|tomorrow| self.first_day(tomorrow));
            let two = day.map(|day| day.to_datetime(first));
            if two.is_none_or(|two| two.duration_since(one.to_datetime(last)) > length) {
                return true;
            }
        }
        false
    }

    /// Returns true if the fields match on every day, so that the calendar does not matter.
    fn has_every_day(&self) -> bool {
        let all_days = self.days.numbers == u64::from(u32::MAX << 1);
        let all_weekdays = self.days.weekdays.iter().all(|places| places & EVERY == EVERY);
        let any = if self.days.both { all_days && all_weekdays } else { all_days || all_weekdays };
        any && self.months == 0b1_1111_1111_1110
    }

    fn first_time(&self, from: Time) -> Option<Time> {
        let hour = lowest(self.hours, from.hour())?;
        if let Some(minute) = lowest(self.minutes, from.minute()).filter(|_| hour == from.hour()) {
            return Time::new(hour, minute, 0, 0).ok();
        }
        let hour = if hour == from.hour() { lowest(self.hours, hour + 1)? } else { hour };
        Time::new(hour, lowest(self.minutes, 0)?, 0, 0).ok()
    }

    fn last_time(&self, to: Time) -> Option<Time> {
        let hour = highest(self.hours, to.hour())?;
        if let Some(minute) = highest(self.minutes, to.minute()).filter(|_| hour == to.hour()) {
            return Time::new(hour, minute, 0, 0).ok();
        }
        let hour = if hour == to.hour() { highest(self.hours, hour - 1)? } else { hour };
        Time::new(hour, highest(self.minutes, 59)?, 0, 0).ok()
    }

    fn first_day(&self, from: Date) -> Option<Date> {
        let mut day = from.day();
        let mut month = from.first_of_month();
        if self.never {
            return None;
        }
        loop {
            if let Some(day) = lowest(self.days_of(month), day) {
                return month.with().day(day).build().ok();
            }
            day = 1;
            let (year, number) = match lowest(self.months, month.month() + 1) {
                Some(number) => (month.year(), number),
                None => (month.year().checked_add(1)?, lowest(self.months, 1)?),
            };
            month = Date::new(year, number, 1).ok()?;
        }
    }

    fn last_day(&self, to: Date) -> Option<Date> {
        let mut day = to.day();
        let mut month = to.first_of_month();
        if self.never {
            return None;
        }
        loop {
            if let Some(day) = highest(self.days_of(month), day) {
                return month.with().day(day).build().ok();
            }
            day = 31;
            let (year, number) = match highest(self.months, month.month() - 1) {
                Some(number) => (month.year(), number),
                None => (month.year().checked_sub(1)?, highest(self.months, 12)?),
            };
            month = Date::new(year, number, 1).ok()?;
        }
    }

    /// Returns the matching days of the month that begins with `first`, as bits.
    fn days_of(&self, first: Date) -> u64 {
        if self.months & (1 << first.month()) == 0 {
            return 0;
        }
        self.days.of_month(first.days_in_month(), first.weekday())
    }

    /// Examines every kind of year: common or leap, beginning with each day of the week. 28 years contain them all.
    fn has_no_day(&self) -> bool {
        let months = (2000..2028).flat_map(|year| (1..=12).map(move |month| (year, month)));
        let mut firsts = months.filter_map(|(year, month)| Date::new(year, month, 1).ok());
        firsts.all(|first| self.days_of(first) == 0)
    }
}

const ONE_MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Truncates to the minute.
fn minute(at: DateTime) -> DateTime {
    let time = at.time();
    at.date().to_datetime(Time::new(time.hour(), time.minute(), 0, 0).unwrap_or(time))
}

/// Returns the longest distance between two consecutive numbers of a set; 0 if it has fewer than two.
fn longest_step(set: u64) -> i64 {
    let next = |number: &i8| lowest(set, number + 1);
    let steps = std::iter::successors(lowest(set, 0), next).map(|from| (from, next(&from)));
    steps.filter_map(|(from, to)| Some(i64::from(to? - from))).max().unwrap_or(0)
}

/// Returns the lowest number of a set that is at least `from`.
fn lowest(set: u64, from: i8) -> Option<i8> {
    let rest = set & u64::MAX.checked_shl(u32::try_from(from).ok()?)?;
    (rest != 0).then(|| i8::try_from(rest.trailing_zeros()).ok())?
}

/// Returns the highest number of a set that is at most `to`.
fn highest(set: u64, to: i8) -> Option<i8> {
    let rest = set & (u64::MAX >> 63_u32.checked_sub(u32::try_from(to).ok()?)?);
    (rest != 0).then(|| i8::try_from(rest.ilog2()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cron(text: &str) -> Cron {
        Cron::parse(text).unwrap()
    }

    fn time(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    /// Returns the matching days from one date to another, both included.
    fn days(text: &str, from: &str, to: &str) -> Vec<String> {
        let cron = cron(text);
        let next = |at: &DateTime| cron.next(at.date().tomorrow().unwrap().to_datetime(Time::midnight()));
        let to: Date = to.parse().unwrap();
        let found = std::iter::successors(cron.next(time(from)), next);
        found.take_while(|at| at.date() <= to).map(|at| at.date().to_string()).collect()
    }

    #[test]
    fn both_day_fields_must_match_if_one_begins_with_a_star_and_else_either() {
        for (text, expected) in [
            // June 2026 begins with a Monday.
            ("0 0 13 * FRI", &["2026-06-05", "2026-06-12", "2026-06-13", "2026-06-19", "2026-06-26"][..]),
            ("0 0 */10 * MON", &["2026-06-01"]),
            ("0 0 */10 * THU", &["2026-06-11"]),
            ("0 0 */3 * SAT", &["2026-06-13"]),
            (
                "0 0 2-30/2 * SUN#1",
                &[
                    "2026-06-02",
                    "2026-06-04",
                    "2026-06-06",
                    "2026-06-07",
                    "2026-06-08",
                    "2026-06-10",
                    "2026-06-12",
                    "2026-06-14",
                    "2026-06-16",
                    "2026-06-18",
                    "2026-06-20",
                    "2026-06-22",
                    "2026-06-24",
                    "2026-06-26",
                    "2026-06-28",
                    "2026-06-30",
                ],
            ),
            ("0 0 1,15 * */2", &[]),
            ("0 0 7,13-15 * */2", &["2026-06-07", "2026-06-13", "2026-06-14"]),
            ("0 0 *,5 * 0", &["2026-06-07", "2026-06-14", "2026-06-21", "2026-06-28"]),
            ("0 0 L * MON#1", &["2026-06-01", "2026-06-30"]),
            ("0 0 * * TUE#L", &["2026-06-30"]),
            ("0 0 * * 7#L", &["2026-06-28"]),
            ("0 0 * * MON#5,0#4", &["2026-06-28", "2026-06-29"]),
            ("0 0 * * FRI#5", &[]),
            (
                "0 0 * * 6-7",
                &[
                    "2026-06-06",
                    "2026-06-07",
                    "2026-06-13",
                    "2026-06-14",
                    "2026-06-20",
                    "2026-06-21",
                    "2026-06-27",
                    "2026-06-28",
                ],
            ),
            ("0 0 L,1 * *", &["2026-06-01", "2026-06-30"]),
        ] {
            assert_eq!(days(text, "2026-06-01T00:00:00", "2026-06-30"), expected, "{text}");
        }
    }

    #[test]
    fn an_expression_that_never_matches_is_recognized() {
        for (text, never) in [
            ("0 0 30 2 *", true),
            ("0 0 31 2,4,6,9,11 *", true),
            ("0 0 */30 2 *", false),
            ("0 0 */29 2 FRI", false),
            ("0 0 30,31 2 *", true),
            ("0 0 30 2 */3", true),
            ("0 0 30 2 MON", false),
            ("0 0 29 2 *", false),
            ("0 0 29 2 */6", false),
            ("0 0 * 2 FRI#5", false),
            ("0 0 */10 2 FRI#5", true),
            ("0 0 */30 * FRI#2", true),
            ("0 0 */30 * FRI#5", false),
            ("* * * * *", false),
        ] {
            let cron = cron(text);
            assert_eq!(cron.is_never(), never, "{text}");
            let found = (cron.next(time("2026-01-01T00:00:00")), cron.previous(time("2026-01-01T00:00:00")));
            assert_eq!((found.0.is_none(), found.1.is_none()), (never, never), "{text}");
        }
    }

    #[test]
    fn a_rare_day_is_found_at_any_distance() {
        // 2100 is not a leap year, so 40 years lie between these two Sundays.
        let leap = cron("30 12 29 2 */7");
        assert_eq!(leap.next(time("2088-03-01T00:00:00")), Some(time("2128-02-29T12:30:00")));
        assert_eq!(leap.previous(time("2128-02-29T12:29:59")), Some(time("2088-02-29T12:30:00")));
    }

    #[test]
    fn the_longest_gap_is_compared_with_a_length() {
        for (text, minutes, expected) in [
            ("* * * * *", 1, false),
            ("*/5 * * * *", 5, false),
            ("*/5 * * * *", 4, true),
            ("*/45 * * * *", 45, false),
            ("*/45 * * * *", 44, true),
            ("0 * * * *", 60, false),
            ("0 * * * *", 59, true),
            ("0 0 * * *", 24 * 60, false),
            ("0 0 * * *", 24 * 60 - 1, true),
            ("0 0,12 * * *", 12 * 60, false),
            ("* * * * MON-SAT", 1, true),
            ("* * * * MON-SAT", 24 * 60, true),
            ("* * * * MON-SAT", 24 * 60 + 1, false),
            ("0 * 1 * *", 60, true),
            ("50 9,10,20 * * *", 13 * 60, false),
            ("50 9,10,20 * * *", 13 * 60 - 1, true),
            ("10,50 0-22/2 * * *", 80, false),
            ("10,50 0-22/2 * * *", 79, true),
            ("0 0 1 * *", 31 * 24 * 60, false),
            ("0 0 1 * *", 31 * 24 * 60 - 1, true),
        ] {
            let found = cron(text).has_gap_over(
                SignedDuration::from_mins(minutes),
                "2026-01-01".parse().unwrap(),
                366,
            );
            assert_eq!(found, expected, "{text} {minutes}");
        }
    }

    #[test]
    fn the_end_of_the_calendar_does_not_panic() {
        let every = cron("* * * * *");
        assert_eq!(every.next(DateTime::MAX), None);
        assert_eq!(every.previous(DateTime::MIN), Some(DateTime::MIN));
        assert_eq!(cron("0 0 1 1 *").next(time("9999-01-01T00:01:00")), None);
        assert_eq!(cron("59 23 31 12 *").previous(DateTime::MIN), None);
    }

    /// Matches one minute as cron(8) does.
    fn matches(fields: &GeneratedCron, at: DateTime) -> bool {
        let has = |list: &[i8], value: i8| list.is_empty() || list.contains(&value);
        let weekday = at.weekday().to_sunday_zero_offset();
        let (day, of_week) = (has(&fields.days, at.day()), has(&fields.weekdays, weekday));
        let either = !fields.days.is_empty() && !fields.weekdays.is_empty();
        has(&fields.minutes, at.minute())
            && has(&fields.hours, at.hour())
            && has(&fields.months, at.month())
            && if either { day || of_week } else { day && of_week }
    }

    /// The numbers of each field; empty: `*`.
    #[derive(Clone, Debug)]
    struct GeneratedCron {
        minutes: Vec<i8>,
        hours: Vec<i8>,
        days: Vec<i8>,
        months: Vec<i8>,
        weekdays: Vec<i8>,
    }

    impl GeneratedCron {
        fn text(&self) -> String {
            let list = |numbers: &[i8]| match numbers {
                [] => "*".to_owned(),
                numbers => numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            };
            [&self.minutes, &self.hours, &self.days, &self.months, &self.weekdays]
                .map(|field| list(field))
                .join(" ")
        }
    }

    fn any_cron() -> impl Strategy<Value = GeneratedCron> {
        let list = |range: std::ops::Range<i8>| prop::collection::vec(range, 0..3);
        (list(0..60), list(0..24), list(1..32), list(1..13), list(0..7)).prop_map(
            |(minutes, hours, days, months, weekdays)| GeneratedCron {
                minutes,
                hours,
                days,
                months,
                weekdays,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn it_agrees_with_an_oracle_that_checks_each_minute(drawn in any_cron(), start in 0_i64..2_000_000) {
            let cron = cron(&drawn.text());
            let from = time("2026-01-01T00:00:00").checked_add(SignedDuration::from_mins(start)).unwrap();
            let minutes = |step: i64| (0..40_000).map(move |n| from.checked_add(SignedDuration::from_mins(n * step)).unwrap());
            let next = minutes(1).find(|&at| matches(&drawn, at));
            let previous = minutes(-1).find(|&at| matches(&drawn, at));
            let near = |found: Option<DateTime>| found.filter(|found| found.duration_since(from).as_mins().abs() < 40_000);
            prop_assert_eq!(near(cron.next(from)), next, "{}", drawn.text());
            prop_assert_eq!(near(cron.previous(from)), previous, "{}", drawn.text());
        }
    }
}
