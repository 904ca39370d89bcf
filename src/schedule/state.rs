//! All periods together: which are active, what comes next, and when a request passes again.

use jiff::Timestamp;

use crate::matching::request::Request;
use crate::matching::scope::ScopeIndex;
use crate::schedule::outage::{Outage, OutageBuilder};
use crate::schedule::period::{Occurrence, Period};

/// The periods of one file, in file order.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    periods: Vec<Period>,
    /// Their scopes.
    scopes: ScopeIndex,
}

/// Whether the site is up.
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
    /// The word for it in messages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Partial => "partial",
            Self::Down => "down",
        }
    }
}

/// What the schedule says of one moment, and of all later ones up to its next change.
#[derive(Clone, Debug)]
pub struct ScheduleState {
    /// The active periods, the one that decides first: the latest end (open-ended is latest), then file order.
    pub active: Vec<Active>,
    /// The first stretch of downtime that is yet to start; occurrences that overlap or touch are one.
    pub next: Option<Occurrence>,
    state: State,
    chain: Outage,
    /// Each period, in the schedule's order.
    periods: Vec<PeriodState>,
    since: Timestamp,
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

/// One period at a moment.
#[derive(Clone, Copy, Debug)]
struct PeriodState {
    active: Option<Occurrence>,
    next: Option<Occurrence>,
}

impl PeriodState {
    fn new(period: &Period, now: Timestamp) -> Self {
        Self { active: period.active(now), next: period.next(now) }
    }

    fn is_live(&self) -> bool {
        self.active.is_some() || self.next.is_some()
    }

    /// When it will be otherwise.
    fn changes_at(&self) -> Option<Timestamp> {
        let start = self.next.map(|next| next.start);
        let end = self.active.and_then(|active| active.end);
        start.into_iter().chain(end).min()
    }
}

impl ScheduleState {
    /// Whether it still speaks of `now`: no period has started or ended since, and the clock was not set back.
    pub fn covers(&self, now: Timestamp) -> bool {
        self.since <= now && self.until.is_none_or(|until| now < until)
    }

    /// Up, partial or down.
    pub fn state(&self) -> State {
        self.state
    }

    /// When the next period starts or ends.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether it has so many occurrences that it is quicker to ask [`Schedule::scoped`] than each period if it covers a
    /// request.
    pub fn is_crowded(&self) -> bool {
        const MANY: usize = 32;
        self.active.len() > MANY || self.chain.count() > MANY
    }

    /// When the site is wholly up, where that is known.
    pub fn back_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.passes_at(|_| true, now)
    }

    /// When a request passes that the periods which `covers` names (by index) cover: now down, and passing from then
    /// on. `None` where that is not known: within an open-ended period, or a chain that goes on for more than 366 days or
    /// 10,000 occurrences.
    pub fn passes_at(&self, covers: impl Fn(usize) -> bool, now: Timestamp) -> Option<Timestamp> {
        self.chain.end(covers, now)
    }
}

impl Schedule {
    /// Takes the periods in file order.
    pub fn new(periods: Vec<Period>) -> Self {
        Self { scopes: ScopeIndex::new(periods.iter().map(|period| &period.scope)), periods }
    }

    /// The periods, in file order.
    pub fn periods(&self) -> &[Period] {
        &self.periods
    }

    /// Whether a period, by its index, covers everything.
    pub fn is_whole(&self, period: usize) -> bool {
        self.periods.get(period).is_some_and(|period| period.scope.is_all())
    }

    /// The periods with a scope that cover a request and have not ended for good at `moment`, by index, in order.
    pub fn scoped(&self, request: &Request<'_>, moment: &ScheduleState) -> Vec<usize> {
        let is_live = |&period: &usize| moment.periods.get(period).is_some_and(PeriodState::is_live);
        let covers =
            |&period: &usize| self.periods.get(period).is_some_and(|period| period.scope.covers(request));
        self.scopes.candidates(request).into_iter().filter(is_live).filter(covers).collect()
    }

