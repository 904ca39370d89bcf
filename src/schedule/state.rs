//! The schedule: which periods are active, what comes next, and when a request passes again.

use jiff::Timestamp;

use crate::matching::request::Request;
use crate::matching::scope::ScopeIndex;
use crate::schedule::outage::{Outage, OutageBuilder};
use crate::schedule::period::{Occurrence, Period};

/// All periods of a file, in file order.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    periods: Vec<Period>,
    /// The scopes of the periods.
    scopes: ScopeIndex,
}

/// The state of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No period is active.
    Up,
    /// Only periods with a scope are active.
    Partial,
    /// A period without a scope is active.
    Down,
}

impl State {
    /// Returns the word for it in messages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Partial => "partial",
            Self::Down => "down",
        }
    }
}

/// The state of a schedule from one change of a period to the next.
#[derive(Clone, Debug)]
pub struct ScheduleState {
    /// The active periods. The deciding one is first: latest end (open-ended is latest), then file order.
    pub active: Vec<Active>,
    /// The next outage.
    pub next: Option<Occurrence>,
    state: State,
    /// The current outage.
    outage: Outage,
    /// The state of each period, in the schedule's order.
    periods: Vec<PeriodState>,
    since: Timestamp,
    until: Option<Timestamp>,
}

/// An active period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    /// Its index in [`Schedule::periods`].
    pub period: usize,
    /// The active occurrence.
    pub occurrence: Occurrence,
}

/// The state of one period.
#[derive(Clone, Copy, Debug)]
struct PeriodState {
    active: Option<Occurrence>,
    next: Option<Occurrence>,
}

impl PeriodState {
    fn new(period: &Period, now: Timestamp) -> Self {
        Self { active: period.active(now), next: period.next(now) }
    }

    /// Returns true if the period is active, or will be.
    fn is_live(&self) -> bool {
        self.active.is_some() || self.next.is_some()
    }

    /// Returns when it changes.
    fn changes_at(&self) -> Option<Timestamp> {
        let start = self.next.map(|next| next.start);
        let end = self.active.and_then(|active| active.end);
        start.into_iter().chain(end).min()
    }
}

impl ScheduleState {
    /// Returns true if it is the state at `now`: no period has started or ended since, and the clock was not set back.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.since <= now && self.until.is_none_or(|until| now < until)
    }

    /// Returns the state of the site.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns when the next period starts or ends.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.until
    }

    /// Returns true if the occurrences are numerous enough that [`Schedule::covering_scoped`] is faster than a check of each
    /// period.
    pub fn has_many_occurrences(&self) -> bool {
        const MANY: usize = 32;
        self.active.len() > MANY || self.outage.count() > MANY
    }

    /// Returns when the site is completely up, if known.
    pub fn back_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.passes_at(|_| true, now)
    }

    /// Returns when a covered request passes; it is covered by the periods (given by index) for which `covers` returns true.
    /// `None` if that is unknown: in an open-ended period, or an outage of more than 366 days or 10,000 occurrences.
    pub fn passes_at(&self, covers: impl Fn(usize) -> bool, now: Timestamp) -> Option<Timestamp> {
        self.outage.end(covers, now)
    }
}

impl Schedule {
    /// Creates a schedule from periods in file order.
    pub fn new(periods: Vec<Period>) -> Self {
        Self { scopes: ScopeIndex::new(periods.iter().map(|period| &period.scope)), periods }
    }

    /// Returns the periods, in file order.
    pub fn periods(&self) -> &[Period] {
        &self.periods
    }

    /// Returns true if a period, given by its index, has no scope.
    pub fn is_unscoped(&self, period: usize) -> bool {
        self.periods.get(period).is_some_and(|period| period.scope.is_all())
    }

    /// Returns the indices, in order, of the periods that have a scope, cover a request and are not over.
    pub fn covering_scoped(&self, request: &Request<'_>, state: &ScheduleState) -> Vec<usize> {
        let is_live = |&period: &usize| state.periods.get(period).is_some_and(PeriodState::is_live);
        let covers =
            |&period: &usize| self.periods.get(period).is_some_and(|period| period.scope.covers(request));
        self.scopes.candidates(request).into_iter().filter(is_live).filter(covers).collect()
    }

    /// Returns the state at `now`, by a check of each period.
    pub fn at(&self, now: Timestamp) -> ScheduleState {
        self.build_state(self.periods.iter().map(|period| PeriodState::new(period, now)).collect(), now)
    }

