//! What the warnings of overlaps say.

use std::cmp::Reverse;

use super::{Overlap, Run, TableAndPeriod};
use crate::config::lint::{LintInput, start_place};
use crate::schedule::human_time::local;

/// The number of periods that one warning names.
const MAX_NAMED: usize = 3;

/// Warns of overlaps that one warning can tell of.
pub(super) fn warn(overlaps: &[Overlap], periods: &[TableAndPeriod<'_>], input: &LintInput<'_>) {
    match overlaps {
        [overlap] => warn_of_two(*overlap, periods, input),
        overlaps => warn_of_open_end(overlaps, periods, input),
    }
}

fn warn_of_two(overlap: Overlap, periods: &[TableAndPeriod<'_>], input: &LintInput<'_>) {
    let Overlap { earlier, later } = overlap;
    let rank = |run: &Run| (run.occurrence.end.is_none(), run.occurrence.end, Reverse(run.period));
    let (winner, loser) = if rank(&earlier) > rank(&later) { (earlier, later) } else { (later, earlier) };
    let (first, second) = if earlier.period < later.period { (earlier, later) } else { (later, earlier) };
    let (Some((_, one)), Some((table, _)), Some((_, winning))) =
        (periods.get(first.period), periods.get(second.period), periods.get(winner.period))
    else {
        return;
    };
    let zone = &input.config.timezone;
    let from = local(later.occurrence.start, zone);
    let until = match loser.occurrence.end {
        Some(end) => format!("from {from} to {}", local(end, zone)),
        None => format!("from {from} on"),
    };
    let why = match (winner.occurrence.end, loser.occurrence.end) {
        (None, None) => "comes first in the file, since neither has an end",
        (None, _) => "has no end",
        (one, two) if one == two => "comes first in the file, since both end together",
        _ => "ends last",
    };
    let message = format!("this overlaps {} {until}", one.full_title());
    let help = format!(
        "requests that both cover get the response of {}, which {why}; move one, or give each its own `hosts`, `paths` or `methods`",
        winning.full_title()
    );
    input.warn(start_place(table), message, help);
}

/// Warns of all overlaps of one period that has no end.
fn warn_of_open_end(overlaps: &[Overlap], periods: &[TableAndPeriod<'_>], input: &LintInput<'_>) {
    let Some(open_ended) = overlaps.first().and_then(Overlap::open_ended) else { return };
    let Some((table, _)) = periods.get(open_ended) else { return };
    let runs = overlaps.iter().flat_map(|overlap| [overlap.earlier, overlap.later]);
    let others = runs.filter(|run| run.period != open_ended).filter_map(|run| periods.get(run.period));
    let titles: Vec<_> = others.map(|(_, period)| period.full_title()).collect();
    let message = format!("this has no end, so it overlaps {}", enumerate(&titles));
    let help = "requests that several of them cover get the response of the one that ends last, or of the first in the \
                file if several have no end; give it an end, or give each its own `hosts`, `paths` or `methods`";
    input.warn(start_place(table), message, help);
}

/// Names the first titles, and says how many more there are. There are at least two.
fn enumerate(titles: &[String]) -> String {
    let mut named: Vec<_> = titles.iter().take(MAX_NAMED).map(String::as_str).collect();
    let last = match titles.len().saturating_sub(MAX_NAMED) {
        0 => named.pop().unwrap_or_default().to_owned(),
        more => format!("{more} more"),
    };
    format!("{} and {last}", named.join(", "))
}

pub(super) fn note_skipped(run: Run, periods: &[TableAndPeriod<'_>], input: &LintInput<'_>) {
    let span = periods.get(run.period).map_or(0..0, |(table, _)| start_place(table));
    let message =
        "some overlaps are not shown: too many periods are active at once, or they have too many rules";
    input.note(span, message, "check again when there are fewer");
}
