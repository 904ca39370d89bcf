//! The timeline: a chart of the next days of the plan.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::chart::{Cell, Chart, ChartStyle, Row, draw, labelled};
use crate::config::Config;
use crate::escape::escape;
use crate::schedule::human_time::length;
use crate::schedule::period::{Occurrence, Period};
use crate::schedule::series::before;
use crate::schedule::zone::{self, Fold};

/// The number of columns. With labels and a mark at the end, lines have 80 characters.
const WIDTH: usize = 56;
/// The width of a date.
const DATE_WIDTH: usize = 5;
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The lengths of a chart in days, each a divisor of its width, and the days from label to label.
const DAYS: [(i32, usize); 3] = [(7, 1), (14, 2), (28, 7)];

/// The next days of the plan, to be drawn.
#[derive(Debug)]
pub struct NextDays {
    /// The start of the first day.
    pub from: Timestamp,
    /// The end of the last day.
    pub to: Timestamp,
    /// The days: their starts and dates in the time zone of the file.
    pub days: Vec<(Timestamp, Date)>,
    /// The periods that are active on these days: their indices and occurrences.
    pub rows: Vec<(usize, Vec<Occurrence>)>,
}

/// Returns the next days of the plan: the days that the timeline shows, or seven if it shows none.
pub fn next_days(config: &Config, now: Timestamp) -> Option<NextDays> {
    let zone = &config.timezone;
    let periods = config.rules.schedule.periods();
    let from = midnight(now, zone, 0)?;
    let (days, _) = days(periods, from, now).unwrap_or(DAYS[0]);
    let to = from.checked_add(DAY * days).ok()?;
    let chart = Chart::new(from, to, WIDTH);
    let midnights = (0..).map_while(|day| midnight(from, zone, day)).take_while(|at| *at < to);
    let days = midnights.map(|at| (at, zone.to_datetime(at).date())).collect();
    let rows = periods.iter().map(|period| row(period, &chart).spans).enumerate();
    Some(NextDays { from, to, days, rows: rows.filter(|(_, spans)| !spans.is_empty()).collect() })
}

/// Draws the next days of the plan. Returns nothing if no period is active in the next four weeks.
pub fn timeline(config: &Config, now: Timestamp, style: ChartStyle) -> Vec<String> {
    let zone = &config.timezone;
    let periods = config.rules.schedule.periods();
    let Some(from) = midnight(now, zone, 0) else { return Vec::new() };
    let Some((days, step)) = days(periods, from, now) else { return Vec::new() };
    let chart = Chart::new(from, from.checked_add(DAY * days).unwrap_or(Timestamp::MAX), WIDTH);
    let rows = periods.iter().map(|period| row(period, &chart)).filter(|row| !row.spans.is_empty());
    let mut lines = heading(&chart, now, zone, step, style);
    lines.extend(draw(rows, &chart, style));
    lines
}

/// Returns the shortest length that shows the next start of each period that starts within four weeks.
fn days(periods: &[Period], from: Timestamp, now: Timestamp) -> Option<(i32, usize)> {
    let end = |days: i32| from.checked_add(DAY * days).unwrap_or(Timestamp::MAX);
    let next = |period: &Period| {
        let running = period.active(now).map(|_| now);
        running.into_iter().chain(period.next(now).map(|next| next.start)).filter(|at| *at < end(28)).max()
    };
    let last = periods.iter().filter_map(next).max()?;
    DAYS.into_iter().find(|&(days, _)| last < end(days))
}

/// Returns the start of the day that is `days` days after that of `at`.
fn midnight(at: Timestamp, zone: &TimeZone, days: usize) -> Option<Timestamp> {
    let mut date = zone.to_datetime(at).date();
    for _ in 0..days {
        date = date.tomorrow().ok()?;
    }
    zone::resolve(zone, date.to_datetime(Time::midnight()), Fold::First)
}

