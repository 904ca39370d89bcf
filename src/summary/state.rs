//! The state of the site: until when all of it is down, and which parts stay down after that.

use jiff::Timestamp;

use crate::config::Config;
use crate::schedule::human_time::{local, time_left};
use crate::schedule::period::Period;
use crate::schedule::state::{Active, Schedule, ScheduleState, State};

/// A span of time in which the site is in one state other than up.
struct Interval {
    state: State,
    /// The time at which the state changes, if known.
    until: Option<Timestamp>,
    /// The indices of the periods that cause the state.
    periods: Vec<usize>,
}

/// Describes the state at `now` in one line: `down until …, in 3 h 20 min: "db-upgrade"`.
pub fn state_line(config: &Config, state: &ScheduleState, now: Timestamp) -> String {
    describe(config, state, now, None, |at| with_time_left(config, at, now))
}

/// Like [`state_line`], and also says since when: `down since … until …, in 3 h 20 min: "db-upgrade"`.
pub fn state_line_since(config: &Config, state: &ScheduleState, now: Timestamp) -> String {
    describe(config, state, now, since(&config.rules.schedule, state), |at| with_time_left(config, at, now))
}

fn with_time_left(config: &Config, at: Timestamp, now: Timestamp) -> String {
    format!("{}, in {}", local(at, &config.timezone), time_left(at, now))
}

/// Like [`state_line`], without the time that is left: true until the state changes.
pub fn lasting_state_line(config: &Config, state: &ScheduleState, now: Timestamp) -> String {
    describe(config, state, now, None, |at| local(at, &config.timezone))
}

fn describe(
    config: &Config,
    state: &ScheduleState,
    now: Timestamp,
    since: Option<Timestamp>,
    in_time: impl Fn(Timestamp) -> String,
) -> String {
    let schedule = &config.rules.schedule;
    let Some(first) = Interval::at(schedule, state, now) else {
        return match state.next {
            Some(next) => format!("up; the next downtime starts at {}", in_time(next.start)),
            None => "up; no downtime is planned".into(),
        };
    };
    let describe = |interval: &Interval, since: Option<Timestamp>| {
        let titles = interval.periods.iter().filter_map(|&index| schedule.periods().get(index));
        let titles: Vec<_> = titles.map(Period::title).collect();
        let until =
            interval.until.map_or(", with no known end".into(), |at| format!(" until {}", in_time(at)));
        let since = since.map_or(String::new(), |at| format!(" since {}", local(at, &config.timezone)));
        format!("{}{since}{until}: {}", interval.word(), titles.join(", "))
    };
    let mut parts = vec![describe(&first, since)];
    if let Some((second, state)) = first.next(schedule, state) {
        parts.push(describe(&second, None));
        parts.extend(second.next(schedule, &state).map(|(third, _)| format!("{} again", third.word())));
    }
    parts.join("; then ")
}

/// The state, as fields of a log line.
#[derive(Debug)]
pub struct StateFields {
    /// `up`, `partial` or `down`.
    pub state: &'static str,
    /// The end of this state in RFC 3339, if it is known.
    pub until: Option<String>,
    /// The name of the deciding period, if it has one.
    pub period: Option<String>,
}

impl StateFields {
    /// The state at `now`.
    pub fn new(schedule: &Schedule, state: &ScheduleState, now: Timestamp) -> Self {
        let deciding =
            causes(schedule, state).next().and_then(|active| schedule.periods().get(active.period));
        Self {
            state: state.state().as_str(),
            until: until(schedule, state, now).map(|until| until.to_string()),
            period: deciding.and_then(|period| period.name.clone()),
        }
    }
}

/// Returns when the state at `now` ends. `down` ends when no period without a scope is active; `partial` ends when no
/// period is active, or when one without a scope is.
pub fn until(schedule: &Schedule, state: &ScheduleState, now: Timestamp) -> Option<Timestamp> {
    Interval::at(schedule, state, now)?.until
}

/// Returns when the earliest of the periods that cause the state began.
pub fn since(schedule: &Schedule, state: &ScheduleState) -> Option<Timestamp> {
    causes(schedule, state).map(|active| active.occurrence.start).min()
}

/// Returns the active periods that cause the state, the deciding one first. While the site is down, they are those
/// without a scope.
pub fn causes<'a>(schedule: &'a Schedule, state: &'a ScheduleState) -> impl Iterator<Item = &'a Active> {
    let is_down = state.state() == State::Down;
    state.active.iter().filter(move |active| !is_down || schedule.is_unscoped(active.period))
}

