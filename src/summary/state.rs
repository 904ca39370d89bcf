//! The state, told apart by whole and part: until when the site is wholly down, and what stays down after that.

use jiff::Timestamp;

use crate::config::Config;
use crate::schedule::human_time::{length, local};
use crate::schedule::period::Period;
use crate::schedule::state::{Active, Schedule, ScheduleState, State};

/// A stretch of time in one state, which is not up.
struct Interval {
    state: State,
    /// When another state begins, if that is known.
    until: Option<Timestamp>,
    /// The periods that make it, by index.
    periods: Vec<usize>,
}

/// The state at `now` in a line: `down until …, in 3 h 20 min: "db-upgrade"`.
pub fn state_line(config: &Config, moment: &ScheduleState, now: Timestamp) -> String {
    let schedule = &config.rules.schedule;
    let in_time =
        |at: Timestamp| format!("{}, in {}", local(at, &config.timezone), length(at.duration_since(now)));
    let Some(first) = Interval::at(schedule, moment, now) else {
        return match moment.next {
            Some(next) => format!("up; the next downtime starts at {}", in_time(next.start)),
            None => "up; no downtime is planned".into(),
        };
    };
    let describe = |stretch: &Interval| {
        let titles = stretch.periods.iter().filter_map(|&index| schedule.periods().get(index));
        let titles: Vec<_> = titles.map(Period::title).collect();
        let until =
            stretch.until.map_or(", with no known end".into(), |at| format!(" until {}", in_time(at)));
        format!("{}{until}: {}", stretch.word(), titles.join(", "))
    };
    let mut parts = vec![describe(&first)];
    if let Some((second, moment)) = first.next(schedule, moment) {
        parts.push(describe(&second));
        parts.extend(second.next(schedule, &moment).map(|(third, _)| format!("{} again", third.word())));
    }
    parts.join("; then ")
}

/// When the state that holds at `now` ends: of `down`, when no period without a scope is active any more; of `partial`, when
/// none is active, or one without a scope is.
pub(super) fn until(schedule: &Schedule, moment: &ScheduleState, now: Timestamp) -> Option<Timestamp> {
    Interval::at(schedule, moment, now)?.until
}

/// When the first of the periods began that make the state.
pub(super) fn since(schedule: &Schedule, moment: &ScheduleState) -> Option<Timestamp> {
    making(schedule, moment).map(|active| active.occurrence.start).min()
}

/// The active periods that make the state, the one that decides first: while it is down, those without a scope.
pub(super) fn making<'a>(
    schedule: &'a Schedule,
    moment: &'a ScheduleState,
) -> impl Iterator<Item = &'a Active> {
    let is_down = moment.state() == State::Down;
    moment.active.iter().filter(move |active| !is_down || is_whole(schedule, active.period))
}

fn is_whole(schedule: &Schedule, period: usize) -> bool {
    schedule.periods().get(period).is_some_and(|period| period.scope.is_all())
}

impl Interval {
    /// The one that `now` is in.
    fn at(schedule: &Schedule, moment: &ScheduleState, now: Timestamp) -> Option<Self> {
        let whole = |period| is_whole(schedule, period);
        let until = match moment.state() {
            State::Up => return None,
            State::Down => moment.passes_at(whole, now),
            State::Partial => {
                let down = schedule.next_outage(moment, now, whole).map(|next| next.start);
                moment.back_at(now).into_iter().chain(down).min()
            }
        };
        let periods = making(schedule, moment).map(|active| active.period).collect();
        Some(Self { state: moment.state(), until, periods })
    }

    /// The stretch right after this one, of the moment given, and its moment.
    fn next(&self, schedule: &Schedule, moment: &ScheduleState) -> Option<(Self, ScheduleState)> {
        let at = self.until?;
        let moment = schedule.after(moment, at);
        Some((Self::at(schedule, &moment, at)?, moment))
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

    /// The line and the end of the state at minute 0, of periods of (whole, start, end) in minutes; an end of 0 is open.
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
        let moment = config.rules.schedule.at(at(0));
        let line = state_line(&config, &moment, at(0));
        let until = until(&config.rules.schedule, &moment, at(0));
        (line.replace("1970-01-01 ", "").replace(":00 +00:00", ""), until.map(|at| at.as_second() / 60))
    }

    #[test]
    fn whole_and_part_are_told_apart() {
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
