//! A chart of occurrences: one row per period, and columns of equal elapsed time.

use jiff::{SignedDuration, Timestamp};

use crate::schedule::period::Occurrence;

const LABEL_WIDTH: usize = 22;
const MAX_ROWS: usize = 20;
/// Overlaps with later rows are not marked: the spans of 20,000 rows would take a gigabyte.
const MAX_COMPARED: usize = 1_000;

/// The style in which a chart is drawn.
#[derive(Clone, Copy, Debug)]
pub struct ChartStyle {
    /// True for block characters instead of ASCII.
    pub blocks: bool,
    /// True for ANSI colours.
    pub colour: bool,
}

/// The state in one column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Up,
    Partial,
    Down,
    /// Another period is active at the same time.
    Overlap,
}

impl ChartStyle {
    pub(super) fn cell(self, cell: Cell) -> &'static str {
        match (cell, self.blocks) {
            (Cell::Up, false) => ".",
            (Cell::Up, true) => "·",
            (Cell::Partial, false) => "-",
            (Cell::Partial, true) => "░",
            (Cell::Down, false) => "=",
            (Cell::Down, true) => "█",
            (Cell::Overlap, false) => "#",
            (Cell::Overlap, true) => "▓",
        }
    }

    pub(super) fn paint(self, cell: Cell, text: &str) -> String {
        let colour = match cell {
            Cell::Up => 2,
            Cell::Partial => 33,
            Cell::Down => 31,
            Cell::Overlap => 35,
        };
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn row(self, cells: &[Cell]) -> String {
        let run = |run: &[Cell]| {
            let text: String = run.iter().map(|&cell| self.cell(cell)).collect();
            run.first().map_or(String::new(), |&cell| self.paint(cell, &text))
        };
        cells.chunk_by(PartialEq::eq).map(run).collect()
    }
}

/// A span of time, divided into columns of equal length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chart {
    pub(super) from: Timestamp,
    pub(super) column: SignedDuration,
    pub(super) width: usize,
}

impl Chart {
    pub(super) fn new(from: Timestamp, to: Timestamp, width: usize) -> Self {
        let columns = i32::try_from(width).unwrap_or(i32::MAX).max(1);
        Self { from, column: to.duration_since(from) / columns, width }
    }

    fn start(&self, column: usize) -> Timestamp {
        let columns = i32::try_from(column).unwrap_or(i32::MAX);
        let at = self.column.checked_mul(columns).and_then(|past| self.from.checked_add(past).ok());
        at.unwrap_or(Timestamp::MAX)
    }

    pub(super) fn to(&self) -> Timestamp {
        self.start(self.width)
    }

    /// Returns the column that contains the time.
    pub(super) fn column(&self, at: Timestamp) -> Option<usize> {
        let past = at.duration_since(self.from).as_nanos() / self.column.as_nanos().max(1);
        usize::try_from(past).ok().filter(|&column| at >= self.from && column < self.width)
    }

    /// Returns the columns that a span touches.
    pub(super) fn columns(&self, span: Occurrence) -> std::ops::Range<usize> {
        let (from, to) = (self.from, self.to());
        if span.start >= to || span.end.is_some_and(|end| end <= from) {
            return 0..0;
        }
        let first = self.column(span.start.max(from)).unwrap_or_default();
        let last_instant = span.end.and_then(|end| end.checked_sub(SignedDuration::from_nanos(1)).ok());
        let last = last_instant.and_then(|at| self.column(at)).unwrap_or(self.width - 1);
        first..last + 1
    }
}

/// One row: when a period is active, and whether it covers the whole site.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) whole: bool,
    pub(super) spans: Vec<Occurrence>,
}

/// Returns the cells of the shown rows, and those of all rows merged.
fn cells(rows: &[Row], chart: &Chart) -> (Vec<Vec<Cell>>, Vec<Cell>) {
    let mut columns: Vec<Vec<(usize, Occurrence)>> = vec![Vec::new(); chart.width];
    for (index, row) in rows.iter().enumerate() {
        for &span in &row.spans {
            let touched = columns.get_mut(chart.columns(span)).into_iter().flatten();
            touched.for_each(|column| column.push((index, span)));
        }
    }
    let mut drawn = vec![vec![Cell::Up; chart.width]; rows.len().min(MAX_ROWS)];
    let mut merged = vec![Cell::Up; chart.width];
    for row in rows {
        merge(row, chart, &mut merged);
    }
    for (at, column) in columns.iter().enumerate() {
        let (from, to) = (chart.start(at), chart.start(at + 1));
        for &(index, span) in column {
            let whole = rows.get(index).is_some_and(|row| row.whole);
            let plain = if whole { Cell::Down } else { Cell::Partial };
            if let Some(cell) = drawn.get_mut(index).and_then(|row| row.get_mut(at)) {
                *cell = (*cell).max(if overlaps_another_row(index, span, column, from, to) {
                    Cell::Overlap
                } else {
                    plain
                });
            }
        }
    }
    (drawn, merged)
}

/// Merges a row into `merged`.
fn merge(row: &Row, chart: &Chart, merged: &mut [Cell]) {
    let plain = if row.whole { Cell::Down } else { Cell::Partial };
    for &span in &row.spans {
        let touched = merged.get_mut(chart.columns(span)).into_iter().flatten();
        touched.for_each(|cell| *cell = plain.max(*cell));
    }
}

/// Returns true if a span of a row overlaps one of another row between `from` and `to`.
fn overlaps_another_row(
    row: usize,
    span: Occurrence,
    spans: &[(usize, Occurrence)],
    from: Timestamp,
    to: Timestamp,
) -> bool {
    let within = |span: &Occurrence| (span.start.max(from), span.end.unwrap_or(Timestamp::MAX).min(to));
    let (start, end) = within(&span);
    spans.iter().any(|(other, its)| *other != row && start.max(within(its).0) < end.min(within(its).1))
}

