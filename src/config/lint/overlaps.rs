//! Warns of periods that overlap, because visitors see the response of only one of them.
//!
//! All one-off periods are compared. A series is followed up to [`HORIZON`], and up to each one-off period if there are
//! few enough, so an overlap in the far future may not be found yet.

mod warnings;

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use self::warnings::{note_skipped, warn};
use super::LintInput;
use super::cover::{GlobAutomaton, WorkBudget};
use crate::config::document::PeriodTable;
use crate::matching::scope::{Host, Scope};
use crate::schedule::period::{Occurrence, Period};

/// The time for which series are followed.
const HORIZON: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The number of occurrences of all series together that are compared; at least [`MIN_OCCURRENCES`] of each are.
const MAX_OCCURRENCES: usize = 4_000;
const MIN_OCCURRENCES: usize = 4;
/// A series is followed up to each one-off period only if there are no more pairs of the two than this.
const MAX_ONE_OFF_PAIRS: usize = 4_000;
/// The number of pairs of occurrences that overlap in time and are compared.
const MAX_PAIRS: usize = 10_000;
/// The number of steps that all comparisons of scopes may take together.
const MAX_WORK: usize = 2_000_000;
const MAX_WARNINGS: usize = 20;

#[derive(Clone, Copy)]
struct Run {
    period: usize,
    occurrence: Occurrence,
}

/// Two occurrences that overlap.
#[derive(Clone, Copy)]
struct Overlap {
    earlier: Run,
    later: Run,
}

impl Overlap {
    /// Returns the period that has no end: of two, the one that comes later in the file.
    fn open_ended(&self) -> Option<usize> {
        let runs = [self.earlier, self.later].into_iter().filter(|run| run.occurrence.end.is_none());
        runs.map(|run| run.period).max()
    }

    /// Returns true if one warning can tell of both, since they are of the same period without an end.
    fn is_told_with(&self, other: &Self) -> bool {
        self.open_ended().is_some() && self.open_ended() == other.open_ended()
    }
}

pub(super) fn lint(input: &LintInput<'_>) {
    let periods: Vec<_> = input.periods().collect();
    let (warnings, skipped) = find(&periods, input.now());
    for overlaps in warnings {
        warn(&overlaps, &periods, input);
    }
    if let Some(run) = skipped {
        note_skipped(run, &periods, input);
    }
}

