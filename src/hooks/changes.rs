//! Finds events in the states that a schedule goes through: a state machine over snapshots and time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::event::{Event, EventFacts};
use crate::config::hooks::EventKind;
use crate::schedule::period::{Occurrence, Period};
use crate::schedule::state::{Active, ScheduleState, State};
use crate::snapshot::{Phase, Snapshot};
use crate::summary::{causes, since};

/// How long before a planned downtime `soon` is told.
const SOON: SignedDuration = SignedDuration::from_mins(15);
/// How long a period without an end is active before it counts as forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

/// What was seen last, and what was told.
#[derive(Debug)]
pub(super) struct Changes {
    phase: Arc<Phase>,
    state: State,
    /// The next outages of the phase.
    upcoming: Vec<Occurrence>,
    /// The starts of outages that were told, and have not passed.
    told_soon: BTreeSet<Timestamp>,
    open: HashMap<OpenPeriod, Open>,
}

/// An active period without an end. Its line is not part of it: an edit may move it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OpenPeriod {
    name: Option<String>,
    start: Timestamp,
    /// The number of such periods before it in the file: those without a name may start together.
    number: usize,
}

/// Since when a period is known to be active, and whether `forgotten` was told.
#[derive(Clone, Copy, Debug)]
struct Open {
    since: Timestamp,
    is_told: bool,
}

impl Changes {
    /// Begins with the state at `now`. What is due by then counts as told.
    pub(super) fn new(snapshot: &Snapshot, now: Timestamp) -> Self {
        let phase = snapshot.phase(now);
        let upcoming = upcoming(snapshot, &phase.state, now);
        let told_soon = upcoming.iter().map(|next| next.start).filter(|start| is_soon(*start, now)).collect();
        let open = open_periods(snapshot, &phase.state).map(|(key, active)| {
            let since = active.occurrence.start;
            (key, Open { since, is_told: is_forgotten(since, now) })
        });
        Self { state: phase.state.state(), open: open.collect(), phase, upcoming, told_soon }
    }

    /// Returns the events since the last call, in order.
    pub(super) fn update(&mut self, snapshot: &Snapshot, now: Timestamp) -> Vec<Event> {
        let phase = snapshot.phase(now);
        if !Arc::ptr_eq(&phase, &self.phase) {
            self.upcoming = upcoming(snapshot, &phase.state, now);
            self.phase = phase;
        }
        let mut events: Vec<_> = self.change_of_state(snapshot, now).into_iter().collect();
        events.extend(self.soon(snapshot, now));
        events.extend(self.forgotten(snapshot, now));
        events
    }

    fn change_of_state(&mut self, snapshot: &Snapshot, now: Timestamp) -> Option<Event> {
        let state = self.phase.state.state();
        if std::mem::replace(&mut self.state, state) == state {
            return None;
        }
        let kind = match state {
            State::Up => EventKind::Up,
            State::Partial => EventKind::Partial,
            State::Down => EventKind::Down,
        };
        let facts = EventFacts::of_state(snapshot, now);
        let (schedule, state) = (&snapshot.config.rules.schedule, &self.phase.state);
        let start = since(schedule, state).map(|start| start.to_string());
        let deciding = causes(schedule, state).next().map(|active| active.period);
        let facts = EventFacts { start, ..facts }.with_message(snapshot, deciding);
        Some(Event::new(kind, now, facts))
    }

    fn soon(&mut self, snapshot: &Snapshot, now: Timestamp) -> Vec<Event> {
        self.told_soon.retain(|start| *start > now);
        let due = self.upcoming.iter().filter(|next| is_soon(next.start, now));
        let new: Vec<_> = due.copied().filter(|next| self.told_soon.insert(next.start)).collect();
        new.into_iter().map(|next| planned(snapshot, next, now)).collect()
    }

    fn forgotten(&mut self, snapshot: &Snapshot, now: Timestamp) -> Vec<Event> {
        let mut before = std::mem::take(&mut self.open);
        let mut events = Vec::new();
        for (key, active) in open_periods(snapshot, &self.phase.state) {
            // A period that an edit makes active has not been so since its start.
            let new = Open { since: active.occurrence.start.max(now), is_told: false };
            let mut open = before.remove(&key).unwrap_or(new);
            if !open.is_told && is_forgotten(open.since, now) {
                open.is_told = true;
                events.push(forgotten(snapshot, active, now));
            }
            self.open.insert(key, open);
        }
        events
    }
}

fn is_soon(start: Timestamp, now: Timestamp) -> bool {
    start > now && start.duration_since(now) <= SOON
}