    /// Returns the state at `now`, by a check of only the periods that have changed since an earlier state.
    pub fn after(&self, earlier: &ScheduleState, now: Timestamp) -> ScheduleState {
        if now < earlier.since {
            return self.at(now);
        }
        let update = |(period, before): (&Period, &PeriodState)| match before.changes_at() {
            Some(change) if change <= now => PeriodState::new(period, now),
            _ => *before,
        };
        self.build_state(self.periods.iter().zip(&earlier.periods).map(update).collect(), now)
    }

    fn build_state(&self, periods: Vec<PeriodState>, now: Timestamp) -> ScheduleState {
        let active = active(&periods);
        let scoped =
            |active: &Active| self.periods.get(active.period).is_some_and(|period| !period.scope.is_all());
        let state = if active.is_empty() {
            State::Up
        } else if active.iter().all(scoped) {
            State::Partial
        } else {
            State::Down
        };
        let mut builder = OutageBuilder::new(&self.periods, periods.iter().map(|period| period.next));
        let outage = builder.build(active.iter().map(|active| (active.period, active.occurrence)), now);
        let ends = active.is_empty() || outage.end(|_| true, now).is_some();
        let next = if ends { builder.next_outage(now, |_| true) } else { None };
        let until = periods.iter().filter_map(PeriodState::changes_at).min();
        ScheduleState { active, next, state, outage, periods, since: now, until }
    }

    /// Returns the first outage that starts after `after`, of the periods (given by index) for which `covers` returns true.
    /// `after` must not be earlier than `state`.
    pub fn next_outage(
        &self,
        state: &ScheduleState,
        after: Timestamp,
        covers: impl Fn(usize) -> bool,
    ) -> Option<Occurrence> {
        let next = |(index, period): (usize, &Period)| match state.periods.get(index)?.next {
            _ if !covers(index) => None,
            Some(next) if next.start <= after => period.next(after),
            next => next,
        };
        OutageBuilder::new(&self.periods, self.periods.iter().enumerate().map(next))
            .next_outage(after, &covers)
    }
}