    /// What holds at `now`. Looks at each period.
    pub fn at(&self, now: Timestamp) -> ScheduleState {
        self.moment(self.periods.iter().map(|period| PeriodState::new(period, now)).collect(), now)
    }

    /// What holds at `now`, by what held at another moment: looks anew at the periods that have changed since.
    pub fn after(&self, moment: &ScheduleState, now: Timestamp) -> ScheduleState {
        if now < moment.since {
            return self.at(now);
        }
        let update = |(period, before): (&Period, &PeriodState)| match before.changes_at() {
            Some(change) if change <= now => PeriodState::new(period, now),
            _ => *before,
        };
        self.moment(self.periods.iter().zip(&moment.periods).map(update).collect(), now)
    }

    fn moment(&self, periods: Vec<PeriodState>, now: Timestamp) -> ScheduleState {
        let active = active(&periods);
        let scoped =
            |active: &Active| self.periods.get(active.period).is_some_and(|period| !period.scope.is_all());
        let state = match () {
            () if active.is_empty() => State::Up,
            () if active.iter().all(scoped) => State::Partial,
            () => State::Down,
        };
        let mut growth = OutageBuilder::new(&self.periods, periods.iter().map(|period| period.next));
        let chain = growth.chain(active.iter().map(|active| (active.period, active.occurrence)), now);
        let ends = active.is_empty() || chain.end(|_| true, now).is_some();
        let next = if ends { growth.stretch(now, |_| true) } else { None };
        let until = periods.iter().filter_map(PeriodState::changes_at).min();
        ScheduleState { active, next, state, chain, periods, since: now, until }
    }

    /// The first stretch of downtime that starts after `after`, a time not before that of `moment`, of the periods that
    /// `covers` names.
    pub fn next_stretch(
        &self,
        moment: &ScheduleState,
        after: Timestamp,
        covers: impl Fn(usize) -> bool,
    ) -> Option<Occurrence> {
        let next = |(index, period): (usize, &Period)| match moment.periods.get(index)?.next {
            _ if !covers(index) => None,
            Some(next) if next.start <= after => period.next(after),
            next => next,
        };
        OutageBuilder::new(&self.periods, self.periods.iter().enumerate().map(next)).stretch(after, &covers)
    }
}

