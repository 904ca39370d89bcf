//! Tables, wrapped lists and JSON.

use serde::Serialize;

use crate::escape::escape_json;

/// The width at which lists wrap.
const MAX_WIDTH: usize = 100;

/// Aligns rows of cells: each column is as wide as its widest cell, with two spaces between columns.
pub fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Joins items with commas after a key. Wraps between items, and indents further lines to the first item.
pub fn wrapped_list(key: &str, items: impl IntoIterator<Item = String>) -> Vec<String> {
    let indent = key.chars().count();
    let mut lines = vec![key.to_owned()];
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        let comma = if items.peek().is_some() { "," } else { "" };
        let line = lines.last().map_or(indent, |line| line.chars().count());
        if line > indent && line + item.chars().count() + 2 > MAX_WIDTH {
            lines.push(" ".repeat(indent));
        }
        if let Some(line) = lines.last_mut() {
            let space = if line.chars().count() > indent { " " } else { "" };
            line.extend([space, &item, comma]);
        }
    }
    lines
}

/// Serializes a document as JSON, with a newline at the end and without characters that could steer a terminal.
pub fn to_json(document: &impl Serialize) -> String {
    escape_json(&serde_json::to_string_pretty(document).unwrap_or_default()).into_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_contains_nothing_that_steers_a_terminal_and_keeps_its_meaning() {
        let document = ["é\u{1b}[2J", "\u{9b}31m\u{7f}\n", "x"];
        let text = to_json(&document);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<[String; 3]>(&text).unwrap(), document);
        assert_eq!(to_json(&["x"]), "[\n  \"x\"\n]\n");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["é".into(), "b".into()], vec!["ccc".into()], vec![String::new(), "d".into()]];
        assert_eq!(aligned(&rows), ["é    b", "ccc", "     d"]);
    }

    #[test]
    fn a_long_list_wraps_below_its_first_item() {
        let items = (0..30).map(|n| format!("item {n}"));
        let lines = wrapped_list("key   ", items);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= MAX_WIDTH), "{lines:?}");
        assert!(lines[0].starts_with("key   item 0, item 1,") && lines[0].ends_with(','));
        assert!(lines[1].starts_with("      item ") && lines[2].ends_with("item 29"));
        assert_eq!(wrapped_list("key   ", [String::from("one")]), ["key   one"]);
    }
}
