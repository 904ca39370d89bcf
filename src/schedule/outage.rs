//! Occurrences that overlap or touch: a chain of downtime, and its end for a request that some of them cover.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::schedule::period::{Occurrence, Period};

/// How far ahead a chain is followed, and the longest time that `Retry-After` announces.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// How many of its occurrences are followed.
const MAX_OCCURRENCES: usize = 10_000;

/// Occurrences, each of which starts before those before it have all ended, or at that moment. So a request that some
/// of them cover is down at least while all of those run that cover it and hang together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outage {
    /// By start; those of one period that hang together are one span.
    spans: Vec<OutagePart>,
    /// Occurrences that start later are missing; `None`: there is none.
    cut_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OutagePart {
    period: usize,
    start: Timestamp,
    end: Option<Timestamp>,
}

impl Outage {
    /// How many stretches it has.
    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// When the part of the chain ends that runs at `now` and consists of the periods that `covers` names; `None`
    /// where no such part runs, where it is open-ended, or goes on past where the chain was followed to.
    pub fn end(&self, covers: impl Fn(usize) -> bool, now: Timestamp) -> Option<Timestamp> {
        let mut end = now;
        for span in &self.spans {
            if span.start > end {
                break;
            }
            if span.end.is_none_or(|its| its > end) && covers(span.period) {
                end = span.end?;
            }
        }
        let known = end > now && self.cut_at.is_none_or(|cut| end < cut);
        known.then_some(end)
    }
}

/// Grows chains out of what the periods have yet to come.
pub struct OutageBuilder<'p> {
    periods: &'p [Period],
    /// The next occurrence of each period, as start, index and end; the first of all on top.
    next: BinaryHeap<Reverse<(Timestamp, usize, Option<Timestamp>)>>,
}

impl<'p> OutageBuilder<'p> {
    /// Begins with the next occurrence of each period.
    pub fn new(periods: &'p [Period], next: impl Iterator<Item = Option<Occurrence>>) -> Self {
        let entry = |(index, next): (usize, Option<Occurrence>)| {
            next.map(|next| Reverse((next.start, index, next.end)))
        };
        Self { periods, next: next.enumerate().filter_map(entry).collect() }
    }

    /// The chain that these occurrences, active at `now`, are the beginning of; it takes what belongs to it.
    pub fn chain(&mut self, active: impl Iterator<Item = (usize, Occurrence)>, now: Timestamp) -> Outage {
        let mut links = OpenOutage::default();
        for (period, occurrence) in active {
            self.add(&mut links, period, occurrence);
        }
        let horizon = now.checked_add(LONGEST).unwrap_or(Timestamp::MAX);
        while let Some(start) = self.next.peek().map(|Reverse((start, ..))| *start) {
            if links.is_empty() || links.closed || links.end.is_some_and(|end| start > end) {
                break;
            }
            if start > horizon || links.count >= MAX_OCCURRENCES {
                links.chain.cut_at = Some(start);
                break;
            }
            self.take(&mut links);
        }
        links.chain.spans.sort_by_key(|span| span.start);
        links.chain
    }

    /// The first stretch of downtime that has yet to come, of the periods that `covers` names; its end where it is known.
    pub fn stretch(&mut self, now: Timestamp, covers: impl Fn(usize) -> bool) -> Option<Occurrence> {
        let first = self.pop()?;
        let start = first.1.start;
        let chain = self.chain(std::iter::once(first), start.max(now));
        Some(Occurrence { start, end: chain.end(covers, start) })
    }

    fn add(&self, links: &mut OpenOutage, period: usize, occurrence: Occurrence) {
        let covers_all = self.periods.get(period).is_some_and(|period| period.scope.is_all());
        links.closed |= covers_all && occurrence.end.is_none();
        links.add(period, occurrence);
    }

    fn take(&mut self, links: &mut OpenOutage) {
        if let Some((period, occurrence)) = self.pop() {
            self.add(links, period, occurrence);
        }
    }

    /// Takes the first of all; the next one of its period takes its place.
    fn pop(&mut self) -> Option<(usize, Occurrence)> {
        let Reverse((start, index, end)) = self.next.pop()?;
        if let Some(next) = self.periods.get(index)?.next(start) {
            self.next.push(Reverse((next.start, index, next.end)));
        }
        Some((index, Occurrence { start, end }))
    }
}

