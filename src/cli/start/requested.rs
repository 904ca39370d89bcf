//! A downtime as the options of `start` request it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{DowntimeArgs, StartArgs, cannot};
use crate::cli::scope_args::check_scope;
use crate::cli::time_arg::TimeArg;
use crate::config::edit::Literal;
use crate::config::time::TimeError;
use crate::editing::{DowntimeFault, EditRefusal, RequestedDowntime, floor_to_second};
use crate::schedule::human_time::local;
use crate::schedule::zone::Fold;

/// The start of a downtime that is planned, instead of one that starts now.
pub(crate) struct PlannedStart {
    /// The option that sets it.
    pub(super) option: &'static str,
    at: Timestamp,
    notes: Vec<String>,
}

impl PlannedStart {
    /// Resolves `--at` and `--in` at `now`.
    pub(super) fn new(
        arguments: &StartArgs,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Option<Self>, EditRefusal> {
        if let Some(delay) = arguments.delay {
            let at = now.checked_add(delay).map_err(|_| {
                cannot("--in: the downtime would start after the year 9999", "write a shorter duration")
            })?;
            return Ok(Some(Self { option: "--in", at: floor_to_second(at), notes: Vec::new() }));
        }
        let Some(time) = arguments.at else { return Ok(None) };
        let option = "--at";
        let at = resolve(time, zone, Fold::First, now, option)?;
        Ok(Some(Self { option, at, notes: notes(time, option, at, zone) }))
    }
}

/// Resolves the options at `now`.
pub(crate) fn request(
    arguments: &DowntimeArgs,
    planned: Option<&PlannedStart>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<RequestedDowntime, EditRefusal> {
    let DowntimeArgs { name, message, duration, until, hosts, paths, methods } = arguments.clone();
    check_scope(&hosts, &paths, &methods)?;
    let mut notes = planned.map_or_else(Vec::new, |planned| planned.notes.clone());
    let start = planned.map_or_else(|| floor_to_second(now), |planned| planned.at);
    let until_at = until.map(|until| resolve_end(until, zone, start.max(now))).transpose()?;
    if let Some((time, at)) = until.zip(until_at) {
        notes.extend(self::notes(time, "--until", at, zone));
    }
    let length = duration.map(|duration| {
        start.checked_add(duration).map_err(|_| {
            cannot("--for: the downtime would end after the year 9999", "write a shorter duration")
        })
    });
    let end = length.transpose()?.or(until_at);
    let (is_planned, zone) = (planned.is_some(), zone.clone());
    let requested = RequestedDowntime {
        name,
        message: message.map(Literal::String),
        hosts,
        paths,
        methods,
        is_planned,
        start,
        end,
        duration,
        zone,
        notes,
        now,
    };
    match requested.fault() {
        Some(fault) => Err(refusal(fault, &requested)),
        None => Ok(requested),
    }
}

fn refusal(fault: DowntimeFault, requested: &RequestedDowntime) -> EditRefusal {
    let RequestedDowntime { start, end, zone, .. } = requested;
    let end = local(end.unwrap_or(*start), zone);
    match fault {
        DowntimeFault::EndPast => cannot(&format!("--until is in the past: {end}"), "write a later time"),
        DowntimeFault::EndNotAfterStart => {
            cannot(&format!("--until is not after the start: {end}"), "write a later time")
        }
        DowntimeFault::StartPast => {
            let help = "omit --at to start now, or give an end in the future";
            cannot(&format!("--at is in the past: {}", local(*start, zone)), help)
        }
    }
}

/// Resolves `--until`. A time of day is the next one after `after`.
pub(crate) fn resolve_end(
    until: TimeArg,
    zone: &TimeZone,
    after: Timestamp,
) -> Result<Timestamp, EditRefusal> {
    resolve(until, zone, Fold::Second, after, "--until")
}

/// Resolves the time of an option. A time of day is the next one after `after`.
fn resolve(
    time: TimeArg,
    zone: &TimeZone,
    fold: Fold,
    after: Timestamp,
    option: &str,
) -> Result<Timestamp, EditRefusal> {
    time.resolve(zone, fold, after).map_err(|fault| cannot(&format!("{option}: {fault}"), TimeError::HELP))
}

/// Returns what the time of an option means in full, and whether clocks skip it, or it was read in another time zone than the machine's.
fn notes(time: TimeArg, option: &str, at: Timestamp, zone: &TimeZone) -> Vec<String> {
    let in_full = time.in_full(option, at, zone);
    let skipped = time.skipped(zone).map(|note| format!("{option}: {note}"));
    [in_full, skipped, utc_note(time, option, at, zone)].into_iter().flatten().collect()
}

/// Returns a note if a local time was read as UTC because that is the file's time zone, and the machine's is another.
fn utc_note(time: TimeArg, option: &str, at: Timestamp, zone: &TimeZone) -> Option<String> {
    if !time.is_local() || zone.iana_name() != Some("UTC") {
        return None;
    }
    let machine = TimeZone::system();
    let differs = !machine.to_offset(at).is_zero();
    differs.then(|| {
        format!(
            "{option} was read as UTC, the file's time zone: that is {} in this machine's time zone",
            local(at, &machine)
        )
    })
}