impl Interval {
    /// Returns the interval that contains `now`.
    fn at(schedule: &Schedule, state: &ScheduleState, now: Timestamp) -> Option<Self> {
        let whole = |period| schedule.is_unscoped(period);
        let until = match state.state() {
            State::Up => return None,
            State::Down => state.passes_at(whole, now),
            State::Partial => {
                let down = schedule.next_outage(state, now, whole).map(|next| next.start);
                state.back_at(now).into_iter().chain(down).min()
            }
        };
        let periods = causes(schedule, state).map(|active| active.period).collect();
        Some(Self { state: state.state(), until, periods })
    }

    /// Returns the interval right after this one, and its state; `state` is that of this one.
    fn next(&self, schedule: &Schedule, state: &ScheduleState) -> Option<(Self, ScheduleState)> {
        let at = self.until?;
        let state = schedule.after(state, at);
        Some((Self::at(schedule, &state, at)?, state))
    }

    fn word(&self) -> &'static str {
        match self.state {
            State::Partial => "partly down",
            State::Up | State::Down => "down",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Returns the line and the end of the state at minute 0, for periods of (whole, start, end) in minutes; an end of
    /// 0 is open.
    fn state(periods: &[(bool, i64, i64)]) -> (String, Option<i64>) {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let table = |(index, &(whole, start, end)): (usize, &(bool, i64, i64))| {
            let scope = if whole { "" } else { "methods = [\"POST\"]\n" };
            let end = if end == 0 { String::new() } else { format!("end = {}\n", at(end)) };
            format!("[[period]]\nname = \"p{index}\"\nstart = {}\n{end}{scope}", at(start))
        };
        let text: String = periods.iter().enumerate().map(table).collect();
        let text = format!("# periods\n{text}");
        let config = crate::config::load::preview(Path::new("downtime.toml"), &text).config.unwrap();
        let state = config.rules.schedule.at(at(0));
        let line = state_line(&config, &state, at(0));
        let until = until(&config.rules.schedule, &state, at(0));
        (line.replace("1970-01-01 ", "").replace(":00 +00:00", ""), until.map(|at| at.as_second() / 60))
    }

    #[test]
    fn whole_and_partial_downtime_are_distinguished() {
        for (periods, line, until) in [
            (&[][..], "up; no downtime is planned", None),
            (&[(true, -1, 5)], "down until 00:05, in 5 min: \"p0\"", Some(5)),
            (&[(true, -1, 0)], "down, with no known end: \"p0\"", None),
            (
                &[(false, -1, 99), (true, -1, 5)],
                "down until 00:05, in 5 min: \"p1\"; then partly down until 01:39, in 1 h 39 min: \"p0\"",
                Some(5),
            ),
            (
                &[(false, -1, 0), (true, -1, 5)],
                "down until 00:05, in 5 min: \"p1\"; then partly down, with no known end: \"p0\"",
                Some(5),
            ),
            (&[(false, -1, 3), (true, -1, 5)], "down until 00:05, in 5 min: \"p1\"", Some(5)),
            (
                &[(false, 5, 9), (true, -1, 5)],
                "down until 00:05, in 5 min: \"p1\"; then partly down until 00:09, in 9 min: \"p0\"",
                Some(5),
            ),
            (&[(false, 6, 9), (true, -1, 5)], "down until 00:05, in 5 min: \"p1\"", Some(5)),
            (&[(true, -1, 5), (true, 5, 8)], "down until 00:08, in 8 min: \"p0\"", Some(8)),
            (&[(false, -1, 9)], "partly down until 00:09, in 9 min: \"p0\"", Some(9)),
            (
                &[(false, -1, 9), (true, 5, 20)],
                "partly down until 00:05, in 5 min: \"p0\"; then down until 00:20, in 20 min: \"p1\"",
                Some(5),
            ),
            (
                &[(false, -1, 9), (true, 9, 20)],
                "partly down until 00:09, in 9 min: \"p0\"; then down until 00:20, in 20 min: \"p1\"",
                Some(9),
            ),
            (&[(false, -1, 9), (true, 10, 20)], "partly down until 00:09, in 9 min: \"p0\"", Some(9)),
            (
                &[(false, -1, 0), (true, 5, 20)],
                "partly down until 00:05, in 5 min: \"p0\"; then down until 00:20, in 20 min: \"p1\"; then partly down again",
                Some(5),
            ),
            (
                &[(false, -1, 30), (true, -1, 5), (true, 9, 12)],
                "down until 00:05, in 5 min: \"p1\"; then partly down until 00:09, in 9 min: \"p0\"; then down again",
                Some(5),
            ),
        ] {
            assert_eq!(state(periods), (line.to_owned(), until), "{periods:?}");
        }
    }
}
