//! The timeline of the next days as a drawing: positions in percent of its width.

use jiff::Timestamp;
use serde::Serialize;

use super::listed::title;
use crate::config::Config;
use crate::schedule::human_time::span;
use crate::schedule::period::Occurrence;
use crate::summary::{NextDays, next_days};

/// The most rows that are drawn.
const MAX_ROWS: usize = 20;
/// The most occurrences of a row that its text alternative lists.
const MAX_TEXTS: usize = 5;
/// The most days that are labelled.
const MAX_LABELS: usize = 7;
/// The least width of a bar.
const MIN_WIDTH: f64 = 0.4;

/// The timeline.
#[derive(Debug, Serialize)]
pub(super) struct Drawing {
    length: usize,
    now: String,
    days: Vec<DrawnDay>,
    rows: Vec<DrawnRow>,
    /// The number of rows that are left out.
    more: usize,
}

#[derive(Debug, Serialize)]
struct DrawnDay {
    x: String,
    width: String,
    weekday: String,
    label: Option<String>,
    month: String,
    /// True for the first of the labelled days that are in a month.
    is_first_of_month: bool,
}

#[derive(Debug, Serialize)]
struct DrawnRow {
    title: String,
    class: &'static str,
    /// What the bars show, in words.
    text: String,
    bars: Vec<DrawnBar>,
}

#[derive(Debug, Serialize)]
struct DrawnBar {
    x: String,
    width: String,
}

impl Drawing {
    /// Draws the next days of the plan.
    pub(super) fn new(config: &Config, now: Timestamp) -> Option<Self> {
        let next = next_days(config, now)?;
        let percent = |at: Timestamp| percent(&next, at);
        let length = next.days.len();
        let step = length.div_ceil(MAX_LABELS).max(1);
        let mut month = None;
        let days = next.days.iter().enumerate().map(|(index, (at, date))| {
            let x = percent(*at);
            let end = next.days.get(index + step).map_or(100.0, |(end, _)| percent(*end));
            let is_labelled = index % step == 0;
            DrawnDay {
                x: format!("{x:.3}"),
                width: format!("{:.3}", end - x),
                weekday: date.strftime("%a").to_string(),
                label: is_labelled.then(|| date.day().to_string()),
                month: date.strftime("%b").to_string(),
                is_first_of_month: is_labelled && month.replace(date.month()) != Some(date.month()),
            }
        });
        let live = next.rows.iter().filter(|(_, spans)| spans.iter().any(|span| !span.is_over(now)));
        let rows: Vec<_> = live.filter_map(|(index, spans)| row(config, &next, *index, spans)).collect();
        let more = rows.len().saturating_sub(MAX_ROWS);
        let (days, now) = (days.collect(), format!("{:.3}", percent(now)));
        Some(Self { length, now, days, rows: rows.into_iter().take(MAX_ROWS).collect(), more })
    }
}

fn row(config: &Config, next: &NextDays, index: usize, spans: &[Occurrence]) -> Option<DrawnRow> {
    let period = config.rules.schedule.periods().get(index)?;
    let bar = |span: &Occurrence| {
        let x = percent(next, span.start);
        let end = span.end.map_or(100.0, |end| percent(next, end));
        DrawnBar { x: format!("{x:.3}"), width: format!("{:.3}", (end - x).max(MIN_WIDTH)) }
    };
    let words = spans.iter().take(MAX_TEXTS).map(|occurrence| span(*occurrence, &config.timezone).join(" "));
    let mut text = words.collect::<Vec<_>>().join(", ");
    if spans.len() > MAX_TEXTS {
        text += " and more";
    }
    let class = if period.scope.is_all() { "whole" } else { "part" };
    Some(DrawnRow { title: title(period), class, text, bars: spans.iter().map(bar).collect() })
}

/// Returns the position of a time, from 0 to 100.
#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than a double has")]
fn percent(next: &NextDays, at: Timestamp) -> f64 {
    let past = at.duration_since(next.from).as_millis() as f64;
    let all = next.to.duration_since(next.from).as_millis().max(1) as f64;
    (past / all * 100.0).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn periods_that_are_over_have_no_row() {
        let text = "[[period]]\nname = \"over\"\nstart = 2026-12-01T01:00:00Z\nend = 2026-12-01T02:00:00Z\n\
                    [[period]]\nname = \"running\"\nstart = 2026-12-01T01:00:00Z\nend = 2026-12-01T13:00:00Z\n\
                    [[period]]\nname = \"nightly\"\ncron = \"0 1 * * *\"\nfor = \"1h\"\n";
        let config = crate::config::load::preview(Path::new("downtime.toml"), text).config.unwrap();
        let drawing = Drawing::new(&config, "2026-12-01T12:00:00Z".parse().unwrap()).unwrap();
        let titles: Vec<_> = drawing.rows.iter().map(|row| row.title.as_str()).collect();
        assert_eq!(titles, ["running", "nightly"]);
    }
}
