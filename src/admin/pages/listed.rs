//! Periods and bypasses as lists show them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::identity::bypass_id;
use super::visit::{Visit, zone_name};
use crate::config::Config;
use crate::editing::{first_editable, is_editable_bypass};
use crate::escape::shorten;
use crate::matching::bypass::{Bypass, BypassPhase};
use crate::matching::scope::describe_scope;
use crate::schedule::human_time::{distance, length, span, time_left};
use crate::schedule::period::{Occurrence, Period, PeriodPhase};

/// The most periods of a group that are listed.
const MAX_LISTED: usize = 200;

/// A period as lists show it.
#[derive(Debug, Serialize)]
pub(super) struct ListedPeriod {
    pub(super) id: String,
    pub(super) title: String,
    /// The title within a sentence.
    #[serde(skip)]
    pub(super) cause: String,
    state: &'static str,
    class: &'static str,
    pub(super) is_active: bool,
    pub(super) is_enabled: bool,
    pub(super) is_editable: bool,
    line: usize,
    pub(super) when: String,
    pub(super) repeats: Option<String>,
    pub(super) covers: Option<String>,
    message: Option<String>,
    #[serde(skip)]
    at: Option<Timestamp>,
    #[serde(skip)]
    phase: PeriodPhase,
}

/// Periods that have something in common.
#[derive(Debug, Serialize)]
pub(super) struct PeriodGroup {
    id: &'static str,
    title: String,
    periods: Vec<ListedPeriod>,
}

/// A bypass as lists show it.
#[derive(Debug, Serialize)]
pub(super) struct ListedBypass {
    pub(super) id: String,
    pub(super) title: String,
    state: &'static str,
    class: &'static str,
    pub(super) when: String,
    covers: Option<String>,
    is_editable: bool,
    is_over: bool,
    #[serde(skip)]
    pub(super) is_valid: bool,
}

/// Returns the periods now, to come, without effect, and over.
pub(super) fn groups(visit: &Visit<'_>, config: &Config) -> Vec<PeriodGroup> {
    let count = config.rules.schedule.periods().len();
    let mut all: Vec<_> = (0..count).filter_map(|index| listed(visit, config, index)).collect();
    all.sort_by_key(|period| period.at);
    let mut groups = [
        (PeriodPhase::Active, "now", "Now"),
        (PeriodPhase::ToCome, "to-come", "To come"),
        (PeriodPhase::NotEnabled, "not-enabled", "Not enabled"),
        (PeriodPhase::Over, "over", "Over"),
    ]
    .map(|(phase, id, title)| (phase, PeriodGroup { id, title: title.to_owned(), periods: Vec::new() }));
    for period in all {
        if let Some((_, group)) = groups.iter_mut().find(|(phase, _)| *phase == period.phase) {
            group.periods.push(period);
        }
    }
    groups.into_iter().map(|(phase, group)| shortened(group, phase == PeriodPhase::Over)).collect()
}

/// Shortens a long list. The last to end comes first of those that are over.
fn shortened(mut group: PeriodGroup, is_over: bool) -> PeriodGroup {
    if is_over {
        group.periods.reverse();
    }
    let count = group.periods.len();
    if count > MAX_LISTED {
        group.title = format!("{} (the first {MAX_LISTED} of {count})", group.title);
        group.periods.truncate(MAX_LISTED);
    }
    group
}

/// Returns the period of an index as lists show it.
pub(super) fn listed(visit: &Visit<'_>, config: &Config, index: usize) -> Option<ListedPeriod> {
    let period = config.rules.schedule.periods().get(index)?;
    let phase = period.phase(visit.now);
    let class = match phase {
        PeriodPhase::Active => "active",
        PeriodPhase::ToCome => "on",
        PeriodPhase::NotEnabled | PeriodPhase::Over => "off",
    };
    let message = config.rules.responses.get(index).and_then(|response| response.message.as_ref());
    let message = message.and_then(|message| message.text(config.page.lang)).map(|text| shorten(text, 160));
    let occurrence = occurrence(period, visit.now);
    let zone = period.zone(&config.timezone);
    Some(ListedPeriod {
        id: visit.ids.get(index)?.clone(),
        title: title(period),
        cause: period.name.clone().unwrap_or_else(|| period.title()),
        state: phase.as_str(),
        class,
        is_active: phase == PeriodPhase::Active,
        is_enabled: period.enabled,
        is_editable: index >= first_editable(config),
        line: period.line,
        when: occurrence.map_or_else(String::new, |occurrence| when(occurrence, zone, visit.now)),
        repeats: period.series().map(|series| {
            let (cron, lasts) = (&series.expression, length(series.length));
            format!("Repeats: {cron}, for {lasts}, in {}", zone_name(&series.zone))
        }),
        covers: describe_scope(&period.scope.texts()),
        message,
        at: occurrence.map(|occurrence| occurrence.start),
        phase,
    })
}

/// Returns the name of a period for operators.
pub(super) fn title(period: &Period) -> String {
    period.name.clone().unwrap_or_else(|| format!("Without a name ({})", period.place()))
}

/// Returns the running occurrence of a period, or the next one, or the last one.
fn occurrence(period: &Period, now: Timestamp) -> Option<Occurrence> {
    // A disabled period shows when it would be active.
    let period = Period { enabled: true, ..period.clone() };
    let last = || {
        let series = period.series()?;
        series.last_start(now).map(|start| series.occurrence(start))
    };
    period.active(now).or_else(|| period.next(now)).or_else(|| period.once()).or_else(last)
}

fn when(occurrence: Occurrence, zone: &TimeZone, now: Timestamp) -> String {
    let shown = span(occurrence, zone).join(" ").replace(" open-ended", ", with no known end");
    let Occurrence { start, end } = occurrence;
    let relative = match end {
        _ if start > now => distance(start, now),
        Some(end) if end > now => format!("{} left", time_left(end, now)),
        Some(end) => distance(end, now),
        None => format!("for {}", length(now.duration_since(start))),
    };
    format!("{shown}; {relative}")
}

/// Returns the bypasses.
pub(super) fn bypasses(visit: &Visit<'_>, config: &Config) -> Vec<ListedBypass> {
    config.rules.bypasses.all().iter().map(|bypass| listed_bypass(bypass, config, visit.now)).collect()
}

/// Returns a bypass as lists show it.
pub(super) fn listed_bypass(bypass: &Bypass, config: &Config, now: Timestamp) -> ListedBypass {
    let phase = bypass.phase(now);
    let at = |at| format!("{}, {}", moment(at, &config.timezone), distance(at, now));
    let (state, class, when) = match phase {
        BypassPhase::Valid => ("valid", "on", format!("Until {}", at(bypass.until))),
        BypassPhase::TooEarly => {
            let from = at(bypass.valid_from());
            ("not yet", "off", format!("Lets nobody in before {from}: its end is more than 30 days ahead"))
        }
        BypassPhase::Over => ("over", "off", format!("Over since {}", at(bypass.until))),
    };
    ListedBypass {
        id: bypass_id(bypass),
        title: bypass.name.clone().unwrap_or_else(|| format!("Without a name ({})", bypass.place())),
        state,
        class,
        when,
        covers: describe_scope(&bypass.scope.texts()),
        is_editable: is_editable_bypass(config, bypass),
        is_over: phase == BypassPhase::Over,
        is_valid: phase == BypassPhase::Valid,
    }
}

/// Formats a time in a zone, such as `Sat 2026-06-06 23:30 -04`.
pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let [text, _] = span(Occurrence { start: at, end: None }, zone);
    text
}
