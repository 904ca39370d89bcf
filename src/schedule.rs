//! All periods together: which are active, what comes next, and when the site is back.

use jiff::{SignedDuration, Timestamp};

use crate::period::{Occurrence, Period};

/// A chain of downtime longer than this has no end that is worth announcing.
pub const LONGEST_CHAIN: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The periods of one file, in file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    periods: Vec<Period>,
    /// The occurrences of the enabled periods, by start.
    by_start: Vec<Occurrence>,
}

/// Whether the site is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No period is active.
    Up,
    /// A period is active.
    Down,
}

impl State {
    /// The word for it in messages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What the schedule says of one moment, and of all others up to its next change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The active periods, the one that decides first: the latest end (open-ended is latest), then file order.
    pub active: Vec<Active>,
    /// Occurrences that overlap or touch, as one: the stretch of downtime that runs now.
    pub current: Option<Occurrence>,
    /// The first stretch of downtime that is yet to start.
    pub next: Option<Occurrence>,
    /// The last change up to now; `None`: there was none.
    since: Option<Timestamp>,
    /// The next change after now; `None`: there is none.
    until: Option<Timestamp>,
}

/// A period that is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    /// Its index in [`Schedule::periods`].
    pub period: usize,
    /// The occurrence that runs.
    pub occurrence: Occurrence,
}

impl Moment {
    /// Whether it still speaks of `now`: no period has started or ended between.
    pub fn covers(&self, now: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= now) && self.until.is_none_or(|until| now < until)
    }

    /// Up or down.
    pub fn state(&self) -> State {
        if self.active.is_empty() { State::Up } else { State::Down }
    }

    /// When the next period starts or ends.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.until
    }

    /// When the site is back, where that is known: not within an open-ended period, nor within a chain of more than
    /// 366 days from `now`.
    pub fn back_at(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.current?.end?;
        (end.duration_since(now) <= LONGEST_CHAIN).then_some(end)
    }
}

impl Schedule {
    /// Takes the periods in file order.
    pub fn new(periods: Vec<Period>) -> Self {
        let mut by_start: Vec<_> = periods.iter().filter(|p| p.enabled).map(|p| p.occurrence).collect();
        by_start.sort_by_key(|occurrence| occurrence.start);
        Self { periods, by_start }
    }

    /// The periods, in file order.
    pub fn periods(&self) -> &[Period] {
        &self.periods
    }

    /// What holds at `now`. Takes time linear in the number of periods; valid until [`Moment::covers`] says no.
    pub fn at(&self, now: Timestamp) -> Moment {
        let first = self.stretch(now);
        let (current, next) = match first {
            Some(stretch) if stretch.start <= now => (first, stretch.end.and_then(|end| self.stretch(end))),
            _ => (None, first),
        };
        let (since, until) = self.changes_around(now);
        Moment { active: self.active(now), current, next, since, until }
    }

    fn active(&self, now: Timestamp) -> Vec<Active> {
        let of = |(period, p): (usize, &Period)| Some(Active { period, occurrence: p.active(now)? });
        let mut active: Vec<_> = self.periods.iter().enumerate().filter_map(of).collect();
        active.sort_by_key(|a| {
            let end = a.occurrence.end;
            std::cmp::Reverse((end.is_none(), end))
        });
        active
    }

    /// The first stretch of downtime that is not over at `from`: occurrences that overlap or touch count as one.
    fn stretch(&self, from: Timestamp) -> Option<Occurrence> {
        let mut rest = self.by_start.iter().filter(|occurrence| !occurrence.is_over(from));
        let mut stretch = *rest.next()?;
        for occurrence in rest {
            match (stretch.end, occurrence.end) {
                (Some(end), _) if occurrence.start > end => break,
                (Some(end), Some(later)) => stretch.end = Some(end.max(later)),
                _ => return Some(Occurrence { end: None, ..stretch }),
            }
        }
        Some(stretch)
    }