fn is_forgotten(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) >= FORGOTTEN
}

/// Returns the next outage; and while the site is partly down, the next one of the whole site too.
fn upcoming(snapshot: &Snapshot, state: &ScheduleState, now: Timestamp) -> Vec<Occurrence> {
    let schedule = &snapshot.config.rules.schedule;
    let is_partial = state.state() == State::Partial;
    let whole = is_partial.then(|| schedule.next_outage(state, now, |period| schedule.is_unscoped(period)));
    state.next.into_iter().chain(whole.flatten()).collect()
}

fn open_periods(snapshot: &Snapshot, state: &ScheduleState) -> impl Iterator<Item = (OpenPeriod, Active)> {
    let periods = snapshot.config.rules.schedule.periods();
    let open = state.active.iter().filter(|active| active.occurrence.end.is_none());
    let mut numbers = HashMap::new();
    open.filter_map(move |active| {
        let (name, start) = (periods.get(active.period)?.name.clone(), active.occurrence.start);
        let before = numbers.entry((name.clone(), start)).or_insert(0);
        let number = std::mem::replace(before, *before + 1);
        Some((OpenPeriod { name, start, number }, *active))
    })
}

/// Returns the event of an outage that begins soon. It is about the first period that begins it, if possible one of the whole site.
fn planned(snapshot: &Snapshot, next: Occurrence, now: Timestamp) -> Event {
    let periods = snapshot.config.rules.schedule.periods();
    let begins = |period: &Period| period.next(now).is_some_and(|other| other.start == next.start);
    let beginning = periods.iter().enumerate().filter(|(_, period)| begins(period));
    let period = beginning.min_by_key(|(index, period)| (!period.scope.is_all(), *index));
    let facts = EventFacts {
        start: Some(next.start.to_string()),
        until: next.end.map(|end| end.to_string()),
        period: period.and_then(|(_, period)| period.name.clone()),
        ..EventFacts::of_state(snapshot, now)
    };
    let facts = facts.with_message(snapshot, period.map(|(index, _)| index));
    Event::new(EventKind::Soon, now, facts)
}

