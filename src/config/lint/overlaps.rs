//! Periods that overlap: one decides over the other, and visitors read one message of two.
//!
//! Of one-off periods all is known. A series is followed over [`HORIZON`], and to each one-off period where those are few
//! enough; so an overlap that lies far ahead may go unnoticed for now.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::cover::{Machine, Work};
use super::{LintInput, place, title};
use crate::config::document::PeriodTable;
use crate::matching::scope::{Host, Scope};
use crate::schedule::human_time::local;
use crate::schedule::period::{Occurrence, Period};

/// How far ahead series are followed.
const HORIZON: SignedDuration = SignedDuration::from_hours(366 * 24);
/// As many occurrences of all series together are looked at, and of each at least [`FEWEST`].
const MAX_OCCURRENCES: usize = 4_000;
const FEWEST: usize = 4;
/// Where there are no more pairs of a series and a one-off, each is looked at.
const MAX_MEETINGS: usize = 4_000;
/// As many pairs that overlap in time are looked at.
const MAX_PAIRS: usize = 10_000;
/// So many steps are spent on whether scopes meet.
const MAX_WORK: usize = 2_000_000;
/// As many are warned of.
const MAX_WARNINGS: usize = 20;

#[derive(Clone, Copy)]
struct Run {
    period: usize,
    occurrence: Occurrence,
}

pub(super) fn lint(subject: &LintInput<'_>) {
    let periods: Vec<_> = subject.periods().collect();
    let mut runs = runs(&periods, subject.now());
    runs.sort_by_key(|run| (run.occurrence.start, run.period));
    let mut scopes = Scopes::new(&periods);
    let mut active: Vec<Run> = Vec::new();
    let (mut looked_at, mut warned) = (0, 0);
    for run in runs {
        active.retain(|earlier| !earlier.occurrence.is_over(run.occurrence.start));
        for earlier in active.iter().filter(|earlier| earlier.period != run.period) {
            looked_at += 1;
            let (one, two) = (earlier.period.min(run.period), earlier.period.max(run.period));
            if scopes.meet_first(one, two) && !is_on_purpose(&periods, one, two) {
                warned += 1;
                warn(*earlier, run, &periods, subject);
            }
            if looked_at >= MAX_PAIRS || warned >= MAX_WARNINGS || scopes.work.is_used_up() {
                return note_the_rest(run, &periods, subject);
            }
        }
        active.push(run);
    }
}

type Both<'a> = (&'a PeriodTable, &'a Period);

/// The occurrences that are looked at.
fn runs(periods: &[Both<'_>], now: Timestamp) -> Vec<Run> {
    let enabled =
        || periods.iter().map(|(_, period)| *period).enumerate().filter(|(_, period)| period.enabled);
    let once = |(index, period): (usize, &Period)| {
        let occurrence = period.once().filter(|occurrence| !occurrence.is_over(now))?;
        Some(Run { period: index, occurrence })
    };
    let mut runs: Vec<_> = enabled().filter_map(once).collect();
    let series: Vec<_> = enabled().filter(|(_, period)| period.once().is_none()).collect();
    let each = (MAX_OCCURRENCES / series.len().max(1)).max(FEWEST);
    let meetings = if runs.len() * series.len() <= MAX_MEETINGS { runs.clone() } else { Vec::new() };
    let end = now.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
    for (index, period) in series {
        let met = meetings.iter().flat_map(|met| around(period, met.occurrence.start));
        let ahead = around(period, now).chain(period.upcoming(now).skip(1)).take(each);
        let ahead = ahead.take_while(|occurrence| occurrence.start <= end);
        runs.extend(ahead.chain(met).map(|occurrence| Run { period: index, occurrence }));
    }
    runs
}

/// The occurrence of a series that runs at a moment, and the next.
fn around(period: &Period, at: Timestamp) -> impl Iterator<Item = Occurrence> {
    period.active(at).into_iter().chain(period.next(at))
}

fn warn(earlier: Run, later: Run, periods: &[Both<'_>], subject: &LintInput<'_>) {
    let decides = |run: &Run| (run.occurrence.end.is_none(), run.occurrence.end, Reverse(run.period));
    let (winner, loser) =
        if decides(&earlier) > decides(&later) { (earlier, later) } else { (later, earlier) };
    let (first, second) = if earlier.period < later.period { (earlier, later) } else { (later, earlier) };
    let (Some((_, one)), Some((table, _)), Some((_, decisive))) =
        (periods.get(first.period), periods.get(second.period), periods.get(winner.period))
    else {
        return;
    };
    let zone = &subject.config.timezone;
    let from = local(later.occurrence.start, zone);
    let until = match loser.occurrence.end {
        Some(end) => format!("from {from} to {}", local(end, zone)),
        None => format!("from {from} on"),
    };
    let why = match (winner.occurrence.end, loser.occurrence.end) {
        (None, None) => "comes first in the file, as neither has an end",
        (None, _) => "has no end",
        (one, two) if one == two => "comes first in the file, as both end together",
        _ => "ends last",
    };
    let message = format!("this overlaps {} {until}", title(one));
    let help = format!(
        "what both cover gets the answer of {}, which {why}; move one, or give them `hosts`, `paths` or `methods` apart",
        title(decisive)
    );
    subject.warn(place(table), message, help);
}

fn note_the_rest(run: Run, periods: &[Both<'_>], subject: &LintInput<'_>) {
    let span = periods.get(run.period).map_or(0..0, |(table, _)| place(table));
    let message = "not every overlap is shown: too many periods run at once, or they have too many rules";
    subject.note(span, message, "check again once there are fewer");
}

/// Returns true if one of the two was started by hand during the other, a series, or goes on into it.
fn is_on_purpose(periods: &[Both<'_>], one: usize, two: usize) -> bool {
    let (Some((_, one)), Some((_, two))) = (periods.get(one), periods.get(two)) else { return false };
    let started = |period: &Period, other: &Period| other.series().is_some() && period.unscheduled;
    started(one, two) || started(two, one)
}

/// The scopes of the periods, compared in pairs as far as there is work left for it.
struct Scopes<'a> {
    periods: &'a [Both<'a>],
    /// The globs of each period, once they are asked for.
    globs: Vec<OnceCell<Vec<Machine>>>,
    compared: HashMap<(usize, usize), bool>,
    work: Work,
}

impl<'a> Scopes<'a> {
    fn new(periods: &'a [Both<'a>]) -> Self {
        let globs = std::iter::repeat_with(OnceCell::new).take(periods.len()).collect();
        Self { periods, globs, compared: HashMap::new(), work: Work::new(MAX_WORK) }
    }

    /// Returns true if some request may be covered by both, and they were not compared before.
    fn meet_first(&mut self, one: usize, two: usize) -> bool {
        if self.compared.contains_key(&(one, two)) {
            return false;
        }
        let meet = self.meet(one, two);
        self.compared.insert((one, two), meet);
        meet && !self.work.is_used_up()
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

    fn globs(&self, period: usize) -> Option<&Vec<Machine>> {
        let globs = self.periods.get(period)?.0.paths.as_ref()?.get_ref();
        let machines = || globs.iter().map(|glob| Machine::of_glob(glob.get_ref())).collect();
        Some(self.globs.get(period)?.get_or_init(machines))
    }
}

fn methods_meet(one: &Scope, two: &Scope) -> bool {
    let both = one.methods.as_ref().zip(two.methods.as_ref());
    both.is_none_or(|(one, two)| {
        let two: HashSet<_> = two.iter().collect();
        one.iter().any(|method| two.contains(method))
    })
}