/// Returns the active periods, the deciding one first.
fn active(periods: &[PeriodState]) -> Vec<Active> {
    let active = |(period, state): (usize, &PeriodState)| Some(Active { period, occurrence: state.active? });
    let mut active: Vec<_> = periods.iter().enumerate().filter_map(active).collect();
    active.sort_by_key(|a| std::cmp::Reverse((a.occurrence.end.is_none(), a.occurrence.end)));
    active
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::scope::Scope;
    use crate::schedule::period::Timing;
    use crate::schedule::series::{Cron, ExcludedStarts, Series};
    use http::Method;
    use jiff::SignedDuration;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn period(timing: Timing) -> Period {
        Period {
            name: None,
            line: 1,
            file: None,
            enabled: true,
            unscheduled: false,
            timing,
            scope: Scope::default(),
        }
    }

    /// Creates a one-off period; an end of 0 is open.
    fn once(start: i64, end: i64) -> Period {
        period(Timing::Once(Occurrence { start: at(start), end: (end != 0).then(|| at(end)) }))
    }

    fn hourly(minute: u32, minutes: i64) -> Period {
        period(Timing::Series(Box::new(Series {
            cron: Cron::parse(&format!("{minute} * * * *")).unwrap(),
            expression: String::new(),
            length: SignedDuration::from_mins(minutes),
            zone: TimeZone::UTC,
            from: None,
            until: None,
            except: ExcludedStarts::default(),
        })))
    }

    fn scoped(period: Period) -> Period {
        Period { scope: Scope { methods: Some(vec![Method::POST]), ..Scope::default() }, ..period }
    }

    fn schedule(spans: &[(i64, i64)]) -> Schedule {
        Schedule::new(spans.iter().map(|&(start, end)| once(start, end)).collect())
    }

    fn span(occurrence: Option<Occurrence>) -> Option<(i64, i64)> {
        occurrence.map(|o| (o.start.as_second(), o.end.map_or(0, Timestamp::as_second)))
    }

    #[test]
    fn occurrences_that_overlap_touch_or_nest_are_one_outage() {
        for (spans, now, back, next) in [
            (&[][..], 5, None, None),
            (&[(10, 20)], 9, None, Some((10, 20))),
            (&[(10, 20)], 10, Some(20), None),
            (&[(10, 20)], 19, Some(20), None),
            (&[(10, 20)], 20, None, None),
            (&[(10, 20), (20, 30)], 15, Some(30), None),
            (&[(20, 30), (10, 20)], 20, Some(30), None),
            (&[(10, 20), (15, 30)], 12, Some(30), None),
            (&[(10, 40), (15, 20)], 12, Some(40), None),
            (&[(10, 20), (21, 30)], 15, Some(20), Some((21, 30))),
            (&[(10, 0)], 15, None, None),
            (&[(10, 20), (20, 0)], 15, None, None),
            (&[(10, 0), (20, 30)], 15, None, None),
            (&[(10, 20), (30, 40), (35, 50)], 15, Some(20), Some((30, 50))),
            (&[(10, 20), (30, 0)], 15, Some(20), Some((30, 0))),
        ] {
            let state = schedule(spans).at(at(now));
            let found = (state.back_at(at(now)).map(Timestamp::as_second), span(state.next));
            assert_eq!(found, (back, next), "{spans:?} at {now}");
        }
    }

    #[test]
    fn the_latest_end_decides_and_then_the_order_of_the_file() {
        for (spans, order) in [
            (&[(0, 20), (5, 30)][..], &[1, 0][..]),
            (&[(0, 30), (5, 30)], &[0, 1]),
            (&[(0, 30), (5, 0)], &[1, 0]),
            (&[(0, 0), (5, 0), (6, 99)], &[0, 1, 2]),
            (&[(0, 10), (11, 30)], &[]),
        ] {
            let state = schedule(spans).at(at(10));
            assert_eq!(state.active.iter().map(|a| a.period).collect::<Vec<_>>(), order, "{spans:?}");
        }
    }

    #[test]
    fn an_outage_is_followed_for_366_days() {
        let days = 86_400;
        for (spans, back) in [
            (&[(0, 999 * days)][..], Some(999 * days)),
            (&[(0, 366 * days), (366 * days, 367 * days)], Some(367 * days)),
            (&[(0, 367 * days), (367 * days, 368 * days)], None),
        ] {
            assert_eq!(schedule(spans).at(at(0)).back_at(at(0)), back.map(at), "{spans:?}");
        }
        for always in [Schedule::new(vec![hourly(0, 60)]), Schedule::new(vec![hourly(0, 30), hourly(30, 30)])]
        {
            let state = always.at(at(60));
            assert_eq!((state.state(), state.back_at(at(60)), state.next), (State::Down, None, None));
        }
    }

    #[test]
    fn a_state_holds_until_the_next_change() {
        let schedule = schedule(&[(10, 20)]);
        let state = schedule.at(at(15));
        for (now, holds) in [(14, false), (15, true), (19, true), (20, false)] {
            assert_eq!(state.holds_at(at(now)), holds, "{now}");
        }
        assert_eq!(state.next_change(), Some(at(20)));
        assert_eq!(schedule.after(&state, at(20)).state(), State::Up);
        assert_eq!(schedule.after(&state, at(9)).state(), State::Up);
        assert_eq!(schedule.after(&state, at(9)).next_change(), Some(at(10)));
    }

    /// A check of a series costs a search. A period that is checked again is found to be longer than in the state.
    #[test]
    fn a_period_is_checked_again_only_after_its_change() {
        let state = schedule(&[(10, 20), (30, 40)]).at(at(15));
        let longer = schedule(&[(10, 25), (30, 50)]);
        for (now, change) in [(15, 20), (19, 20), (20, 25), (29, 30), (30, 50)] {
            assert_eq!(longer.after(&state, at(now)).next_change(), Some(at(change)), "{now}");
        }
        for (after, next) in [(15, Some((30, 40))), (29, Some((30, 40))), (30, None)] {
            assert_eq!(span(longer.next_outage(&state, at(after), |_| true)), next, "{after}");
        }
    }

    #[test]
    fn a_disabled_period_changes_nothing() {
        let schedule = Schedule::new(vec![Period { enabled: false, ..once(10, 20) }]);
        let state = schedule.at(at(15));
        assert_eq!((state.state(), state.back_at(at(15)), state.next_change()), (State::Up, None, None));
    }

    #[test]
    fn only_scoped_periods_make_the_state_partial() {
        for (periods, state, word) in [
            (vec![], State::Up, "up"),
            (vec![scoped(once(0, 9))], State::Partial, "partial"),
            (vec![scoped(once(0, 9)), once(0, 9)], State::Down, "down"),
        ] {
            let found = Schedule::new(periods).at(at(5)).state();
            assert_eq!((found, found.as_str()), (state, word));
        }
    }

    #[test]
    fn a_request_passes_when_the_periods_that_cover_it_have_ended() {
        let periods = vec![once(0, 10), scoped(once(5, 20)), once(20, 30), scoped(once(0, 0))];
        let schedule = Schedule::new(periods);
        let state = schedule.at(at(6));
        for (covering, end) in [
            (&[0][..], Some(10)),
            (&[1], Some(20)),
            (&[0, 1], Some(20)),
            (&[1, 2], Some(30)),
            (&[0, 2], Some(10)),
            (&[2], None),
            (&[3], None),
            (&[0, 3], None),
            (&[], None),
        ] {
            let found = state.passes_at(|period| covering.contains(&period), at(6));
            assert_eq!(found.map(Timestamp::as_second), end, "{covering:?}");
        }
        let next = schedule.next_outage(&state, at(10), |period| [0, 2].contains(&period));
        assert_eq!(span(next), Some((20, 30)));
    }

    /// To check a scope may cost a match of globs.
    #[test]
    fn a_period_that_makes_no_difference_is_not_checked() {
        let covers = |period: usize| [0, 3].contains(&period) || panic!("{period} ends no later");
        let state = schedule(&[(0, 20), (5, 20), (6, 15), (20, 25)]).at(at(7));
        assert_eq!(state.passes_at(covers, at(7)), Some(at(25)));
    }

    /// One period for the oracle, in seconds.
    #[derive(Clone, Debug)]
    struct GeneratedPeriod {
        /// The minutes between its starts; `None` for a one-off period.
        every: Option<i64>,
        start: i64,
        length: i64,
        covers: bool,
    }

    impl GeneratedPeriod {
        fn runs(&self, t: i64) -> bool {
            match self.every {
                Some(minutes) => t.rem_euclid(minutes * 60) < self.length % (minutes * 60 - 1) + 1,
                None => self.start <= t && t < self.start + self.length,
            }
        }

        fn build(&self) -> Period {
            let Some(minutes) = self.every else { return once(self.start, self.start + self.length) };
            period(Timing::Series(Box::new(Series {
                cron: Cron::parse(&format!("*/{minutes} * * * *")).unwrap(),
                expression: String::new(),
                length: SignedDuration::from_secs(self.length % (minutes * 60 - 1) + 1),
                zone: TimeZone::UTC,
                from: None,
                until: None,
                except: ExcludedStarts::default(),
            })))
        }
    }

    fn any_period() -> impl Strategy<Value = GeneratedPeriod> {
        let every = prop::option::of(1_i64..4);
        (every, 1_i64..600, 1_i64..150, any::<bool>())
            .prop_map(|(every, start, length, covers)| GeneratedPeriod { every, start, length, covers })
    }

    /// All generated periods have ended or repeated by then.
    const END: i64 = 1800;

    proptest! {
        /// The oracle steps through time second by second.
        #[test]
        fn it_agrees_with_an_oracle_that_steps_through_time(
            drawn in prop::collection::vec(any_period(), 0..6), now in 0_i64..700, earlier in 0_i64..700,
        ) {
            let covers = |index: usize| drawn.get(index).is_some_and(|period| period.covers);
            let down = |t: i64| drawn.iter().any(|period| period.covers && period.runs(t));
            let schedule = Schedule::new(drawn.iter().map(GeneratedPeriod::build).collect());
            let state = schedule.after(&schedule.at(at(earlier)), at(now));

            prop_assert_eq!(state.state() != State::Up, drawn.iter().any(|period| period.runs(now)));
            let passes = if down(now) { (now..END).find(|&t| !down(t)) } else { None };
            prop_assert_eq!(state.passes_at(covers, at(now)).map(Timestamp::as_second), passes);
            if passes.is_some() || !down(now) {
                let after = passes.unwrap_or(now);
                let next = (after + 1..END).find(|&t| down(t));
                let found = schedule.next_outage(&state, at(after), covers);
                prop_assert_eq!(found.map(|o| o.start.as_second()), next);
                let ends = next.and_then(|start| (start..2 * END).find(|&t| !down(t)));
                prop_assert_eq!(found.and_then(|o| o.end).map(Timestamp::as_second), ends);
            }
        }

        /// The oracle steps through time second by second.
        #[test]
        fn the_next_change_agrees_with_an_oracle_that_steps_through_time(
            drawn in prop::collection::vec(any_period(), 0..6), now in 0_i64..700,
        ) {
            let all = |t: i64| drawn.iter().map(|period| period.runs(t)).collect::<Vec<_>>();
            let change = (now + 1..END).find(|&t| all(t) != all(now));
            let state = Schedule::new(drawn.iter().map(GeneratedPeriod::build).collect()).at(at(now));
            prop_assert_eq!(state.next_change().map(Timestamp::as_second), change);
        }
    }
}