fn active(periods: &[PeriodState]) -> Vec<Active> {
    let of = |(period, moment): (usize, &PeriodState)| Some(Active { period, occurrence: moment.active? });
    let mut active: Vec<_> = periods.iter().enumerate().filter_map(of).collect();
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
        Period { name: None, line: 1, enabled: true, unscheduled: false, timing, scope: Scope::default() }
    }

    /// (start, end); an end of 0 is open.
    fn once(start: i64, end: i64) -> Period {
        period(Timing::Once(Occurrence { start: at(start), end: (end != 0).then(|| at(end)) }))
    }

    fn hourly(minute: u32, minutes: i64) -> Period {
        period(Timing::Series(Box::new(Series {
            cron: Cron::parse(&format!("{minute} * * * *")).unwrap(),
            written: String::new(),
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
    fn occurrences_that_overlap_touch_or_nest_are_one_stretch() {
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
            let moment = schedule(spans).at(at(now));
            let found = (moment.back_at(at(now)).map(Timestamp::as_second), span(moment.next));
            assert_eq!(found, (back, next), "{spans:?} at {now}");
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
    fn a_chain_is_followed_for_366_days() {
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
            let moment = always.at(at(60));
            assert_eq!((moment.state(), moment.back_at(at(60)), moment.next), (State::Down, None, None));
        }
    }

    #[test]
    fn a_moment_covers_the_time_up_to_the_next_change() {
        let schedule = schedule(&[(10, 20)]);
        let moment = schedule.at(at(15));
        for (now, covered) in [(14, false), (15, true), (19, true), (20, false)] {
            assert_eq!(moment.covers(at(now)), covered, "{now}");
        }
        assert_eq!(moment.next_change(), Some(at(20)));
        assert_eq!(schedule.after(&moment, at(20)).state(), State::Up);
        assert_eq!(schedule.after(&moment, at(9)).state(), State::Up);
        assert_eq!(schedule.after(&moment, at(9)).next_change(), Some(at(10)));
    }

    /// To look at a series costs a search. What looks anew sees that the periods here are longer than the moment says.
    #[test]
    fn a_period_is_looked_at_anew_only_once_it_has_changed() {
        let moment = schedule(&[(10, 20), (30, 40)]).at(at(15));
        let longer = schedule(&[(10, 25), (30, 50)]);
        for (now, change) in [(15, 20), (19, 20), (20, 25), (29, 30), (30, 50)] {
            assert_eq!(longer.after(&moment, at(now)).next_change(), Some(at(change)), "{now}");
        }
        for (after, next) in [(15, Some((30, 40))), (29, Some((30, 40))), (30, None)] {
            assert_eq!(span(longer.next_stretch(&moment, at(after), |_| true)), next, "{after}");
        }
    }

    #[test]
    fn a_period_that_is_not_enabled_changes_nothing() {
        let schedule = Schedule::new(vec![Period { enabled: false, ..once(10, 20) }]);
        let moment = schedule.at(at(15));
        assert_eq!((moment.state(), moment.back_at(at(15)), moment.next_change()), (State::Up, None, None));
    }

    #[test]
    fn only_periods_with_a_scope_make_it_partial() {
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
    fn a_request_passes_when_what_covers_it_has_ended() {
        let periods = vec![once(0, 10), scoped(once(5, 20)), once(20, 30), scoped(once(0, 0))];
        let schedule = Schedule::new(periods);
        let moment = schedule.at(at(6));
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
            let found = moment.passes_at(|period| covering.contains(&period), at(6));
            assert_eq!(found.map(Timestamp::as_second), end, "{covering:?}");
        }
        let next = schedule.next_stretch(&moment, at(10), |period| [0, 2].contains(&period));
        assert_eq!(span(next), Some((20, 30)));
    }

    /// Whether a scope covers a request may cost a match of globs.
    #[test]
    fn no_period_is_asked_about_that_makes_no_difference() {
        let covers = |period: usize| [0, 3].contains(&period) || panic!("{period} ends no later");
        let moment = schedule(&[(0, 20), (5, 20), (6, 15), (20, 25)]).at(at(7));
        assert_eq!(moment.passes_at(covers, at(7)), Some(at(25)));
    }

    /// One period for the oracle, in seconds.
    #[derive(Clone, Debug)]
    struct GeneratedPeriod {
        /// It starts at each multiple of so many minutes; none: once.
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
                written: String::new(),
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

    /// Nothing that is drawn lasts longer, or is otherwise after as long.
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
            let moment = schedule.after(&schedule.at(at(earlier)), at(now));

            prop_assert_eq!(moment.state() != State::Up, drawn.iter().any(|period| period.runs(now)));
            let passes = if down(now) { (now..END).find(|&t| !down(t)) } else { None };
            prop_assert_eq!(moment.passes_at(covers, at(now)).map(Timestamp::as_second), passes);
            if passes.is_some() || !down(now) {
                let after = passes.unwrap_or(now);
                let next = (after + 1..END).find(|&t| down(t));
                let found = schedule.next_stretch(&moment, at(after), covers);
                prop_assert_eq!(found.map(|o| o.start.as_second()), next);
                let ends = next.and_then(|start| (start..2 * END).find(|&t| !down(t)));
                prop_assert_eq!(found.and_then(|o| o.end).map(Timestamp::as_second), ends);
            }
        }

        /// So does this one, for the next change of any period.
        #[test]
        fn the_next_change_is_that_of_an_oracle_that_steps_through_time(
            drawn in prop::collection::vec(any_period(), 0..6), now in 0_i64..700,
        ) {
            let all = |t: i64| drawn.iter().map(|period| period.runs(t)).collect::<Vec<_>>();
            let change = (now + 1..END).find(|&t| all(t) != all(now));
            let moment = Schedule::new(drawn.iter().map(GeneratedPeriod::build).collect()).at(at(now));
            prop_assert_eq!(moment.next_change().map(Timestamp::as_second), change);
        }
    }
}