/// Draws the rows, with `>` after those that continue beyond the last column, and finally all rows merged.
pub(super) fn draw(mut all: impl Iterator<Item = Row>, chart: &Chart, style: ChartStyle) -> Vec<String> {
    let rows: Vec<_> = all.by_ref().take(MAX_COMPARED).collect();
    let (drawn, mut merged) = cells(&rows, chart);
    let continues = |row: &Row| {
        let to = chart.to();
        row.spans.iter().any(|span| span.start < to && span.end.is_none_or(|end| end > to))
    };
    let (mut count, mut any_continues) = (rows.len(), rows.iter().any(continues));
    for row in all {
        merge(&row, chart, &mut merged);
        count += 1;
        any_continues |= continues(&row);
    }
    let line = |(row, cells): (&Row, &Vec<Cell>)| {
        let more = if continues(row) { ">" } else { "" };
        labelled(&row.label, &format!("{}{more}", style.row(cells)))
    };
    let mut lines: Vec<_> = rows.iter().zip(&drawn).take(MAX_ROWS).map(line).collect();
    if count > MAX_ROWS {
        lines.push(format!("  and {} more", count - MAX_ROWS));
    }
    let more = if any_continues { ">" } else { "" };
    lines.push(labelled("site", &format!("{}{more}", style.row(&merged))));
    lines
}

/// Prefixes a line with a label, which is cut to its width.
pub(super) fn labelled(label: &str, text: &str) -> String {
    let width = LABEL_WIDTH - 3;
    let label: String = match label.char_indices().nth(width) {
        None => label.to_owned(),
        Some(_) => label.chars().take(width - 2).chain("..".chars()).collect(),
    };
    format!("  {label:width$} {text}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: ChartStyle = ChartStyle { blocks: false, colour: false };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Draws rows of (start, end); an end of 0 is open.
    fn drawn(rows: &[&[(i64, i64)]], whole: bool) -> Vec<String> {
        let span =
            |&(start, end): &(i64, i64)| Occurrence { start: at(start), end: (end != 0).then(|| at(end)) };
        let row =
            |spans: &&[(i64, i64)]| Row { label: "x".into(), whole, spans: spans.iter().map(span).collect() };
        let chart = Chart::new(at(100), at(200), 10);
        let lines = draw(rows.iter().map(row), &chart, ASCII);
        lines.into_iter().map(|line| line.split_at(LABEL_WIDTH).1.to_owned()).collect()
    }

    #[test]
    fn a_span_fills_the_columns_that_it_touches() {
        for (span, expected) in [
            ((100, 110), "=........."),
            ((109, 111), "==........"),
            ((110, 111), ".=........"),
            ((190, 200), ".........="),
            ((0, 100), ".........."),
            ((0, 101), "=........."),
            ((199, 0), ".........=>"),
            ((150, 201), ".....=====>"),
            ((200, 0), ".........."),
            ((0, 0), "==========>"),
        ] {
            assert_eq!(drawn(&[&[span]], true), [expected, expected], "{span:?}");
        }
    }

    #[test]
    fn overlaps_are_marked_and_the_last_row_shows_the_site() {
        let rows = drawn(&[&[(100, 130)], &[(120, 150), (155, 156)], &[(150, 160)]], true);
        assert_eq!(rows, ["==#.......", "..#==#....", ".....#....", "======...."]);
        assert_eq!(drawn(&[&[(100, 105)], &[(105, 110)]], true), ["=.........", "=.........", "=........."]);
        assert_eq!(drawn(&[&[(100, 120)]], false), ["--........", "--........"]);
    }

    #[test]
    fn rows_beyond_the_comparison_limit_still_count_for_the_site() {
        let row = |start: i64| Row {
            label: String::new(),
            whole: start == 150,
            spans: vec![Occurrence { start: at(start), end: Some(at(start + 10)) }],
        };
        let rows = std::iter::repeat_n(100, MAX_COMPARED).chain([150, 120]).map(row);
        let lines = draw(rows, &Chart::new(at(100), at(200), 10), ASCII);
        assert_eq!(lines[20], format!("  and {} more", MAX_COMPARED - 18));
        assert_eq!(lines[21], "  site                -.-..=....");
    }

    #[test]
    fn rows_beyond_the_display_limit_are_counted() {
        let spans = [(100, 110)];
        let lines = draw(
            std::iter::repeat_n(
                Row {
                    label: "a name that is longer than its column".into(),
                    whole: true,
                    spans: spans
                        .iter()
                        .map(|&(s, e)| Occurrence { start: at(s), end: Some(at(e)) })
                        .collect(),
                },
                23,
            ),
            &Chart::new(at(100), at(200), 10),
            ASCII,
        );
        assert_eq!(lines.len(), 22);
        assert_eq!(lines[0], "  a name that is lo.. #.........");
        assert_eq!(lines[20], "  and 3 more");
        assert_eq!(lines[21], "  site                =.........");
    }

    #[test]
    fn each_run_of_equal_cells_is_coloured_once() {
        let cells = [Cell::Up, Cell::Down, Cell::Down, Cell::Overlap, Cell::Partial];
        assert_eq!(ChartStyle { blocks: true, colour: false }.row(&cells), "·██▓░");
        let coloured = ChartStyle { blocks: true, colour: true }.row(&cells);
        assert_eq!(coloured, "\x1b[2m·\x1b[0m\x1b[31m██\x1b[0m\x1b[35m▓\x1b[0m\x1b[33m░\x1b[0m");
    }
}
