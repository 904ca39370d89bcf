//! Outages: occurrences that overlap or touch, and when they end for a request that some of them cover.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::schedule::period::{Occurrence, Period};

/// The longest time that an outage is followed, and that `Retry-After` announces.
pub const MAX_OUTAGE: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The number of occurrences of an outage that are followed.
const MAX_OCCURRENCES: usize = 10_000;

/// Occurrences, each of which starts before all earlier ones have ended, or just then. A request is down for as long as
/// those that cover it overlap or touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outage {
    /// Sorted by start. Occurrences of one period that overlap or touch are one part.
    parts: Vec<OutagePart>,
    /// Occurrences that start at this time or later are missing; `None` if it is complete.
    truncated_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OutagePart {
    period: usize,
    start: Timestamp,
    end: Option<Timestamp>,
}

impl Outage {
    /// Returns the number of its parts.
    pub fn count(&self) -> usize {
        self.parts.len()
    }

    /// Returns when the outage ends that is active at `now`, of the periods (given by index) for which `covers` returns
    /// true. `None` if there is none, if it is open-ended, or if it is too long to be known completely.
    pub fn end(&self, covers: impl Fn(usize) -> bool, now: Timestamp) -> Option<Timestamp> {
        let mut end = now;
        for part in &self.parts {
            if part.start > end {
                break;
            }
            if part.end.is_none_or(|part_end| part_end > end) && covers(part.period) {
                end = part.end?;
            }
        }
        let known = end > now && self.truncated_at.is_none_or(|truncated_at| end < truncated_at);
        known.then_some(end)
    }
}

/// Builds outages from the occurrences that are still to come.
pub struct OutageBuilder<'p> {
    periods: &'p [Period],
    /// The next occurrence of each period, as start, index and end; the earliest on top.
    next: BinaryHeap<Reverse<(Timestamp, usize, Option<Timestamp>)>>,
}

impl<'p> OutageBuilder<'p> {
    /// Takes the next occurrence of each period.
    pub fn new(periods: &'p [Period], next: impl Iterator<Item = Option<Occurrence>>) -> Self {
        let entry = |(index, next): (usize, Option<Occurrence>)| {
            next.map(|next| Reverse((next.start, index, next.end)))
        };
        Self { periods, next: next.enumerate().filter_map(entry).collect() }
    }

    /// Builds the outage that begins with these occurrences, active at `now`, and consumes the ones that it contains.
    pub fn build(&mut self, active: impl Iterator<Item = (usize, Occurrence)>, now: Timestamp) -> Outage {
        let mut open = OpenOutage::default();
        for (period, occurrence) in active {
            self.add(&mut open, period, occurrence);
        }
        let horizon = now.checked_add(MAX_OUTAGE).unwrap_or(Timestamp::MAX);
        while let Some(start) = self.next.peek().map(|Reverse((start, ..))| *start) {
            if open.is_empty() || open.is_final || open.end.is_some_and(|end| start > end) {
                break;
            }
            if start > horizon || open.count >= MAX_OCCURRENCES {
                open.outage.truncated_at = Some(start);
                break;
            }
            self.take_next(&mut open);
        }
        open.outage.parts.sort_by_key(|part| part.start);
        open.outage
    }

    /// Builds the next outage of the periods for which `covers` returns true, and returns its start and, if known, its end.
    pub fn next_outage(&mut self, now: Timestamp, covers: impl Fn(usize) -> bool) -> Option<Occurrence> {
        let first = self.pop()?;
        let start = first.1.start;
        let outage = self.build(std::iter::once(first), start.max(now));
        Some(Occurrence { start, end: outage.end(covers, start) })
    }

    fn add(&self, open: &mut OpenOutage, period: usize, occurrence: Occurrence) {
        let covers_all = self.periods.get(period).is_some_and(|period| period.scope.is_all());
        open.is_final |= covers_all && occurrence.end.is_none();
        open.add(period, occurrence);
    }

    fn take_next(&mut self, open: &mut OpenOutage) {
        if let Some((period, occurrence)) = self.pop() {
            self.add(open, period, occurrence);
        }
    }

    /// Removes the earliest occurrence, and adds the one of the same period that follows it.
    fn pop(&mut self) -> Option<(usize, Occurrence)> {
        let Reverse((start, index, end)) = self.next.pop()?;
        if let Some(next) = self.periods.get(index)?.next(start) {
            self.next.push(Reverse((next.start, index, next.end)));
        }
        Some((index, Occurrence { start, end }))
    }
}

