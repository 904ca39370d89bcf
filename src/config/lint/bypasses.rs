//! Warns of bypasses that do not let testers in, or on fewer paths than meant, and of those that let them in for longer than any downtime lasts.

use jiff::Timestamp;
use toml::Spanned;

use super::LintInput;
use super::paths::{GlobList, lint_list};
use crate::matching::bypass::{Bypass, BypassPhase};
use crate::schedule::human_time::local;
use crate::schedule::period::{Period, Timing};

pub(super) fn lint(input: &LintInput<'_>) {
    let tables = &input.document.bypasses;
    for (table, bypass) in tables.iter().zip(input.config.rules.bypasses.all()) {
        let span = table.until.as_ref().map_or(table.span.clone(), Spanned::span);
        if bypass.until > input.past() {
            lint_list(GlobList::Bypass, &table.paths, input);
        }
        match bypass.phase(input.now()) {
            BypassPhase::TooEarly => {
                let message = "this bypass lets nobody in yet: its end is more than 30 days ahead";
                input.warn(span, message, "write an earlier end");
            }
            BypassPhase::Valid => {
                if let Some(end) = outlived(bypass, input) {
                    let end = local(end, &input.config.timezone);
                    let message = format!(
                        "this bypass is valid for longer than any period lasts: the last one ends at {end}"
                    );
                    input.warn(
                        span,
                        message,
                        "write an earlier end, or remove the bypass when the testers are done",
                    );
                }
            }
            BypassPhase::Over if bypass.until <= input.past() => {
                input.note(span, "this bypass is over", "it has no effect: remove it");
            }
            BypassPhase::Over => {}
        }
    }
}

/// Returns the end of the last period, if a bypass lasts longer. A file without a period may get one yet.
fn outlived(bypass: &Bypass, input: &LintInput<'_>) -> Option<Timestamp> {
    let periods = input.config.rules.schedule.periods().iter().filter(|period| period.enabled);
    let last = periods.map(last_end).reduce(|one, other| Some(one?.max(other?)))??;
    (last < bypass.until).then_some(last)
}

/// Returns when a period ends for good; `None` if it never does.
fn last_end(period: &Period) -> Option<Timestamp> {
    match &period.timing {
        Timing::Once(once) => once.end,
        Timing::Series(series) => series.until,
    }
}
