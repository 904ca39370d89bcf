//! Notes periods that are over.

use jiff::Timestamp;

use super::LintInput;
use crate::schedule::period::{Period, Timing};

/// A note lists at most this many lines of the file.
const MAX_LINES: usize = 10;

pub(super) fn lint(input: &LintInput<'_>) {
    let over: Vec<_> = input.periods().filter(|(_, period)| is_over(period, input.past())).collect();
    let Some((first, _)) = over.first() else { return };
    let lines: Vec<_> = over
        .iter()
        .take(MAX_LINES)
        .map(|(_, period)| period.place().trim_start_matches("line ").to_owned())
        .collect();
    let more = match over.len() - lines.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let lines = lines.join(", ");
    let message = match over.len() {
        1 => "this period is over".to_owned(),
        count => format!("{count} periods are over, at lines {lines}{more}"),
    };
    let help = "periods that are over have no effect: remove them, or keep them as a record";
    input.note(first.span.clone(), message, help);
}

/// Returns true if a period is over. A series with an `end` does not count: it has a warning of its own.
fn is_over(period: &Period, now: Timestamp) -> bool {
    match &period.timing {
        Timing::Once(occurrence) => occurrence.is_over(now),
        Timing::Series(series) => {
            series.until.is_none() && series.last_start(now).is_some() && period.is_over(now)
        }
    }
}