/// An outage that is being built.
#[derive(Default)]
struct OpenOutage {
    outage: Outage,
    /// The time at which all of it has ended; `None` if it is open-ended or empty.
    end: Option<Timestamp>,
    count: usize,
    /// True if an open-ended period without a scope is active, so that later occurrences make no difference.
    is_final: bool,
    /// The index of the last part of each period.
    last: HashMap<usize, usize>,
}

impl OpenOutage {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, period: usize, Occurrence { start, end }: Occurrence) {
        self.end = if self.is_empty() { end } else { self.end.zip(end).map(|(a, b)| a.max(b)) };
        self.count += 1;
        let parts = &mut self.outage.parts;
        let last = self.last.get(&period).and_then(|&last| parts.get_mut(last));
        if let Some(part) = last.filter(|part| part.end.is_none_or(|end| start <= end)) {
            part.end = part.end.zip(end).map(|(a, b)| a.max(b));
        } else {
            self.last.insert(period, parts.len());
            parts.push(OutagePart { period, start, end });
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

    /// Creates a period from (start, end); an end of 0 is open.
    fn once((start, end): (i64, i64), scope: Scope) -> Period {
        let occurrence = Occurrence { start: at(start), end: (end != 0).then(|| at(end)) };
        Period {
            name: None,
            line: 1,
            file: None,
            enabled: true,
            unscheduled: false,
            timing: Timing::Once(occurrence),
            scope,
        }
    }

    /// Builds the outage at 0 of occurrences that each belong to a period of their own.
    fn outage(parts: &[(i64, i64)], scope: &Scope) -> Outage {
        let periods: Vec<_> = parts.iter().map(|&part| once(part, scope.clone())).collect();
        let active =
            periods.iter().enumerate().filter_map(|(index, period)| Some((index, period.active(at(0))?)));
        OutageBuilder::new(&periods, periods.iter().map(|period| period.next(at(0)))).build(active, at(0))
    }

    #[test]
    fn an_end_before_the_outage_is_truncated_is_known() {
        let parts = [(0, 10), (0, 367 * DAY), (0, 400 * DAY), (1, 367 * DAY - 1), (367 * DAY, 368 * DAY)];
        let outage = outage(&parts, &Scope::default());
        for (covers, end) in [
            (&[0][..], Some(10)),
            (&[3], None),
            (&[0, 3], Some(367 * DAY - 1)),
            (&[1], None),
            (&[2], None),
            (&[0, 2], None),
        ] {
            let found = outage.end(|period| covers.contains(&period), at(0));
            assert_eq!(found.map(Timestamp::as_second), end, "{covers:?}");
        }
    }

    #[test]
    fn an_open_ended_period_without_a_scope_ends_the_search() {
        let posts = Scope { methods: Some(vec![Method::POST]), ..Scope::default() };
        for (parts, scope, followed) in [
            (&[(0, 0), (10, 20)][..], Scope::default(), 1),
            (&[(0, 0), (10, 20)], posts, 2),
            (&[(0, 9), (5, 0), (10, 20)], Scope::default(), 2),
            (&[(0, 9), (5, 9), (10, 20)], Scope::default(), 2),
            (&[(0, 9), (5, 9), (9, 20)], Scope::default(), 3),
        ] {
            let outage = outage(parts, &scope);
            assert_eq!((outage.parts.len(), outage.truncated_at), (followed, None), "{parts:?} {scope:?}");
        }
    }

    #[test]
    fn touching_occurrences_of_one_period_are_one_part() {
        let mut open = OpenOutage::default();
        for (period, start, end) in [(0, 0, 10), (1, 0, 35), (0, 10, 20), (0, 15, 18), (0, 30, 40)] {
            open.add(period, Occurrence { start: at(start), end: Some(at(end)) });
        }
        let seconds =
            |part: &OutagePart| (part.period, part.start.as_second(), part.end.map(Timestamp::as_second));
        let parts: Vec<_> = open.outage.parts.iter().map(seconds).collect();
        assert_eq!(parts, [(0, 0, Some(20)), (1, 0, Some(35)), (0, 30, Some(40))]);
    }
}