/// Returns the overlaps, those that one warning tells of together, and the occurrence at which the search was given up.
fn find(periods: &[TableAndPeriod<'_>], now: Timestamp) -> (Vec<Vec<Overlap>>, Option<Run>) {
    let mut runs = runs(periods, now);
    runs.sort_by_key(|run| (run.occurrence.start, run.period));
    let mut scopes = Scopes::new(periods);
    let mut active: Vec<Run> = Vec::new();
    let mut warnings: Vec<Vec<Overlap>> = Vec::new();
    let mut compared = 0;
    for run in runs {
        active.retain(|earlier| !earlier.occurrence.is_over(run.occurrence.start));
        for earlier in active.iter().filter(|earlier| earlier.period != run.period) {
            compared += 1;
            let (one, two) = (earlier.period.min(run.period), earlier.period.max(run.period));
            if scopes.meet_first(one, two) && !is_on_purpose(periods, one, two) {
                add(&mut warnings, Overlap { earlier: *earlier, later: run });
            }
            if compared >= MAX_PAIRS || warnings.len() >= MAX_WARNINGS || scopes.work.is_spent() {
                return (warnings, Some(run));
            }
        }
        active.push(run);
    }
    (warnings, None)
}

fn add(warnings: &mut Vec<Vec<Overlap>>, overlap: Overlap) {
    let is_same = |told: &&mut Vec<Overlap>| told.first().is_some_and(|first| overlap.is_told_with(first));
    match warnings.iter_mut().find(is_same) {
        Some(told) => told.push(overlap),
        None => warnings.push(vec![overlap]),
    }
}

type TableAndPeriod<'a> = (&'a PeriodTable, &'a Period);

/// Returns the occurrences to compare.
fn runs(periods: &[TableAndPeriod<'_>], now: Timestamp) -> Vec<Run> {
    let enabled =
        || periods.iter().map(|(_, period)| *period).enumerate().filter(|(_, period)| period.enabled);
    let once = |(index, period): (usize, &Period)| {
        let occurrence = period.once().filter(|occurrence| !occurrence.is_over(now))?;
        Some(Run { period: index, occurrence })
    };
    let mut runs: Vec<_> = enabled().filter_map(once).collect();
    let series: Vec<_> = enabled().filter(|(_, period)| period.once().is_none()).collect();
    let each = (MAX_OCCURRENCES / series.len().max(1)).max(MIN_OCCURRENCES);
    let one_offs = if runs.len() * series.len() <= MAX_ONE_OFF_PAIRS { runs.clone() } else { Vec::new() };
    let end = now.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
    for (index, period) in series {
        let beside = one_offs.iter().flat_map(|one_off| around(period, one_off.occurrence.start));
        let ahead = around(period, now).chain(period.upcoming(now).skip(1)).take(each);
        let ahead = ahead.take_while(|occurrence| occurrence.start <= end);
        runs.extend(ahead.chain(beside).map(|occurrence| Run { period: index, occurrence }));
    }
    runs
}

/// Returns the occurrence of a series that is active at a time, and the next one.
fn around(period: &Period, at: Timestamp) -> impl Iterator<Item = Occurrence> {
    period.active(at).into_iter().chain(period.next(at))
}

/// Returns true if one of the two is a series and the other was started by hand.
fn is_on_purpose(periods: &[TableAndPeriod<'_>], one: usize, two: usize) -> bool {
    let (Some((_, one)), Some((_, two))) = (periods.get(one), periods.get(two)) else { return false };
    let is_by_hand = |period: &Period, other: &Period| other.series().is_some() && period.unscheduled;
    is_by_hand(one, two) || is_by_hand(two, one)
}

/// Compares the scopes of periods, until the work budget is spent.
struct Scopes<'a> {
    periods: &'a [TableAndPeriod<'a>],
    /// The globs of each period, made when they are first needed.
    globs: Vec<OnceCell<Vec<GlobAutomaton>>>,
    compared: HashMap<(usize, usize), bool>,
    work: WorkBudget,
}

impl<'a> Scopes<'a> {
    fn new(periods: &'a [TableAndPeriod<'a>]) -> Self {
        let globs = std::iter::repeat_with(OnceCell::new).take(periods.len()).collect();
        Self { periods, globs, compared: HashMap::new(), work: WorkBudget::new(MAX_WORK) }
    }

    /// Returns true if both may cover the same request, unless the two were compared before.
    fn meet_first(&mut self, one: usize, two: usize) -> bool {
        if self.compared.contains_key(&(one, two)) {
            return false;
        }
        let meet = self.meet(one, two);
        self.compared.insert((one, two), meet);
        meet && !self.work.is_spent()
    }

    fn meet(&self, one: usize, two: usize) -> bool {
        let (Some((_, period)), Some((_, other))) = (self.periods.get(one), self.periods.get(two)) else {
            return false;
        };
        methods_meet(&period.scope, &other.scope)
            && self.hosts_meet(&period.scope, &other.scope)
            && self.paths_meet(one, two)
    }

    fn hosts_meet(&self, one: &Scope, two: &Scope) -> bool {
        let both = one.hosts.as_ref().zip(two.hosts.as_ref());
        let meet = |one: &Host, two: &Host| self.work.take(1) && one.meets(two);
        both.is_none_or(|(one, two)| one.iter().any(|host| two.iter().any(|other| meet(host, other))))
    }

    fn paths_meet(&self, one: usize, two: usize) -> bool {
        let (Some(one), Some(two)) = (self.globs(one), self.globs(two)) else { return true };
        one.iter().any(|glob| two.iter().any(|other| glob.meets(other, &self.work)))
    }

    fn globs(&self, period: usize) -> Option<&Vec<GlobAutomaton>> {
        let globs = self.periods.get(period)?.0.paths.as_ref()?.get_ref();
        let automata = || globs.iter().map(|glob| GlobAutomaton::from_glob(glob.get_ref())).collect();
        Some(self.globs.get(period)?.get_or_init(automata))
    }
}

fn methods_meet(one: &Scope, two: &Scope) -> bool {
    let both = one.methods.as_ref().zip(two.methods.as_ref());
    both.is_none_or(|(one, two)| {
        let two: HashSet<_> = two.iter().collect();
        one.iter().any(|method| two.contains(method))
    })
}
