//! Warns of local times in a file that sets no time zone, on a machine whose clock is not in UTC.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;
use toml::value::Datetime;

use super::LintInput;
use crate::config::document::{Field, PeriodTable};
use crate::schedule::period::{Period, Timing};

/// Any clock that observes daylight saving time changes within half a year.
const HALF_A_YEAR: SignedDuration = SignedDuration::from_hours(183 * 24);

/// Warns of the first such time only.
pub(super) fn lint(input: &LintInput<'_>) {
    let zone = &input.context.machine_zone;
    if input.document.timezone.is_some() {
        return;
    }
    let mut periods = input.live_periods().filter(|(table, _)| table.timezone.is_none());
    let found = periods.find_map(|(table, period)| find_ambiguous(table, period, zone, input.now()));
    let Some(span) = found else { return };
    let message = format!(
        "this time is in UTC, because the file sets no `timezone`; the clock of this machine is in {}",
        zone_name(zone, input.now())
    );
    let help = match zone.iana_name() {
        Some(name) => {
            format!("write `timezone = \"{name}\"` at the top of the file, or \"UTC\" if you mean UTC")
        }
        None => "write `timezone`, such as \"Europe/Berlin\" or \"UTC\", at the top of the file".into(),
    };
    input.warn(span, message, help);
}

fn zone_name(zone: &TimeZone, now: Timestamp) -> String {
    zone.iana_name().map_or_else(|| format!("a zone at UTC{}", zone.to_offset(now)), str::to_owned)
}

/// Returns the place of the first local time of a period that would be a different instant in `zone`.
fn find_ambiguous(
    table: &PeriodTable,
    period: &Period,
    zone: &TimeZone,
    now: Timestamp,
) -> Option<Range<usize>> {
    let is_utc_at = |at: Timestamp| zone.to_offset(at).is_zero();
    let local = |value: &Field<Datetime>| {
        value.as_ref().filter(|value| value.get_ref().offset.is_none()).map(Spanned::span)
    };
    match &period.timing {
        Timing::Once(once) => {
            let start = local(&table.start).filter(|_| !is_utc_at(once.start));
            start.or_else(|| local(&table.end).filter(|_| once.end.is_some_and(|end| !is_utc_at(end))))
        }
        Timing::Series(_) => {
            let later = now.checked_add(HALF_A_YEAR).unwrap_or(now);
            let cron = table.cron.as_ref().map(Spanned::span);
            cron.filter(|_| !is_utc_at(now) || !is_utc_at(later))
        }
    }
}