fn row(period: &Period, chart: &Chart) -> Row {
    let before = before(chart.from);
    // A few occurrences per column are enough.
    let apart = chart.column / 8;
    let first = period.active(before).or_else(|| period.next(before));
    let next = |last: &Occurrence| period.next(last.start.max(before).checked_add(apart).ok()?);
    let spans = std::iter::successors(first, next).take_while(|span| span.start < chart.to());
    Row {
        label: period
            .name
            .as_ref()
            .map_or_else(|| escape(&period.place()).into_owned(), |name| escape(name).into_owned()),
        whole: period.scope.is_all(),
        spans: spans.filter(|span| !chart.columns(*span).is_empty()).collect(),
    }
}

fn heading(chart: &Chart, now: Timestamp, zone: &TimeZone, step: usize, style: ChartStyle) -> Vec<String> {
    let midnights = (0..).map_while(|day| midnight(chart.from, zone, day)).take_while(|at| *at < chart.to());
    let days: Vec<_> =
        midnights.filter_map(|at| Some((chart.column(at)?, zone.to_datetime(at).date()))).collect();
    let mut ruler = vec![if style.blocks { '·' } else { '.' }; chart.width];
    let marks = days.iter().map(|&(column, _)| (column, if style.blocks { '│' } else { '|' }));
    let now_mark = chart.column(now).map(|column| (column, if style.blocks { '▼' } else { 'v' }));
    for (column, mark) in marks.chain(now_mark) {
        if let Some(place) = ruler.get_mut(column) {
            *place = mark;
        }
    }
    let label = |format: &str| {
        let mut line = String::new();
        for (column, date) in
            days.iter().step_by(step).filter(|(column, _)| column + DATE_WIDTH <= chart.width)
        {
            line = format!("{line:column$}{}", date.strftime(format));
        }
        line
    };
    let hours = length(chart.column);
    let key = |cell| style.paint(cell, style.cell(cell));
    vec![
        format!(
            "timeline  a column is {hours}; {now} now, {down} down, {partial} partly down, {several} several at once",
            now = if style.blocks { '▼' } else { 'v' },
            down = key(Cell::Down),
            partial = key(Cell::Partial),
            several = key(Cell::Overlap),
        ),
        labelled(zone.iana_name().unwrap_or_default(), &label("%a")),
        labelled("", &label("%m-%d")),
        labelled("", &ruler.into_iter().collect::<String>()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::scope::Scope;
    use crate::schedule::period::Timing;

    const ASCII: ChartStyle = ChartStyle { blocks: false, colour: false };

    #[test]
    fn columns_are_elapsed_time_and_days_are_marked_at_their_start() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (from, days, ruler) in [
            ("2026-03-28T23:00:00Z", 2, "|.v........|..........."),
            ("2026-10-24T22:00:00Z", 2, "|.v.........|..........."),
        ] {
            let from: Timestamp = from.parse().unwrap();
            let columns = ruler.len();
            let chart = Chart { from, column: SignedDuration::from_hours(2), width: columns };
            let now = from + SignedDuration::from_hours(5);
            let lines = heading(&chart, now, &berlin, 1, ASCII);
            assert_eq!(lines[3].trim_start(), ruler, "{from} {days}");
        }
    }

    #[test]
    fn the_shortest_chart_that_shows_each_next_start_is_chosen() {
        let hour = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        let period = |start: i64| Period {
            name: None,
            line: 1,
            file: None,
            enabled: true,
            unscheduled: false,
            timing: Timing::Once(Occurrence { start: hour(start), end: Some(hour(start + 1)) }),
            scope: Scope::default(),
        };
        for (starts, expected) in [
            (&[][..], None),
            (&[9], None),
            (&[10], Some(7)),
            (&[7 * 24 - 1], Some(7)),
            (&[7 * 24, 11], Some(14)),
            (&[14 * 24], Some(28)),
            (&[28 * 24 - 1], Some(28)),
            (&[28 * 24], None),
            (&[28 * 24, 11], Some(7)),
        ] {
            let periods: Vec<_> = starts.iter().map(|&start| period(start)).collect();
            assert_eq!(days(&periods, hour(0), hour(10)).map(|(days, _)| days), expected, "{starts:?}");
        }
    }
}