fn forgotten(snapshot: &Snapshot, active: Active, now: Timestamp) -> Event {
    let period = snapshot.config.rules.schedule.periods().get(active.period);
    let facts = EventFacts {
        start: Some(active.occurrence.start.to_string()),
        until: None,
        period: period.and_then(|period| period.name.clone()),
        ..EventFacts::of_state(snapshot, now)
    };
    Event::new(EventKind::Forgotten, now, facts.with_message(snapshot, Some(active.period)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::snapshot::Snapshots;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn config(text: &str) -> Config {
        crate::config::load::preview(std::path::Path::new("downtime.toml"), &format!("# periods\n{text}"))
            .config
            .unwrap()
    }

    /// A period from one minute to another; without an end if that is 0.
    fn period(name: &str, start: i64, end: i64, more: &str) -> String {
        let end = if end == 0 { String::new() } else { format!("end = {}\n", at(end)) };
        format!("[[period]]\nname = \"{name}\"\nstart = {}\n{end}{more}\n", at(start))
    }

    const SCOPED: &str = "methods = [\"POST\"]";
    const DAY: i64 = 24 * 60;

    /// Looks each minute, and returns the events with the minute of each.
    fn events(text: &str, minutes: std::ops::RangeInclusive<i64>) -> Vec<(i64, String)> {
        let snapshot = Snapshot::new(config(text), 1, String::new(), at(*minutes.start()));
        let mut changes = Changes::new(&snapshot, at(*minutes.start()));
        let at_minute = |minute| {
            let found = changes.update(&snapshot, at(minute));
            found.into_iter().map(move |event| (minute, describe(&event))).collect::<Vec<_>>()
        };
        minutes.flat_map(at_minute).collect()
    }

    fn describe(event: &Event) -> String {
        let minute = |time: &Option<String>| {
            time.as_ref()
                .map_or("-".into(), |time| (time.parse::<Timestamp>().unwrap().as_second() / 60).to_string())
        };
        let EventFacts { state, until, start, period, .. } = &event.facts;
        let (kind, state) = (event.kind.as_str(), state.unwrap_or_default());
        format!("{kind} {state} {} {} {}", minute(start), minute(until), period.as_deref().unwrap_or("-"))
    }

    #[test]
    fn each_change_of_the_state_is_told_once_and_a_planned_one_before() {
        let whole = period("whole", 100, 110, "");
        for (text, expected) in [
            (String::new(), &[][..]),
            (
                whole.clone(),
                &[(85, "soon up 100 110 whole"), (100, "down down 100 110 whole"), (110, "up up - - -")],
            ),
            (
                period("part", 100, 110, SCOPED),
                &[(85, "soon up 100 110 part"), (100, "partial partial 100 110 part"), (110, "up up - - -")],
            ),
            (
                whole.clone() + &period("longer", 105, 120, ""),
                &[(85, "soon up 100 120 whole"), (100, "down down 100 120 whole"), (120, "up up - - -")],
            ),
            (
                period("part", 80, 130, SCOPED) + &whole,
                &[
                    (65, "soon up 80 130 part"),
                    (80, "partial partial 80 100 part"),
                    (85, "soon partial 100 110 whole"),
                    (100, "down down 100 110 whole"),
                    (110, "partial partial 80 130 part"),
                    (130, "up up - - -"),
                ],
            ),
            (
                whole + &period("again", 115, 120, ""),
                &[
                    (85, "soon up 100 110 whole"),
                    (100, "down down 100 110 whole"),
                    (100, "soon down 115 120 again"),
                    (110, "up up - - -"),
                    (115, "down down 115 120 again"),
                    (120, "up up - - -"),
                ],
            ),
            (period("off", 100, 110, "enabled = false"), &[]),
        ] {
            let found = events(&text, 50..=200);
            let found: Vec<_> = found.iter().map(|(minute, event)| (*minute, event.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_start_tells_nothing() {
        let text = period("old", 0, 0, "") + &period("part", 0, 0, SCOPED);
        assert_eq!(events(&text, 2 * DAY..=2 * DAY + 60), []);
        assert_eq!(events(&period("near", 100, 110, ""), 90..=99), []);
    }

    #[test]
    fn a_period_without_an_end_is_forgotten_after_24_hours_once() {
        let text =
            period("open", 100, 0, "") + &period("part", 200, 0, SCOPED) + &period("ends", 10, 9 * DAY, "");
        let found = events(&text, 150..=4 * DAY);
        let expected = [(100 + DAY, "forgotten down 100 - open"), (200 + DAY, "forgotten down 200 - part")];
        let expected = expected.map(|(minute, event)| (minute, event.to_owned()));
        let forgotten: Vec<_> =
            found.into_iter().filter(|(_, event)| event.starts_with("forgotten")).collect();
        assert_eq!(forgotten, expected);
    }

    #[test]
    fn periods_without_a_name_that_start_together_are_each_forgotten_once() {
        let unnamed = format!("[[period]]\nstart = {}\n", at(100));
        let text = format!("{unnamed}methods = [\"POST\"]\n{unnamed}paths = [\"/shop/**\"]\n");
        let found = events(&text, 150..=3 * DAY);
        assert_eq!(found, [(); 2].map(|()| (100 + DAY, "forgotten partial 100 - -".to_owned())));
    }

    #[test]
    fn an_edit_is_told_as_a_change_and_a_period_counts_from_when_it_became_active() {
        let texts = [
            (String::new(), "# nothing"),
            (period("old", 0, 0, ""), "down down 0 - old"),
            (format!("# a line\n{}", period("old", 0, 0, "")), ""),
            (period("old", 0, 0, "") + &period("near", 5 * DAY + 10, 5 * DAY + 20, ""), ""),
            (period("near", 5 * DAY + 10, 5 * DAY + 20, ""), "up up - - -, soon up 7210 7220 near"),
            (period("near", 5 * DAY + 10, 5 * DAY + 30, ""), ""),
            (period("near", 5 * DAY + 12, 5 * DAY + 30, ""), "soon up 7212 7230 near"),
        ];
        let now = at(5 * DAY);
        let snapshots = Snapshots::new(config(""), String::new(), now);
        let mut changes = Changes::new(&snapshots.current(), now);
        for (text, expected) in texts.iter().skip(1) {
            let snapshot = snapshots.apply(config(text), String::new(), now);
            let found: Vec<_> = changes.update(&snapshot, now).iter().map(describe).collect();
            assert_eq!(found.join(", "), *expected, "{text}");
        }
        let snapshot = snapshots.apply(config(&period("old", 0, 0, "")), String::new(), now);
        changes.update(&snapshot, now);
        for (minute, expected) in [(DAY - 1, ""), (DAY, "forgotten down 0 - old"), (DAY + 1, "")] {
            let found: Vec<_> =
                changes.update(&snapshot, at(5 * DAY + minute)).iter().map(describe).collect();
            assert_eq!(found.join(", "), expected, "after {minute} minutes");
        }
    }
}
