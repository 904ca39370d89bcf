//! Columns and lists, as wide as a terminal.

use serde::Serialize;

/// No line is broken before this column.
const WIDTH: usize = 100;

/// Rows of cells, each column as wide as its widest cell, two spaces between them.
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

/// Items after a key, with commas; broken between items into lines that stand below the first item.
pub fn listed(key: &str, items: impl IntoIterator<Item = String>) -> Vec<String> {
    let indent = key.chars().count();
    let mut lines = vec![key.to_owned()];
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        let comma = if items.peek().is_some() { "," } else { "" };
        let line = lines.last().map_or(indent, |line| line.chars().count());
        if line > indent && line + item.chars().count() + 2 > WIDTH {
            lines.push(" ".repeat(indent));
        }
        if let Some(line) = lines.last_mut() {
            let space = if line.chars().count() > indent { " " } else { "" };
            line.extend([space, &item, comma]);
        }
    }
    lines
}

/// A JSON document, with a newline at the end. A terminal acts on nothing in it: DEL and the control characters beyond
/// ASCII, which JSON allows in strings, are escaped too.
pub fn to_json(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document).unwrap_or_default() + "\n";
    let escape = |c: char| match c {
        '\n' => c.to_string(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    if text.contains(|c: char| c.is_control() && c != '\n') {
        text.chars().map(escape).collect()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_nothing_that_a_terminal_acts_on_and_means_the_same() {
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
    fn a_long_list_goes_on_below_its_first_item() {
        let items = (0..30).map(|n| format!("item {n}"));
        let lines = listed("key   ", items);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert!(lines[0].starts_with("key   item 0, item 1,") && lines[0].ends_with(','));
        assert!(lines[1].starts_with("      item ") && lines[2].ends_with("item 29"));
        assert_eq!(listed("key   ", [String::from("one")]), ["key   one"]);
    }
}