    fn changes_around(&self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let changes = || self.by_start.iter().flat_map(|o| [Some(o.start), o.end]).flatten();
        (changes().filter(|&change| change <= now).max(), changes().filter(|&change| change > now).min())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// (start, end); an end of 0 is open.
    fn schedule(spans: &[(i64, i64)]) -> Schedule {
        let period = |(line, &(start, end)): (usize, &(i64, i64))| Period {
            name: None,
            line,
            enabled: true,
            occurrence: Occurrence { start: at(start), end: (end != 0).then(|| at(end)) },
        };
        Schedule::new(spans.iter().enumerate().map(period).collect())
    }

    fn span(occurrence: Option<Occurrence>) -> Option<(i64, i64)> {
        occurrence.map(|o| (o.start.as_second(), o.end.map_or(0, Timestamp::as_second)))
    }

    #[test]
    fn occurrences_that_overlap_touch_or_nest_are_one_stretch() {
        for (spans, now, current, next) in [
            (&[][..], 5, None, None),
            (&[(10, 20)], 9, None, Some((10, 20))),
            (&[(10, 20)], 10, Some((10, 20)), None),
            (&[(10, 20)], 19, Some((10, 20)), None),
            (&[(10, 20)], 20, None, None),
            (&[(10, 20), (20, 30)], 15, Some((10, 30)), None),
            (&[(20, 30), (10, 20)], 20, Some((20, 30)), None),
            (&[(10, 20), (15, 30)], 12, Some((10, 30)), None),
            (&[(10, 40), (15, 20)], 12, Some((10, 40)), None),
            (&[(10, 20), (21, 30)], 15, Some((10, 20)), Some((21, 30))),
            (&[(10, 0)], 15, Some((10, 0)), None),
            (&[(10, 20), (20, 0)], 15, Some((10, 0)), None),
            (&[(10, 0), (20, 30)], 15, Some((10, 0)), None),
            (&[(10, 20), (30, 40), (35, 50)], 15, Some((10, 20)), Some((30, 50))),
        ] {
            let moment = schedule(spans).at(at(now));
            assert_eq!((span(moment.current), span(moment.next)), (current, next), "{spans:?} at {now}");
        }
    }

    #[test]
    fn the_latest_end_decides_then_the_order_of_the_file() {
        for (spans, order) in [
            (&[(0, 20), (5, 30)][..], &[1, 0][..]),
            (&[(0, 30), (5, 30)], &[0, 1]),
            (&[(0, 30), (5, 0)], &[1, 0]),
            (&[(0, 0), (5, 0), (6, 99)], &[0, 1, 2]),
            (&[(0, 10), (11, 30)], &[]),
        ] {
            let moment = schedule(spans).at(at(10));
            assert_eq!(moment.active.iter().map(|a| a.period).collect::<Vec<_>>(), order, "{spans:?}");
        }
    }

    #[test]
    fn a_chain_of_more_than_366_days_has_no_end_to_announce() {
        let days = 86_400;
        let moment = schedule(&[(0, 366 * days), (366 * days, 367 * days)]).at(at(0));
        assert_eq!(moment.back_at(at(days - 1)), None);
        assert_eq!(moment.back_at(at(days)), Some(at(367 * days)));
        assert_eq!(schedule(&[(0, 0)]).at(at(1)).back_at(at(1)), None);
        assert_eq!(schedule(&[(5, 6)]).at(at(1)).back_at(at(1)), None);
    }

    #[test]
    fn a_moment_covers_the_time_between_two_changes() {
        let moment = schedule(&[(10, 20)]).at(at(15));
        for (now, covered) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(moment.covers(at(now)), covered, "{now}");
        }
        assert_eq!(moment.next_change(), Some(at(20)));
        assert!(schedule(&[]).at(at(15)).covers(Timestamp::MIN));
        assert!(!schedule(&[(10, 20)]).at(at(5)).covers(at(10)));
        assert!(!schedule(&[(10, 20)]).at(at(25)).covers(at(19)));
    }

    #[test]
    fn a_period_that_is_not_enabled_changes_nothing() {
        let mut periods = schedule(&[(10, 20)]).periods;
        periods[0].enabled = false;
        let moment = Schedule::new(periods).at(at(15));
        assert_eq!((moment.state(), moment.current, moment.next_change()), (State::Up, None, None));
        assert_eq!((State::Up.as_str(), State::Down.as_str()), ("up", "down"));
    }

    proptest! {
        /// The oracle steps through time second by second.
        #[test]
        fn it_agrees_with_an_oracle_that_steps_through_time(
            spans in prop::collection::vec((0_i64..40, 0_i64..20), 0..8), now in 0_i64..60,
        ) {
            let spans: Vec<_> = spans.iter().map(|&(start, length)| (start, start + length + 1)).collect();
            let down = |t: i64| spans.iter().any(|&(start, end)| start <= t && t < end);
            let moment = schedule(&spans).at(at(now));
            prop_assert_eq!(moment.state() == State::Down, down(now));
            let back = down(now).then(|| (now..200).find(|&t| !down(t)).unwrap());
            prop_assert_eq!(moment.back_at(at(now)).map(Timestamp::as_second), back);
            let after = back.unwrap_or(now);
            let next = (after..100).find(|&t| down(t));
            prop_assert_eq!(moment.next.map(|o| o.start.as_second()), next);
            let set = |t: i64| spans.iter().map(|&(start, end)| start <= t && t < end).collect::<Vec<_>>();
            if let Some(change) = moment.next_change() {
                prop_assert!((now..change.as_second()).all(|t| set(t) == set(now)));
            }
        }
    }
}