/// A chain that grows.
#[derive(Default)]
struct OpenOutage {
    chain: Outage,
    /// When all of it has ended; `None`: never, if it is not empty.
    end: Option<Timestamp>,
    count: usize,
    /// An open-ended period without a scope runs: nothing that is yet to come makes a difference.
    closed: bool,
    /// The last span of each period.
    last: HashMap<usize, usize>,
}

impl OpenOutage {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, period: usize, Occurrence { start, end }: Occurrence) {
        self.end = if self.is_empty() { end } else { self.end.zip(end).map(|(a, b)| a.max(b)) };
        self.count += 1;
        let spans = &mut self.chain.spans;
        let last = self.last.get(&period).and_then(|&last| spans.get_mut(last));
        if let Some(span) = last.filter(|span| span.end.is_none_or(|end| start <= end)) {
            span.end = span.end.zip(end).map(|(a, b)| a.max(b));
        } else {
            self.last.insert(period, spans.len());
            spans.push(OutagePart { period, start, end });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::scope::Scope;
    use crate::schedule::period::Timing;
    use http::Method;

    const DAY: i64 = 86_400;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// (start, end); an end of 0 is open.
    fn once((start, end): (i64, i64), scope: Scope) -> Period {
        let occurrence = Occurrence { start: at(start), end: (end != 0).then(|| at(end)) };
        Period {
            name: None,
            line: 1,
            enabled: true,
            unscheduled: false,
            timing: Timing::Once(occurrence),
            scope,
        }
    }

    /// The chain of those that are active at 0, each of which is of a period of its own.
    fn chain(spans: &[(i64, i64)], scope: &Scope) -> Outage {
        let periods: Vec<_> = spans.iter().map(|&span| once(span, scope.clone())).collect();
        let active =
            periods.iter().enumerate().filter_map(|(index, period)| Some((index, period.active(at(0))?)));
        OutageBuilder::new(&periods, periods.iter().map(|period| period.next(at(0)))).chain(active, at(0))
    }

    #[test]
    fn what_has_ended_before_the_chain_is_cut_is_known() {
        let spans = [(0, 10), (0, 367 * DAY), (0, 400 * DAY), (1, 367 * DAY - 1), (367 * DAY, 368 * DAY)];
        let chain = chain(&spans, &Scope::default());
        for (covers, end) in [
            (&[0][..], Some(10)),
            (&[3], None),
            (&[0, 3], Some(367 * DAY - 1)),
            (&[1], None),
            (&[2], None),
            (&[0, 2], None),
        ] {
            let found = chain.end(|period| covers.contains(&period), at(0));
            assert_eq!(found.map(Timestamp::as_second), end, "{covers:?}");
        }
    }

    #[test]
    fn nothing_is_followed_behind_an_open_ended_period_unless_it_has_a_scope() {
        let posts = Scope { methods: Some(vec![Method::POST]), ..Scope::default() };
        for (spans, scope, followed) in [
            (&[(0, 0), (10, 20)][..], Scope::default(), 1),
            (&[(0, 0), (10, 20)], posts, 2),
            (&[(0, 9), (5, 0), (10, 20)], Scope::default(), 2),
            (&[(0, 9), (5, 9), (10, 20)], Scope::default(), 2),
            (&[(0, 9), (5, 9), (9, 20)], Scope::default(), 3),
        ] {
            let chain = chain(spans, &scope);
            assert_eq!((chain.spans.len(), chain.cut_at), (followed, None), "{spans:?} {scope:?}");
        }
    }

    #[test]
    fn occurrences_of_one_period_are_one_span_as_long_as_they_hang_together() {
        let mut links = OpenOutage::default();
        for (period, start, end) in [(0, 0, 10), (1, 0, 35), (0, 10, 20), (0, 15, 18), (0, 30, 40)] {
            links.add(period, Occurrence { start: at(start), end: Some(at(end)) });
        }
        let seconds =
            |span: &OutagePart| (span.period, span.start.as_second(), span.end.map(Timestamp::as_second));
        let spans: Vec<_> = links.chain.spans.iter().map(seconds).collect();
        assert_eq!(spans, [(0, 0, Some(20)), (1, 0, Some(35)), (0, 30, Some(40))]);
    }
}
