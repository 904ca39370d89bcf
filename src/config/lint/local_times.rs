//! Local times in a file that names no zone, on a machine whose clock is in another one than UTC.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;
use toml::value::Datetime;

use super::LintInput;
use crate::config::document::{Field, PeriodTable};
use crate::schedule::period::{Period, Timing};

/// In half a year a clock that is ever put forward or back has been.
const HALF_A_YEAR: SignedDuration = SignedDuration::from_hours(183 * 24);

/// Warns once, of the first such time.
pub(super) fn lint(subject: &LintInput<'_>) {
    let zone = &subject.context.machine_zone;
    if subject.document.timezone.is_some() {
        return;
    }
    let mut periods = subject.live_periods().filter(|(table, _)| table.timezone.is_none());
    let found = periods.find_map(|(table, period)| differs(table, period, zone, subject.now()));
    let Some(span) = found else { return };
    let message = format!(
        "this is a time in UTC, since the file names no `timezone`; the clock of this machine is in {}",
        name(zone, subject.now())
    );
    let help = match zone.iana_name() {
        Some(name) => {
            format!("write `timezone = \"{name}\"` at the top of the file, or \"UTC\" if that is meant")
        }
        None => "write `timezone`, such as \"Europe/Berlin\" or \"UTC\", at the top of the file".into(),
    };
    subject.warn(span, message, help);
}

fn name(zone: &TimeZone, now: Timestamp) -> String {
    zone.iana_name().map_or_else(|| format!("a zone of UTC{}", zone.to_offset(now)), str::to_owned)
}

/// The first local time of a period that would be another moment in `zone`.
fn differs(table: &PeriodTable, period: &Period, zone: &TimeZone, now: Timestamp) -> Option<Range<usize>> {
    let is_utc_at = |at: Timestamp| zone.to_offset(at).is_zero();
    let local = |written: &Field<Datetime>| {
        written.as_ref().filter(|written| written.get_ref().offset.is_none()).map(Spanned::span)
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
