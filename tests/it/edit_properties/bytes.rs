//! Finds the bytes of a file that an edit may touch, with a different parser than the edit uses.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The index of a period, and the keys of it that an edit may set or remove.
pub(crate) type Touched<'k> = (usize, &'k [&'k str]);

/// A key with its value in a text.
struct Place {
    entry: Range<usize>,
    value: Range<usize>,
}

/// Asserts that two texts differ only in the keys that an edit may touch. A removed key may take along the blanks after
/// it, or its whole line if nothing else is on it; an added key may add its line. In an inline table, a comma may be
/// added or removed with a key.
pub(crate) fn assert_untouched_elsewhere(old: &str, new: &str, touched: &[Touched<'_>]) {
    let before = cut(old, new, touched, line_of);
    // The newline that was added with a line may be the one before or after it.
    let after = [line_of, line_before].map(|line| cut(new, old, touched, line));
    if touched.iter().any(|(period, _)| is_inline(old, *period)) {
        assert_eq!(squeezed(&before), squeezed(&after[0]), "{old}\n---\n{new}");
        let commas = |text: &str| text.matches(',').count();
        let keys = touched.iter().map(|(_, keys)| keys.len()).sum();
        assert!(commas(&before).abs_diff(commas(&after[0])) <= keys, "{old}\n---\n{new}");
    } else {
        assert!(after.contains(&before), "{old}\n---\n{new}\n---\n{before:?}\n{after:?}");
    }
}

/// Returns a text without the touched parts: the values of keys that `other` has too, and the whole entries of the
/// other keys.
fn cut(
    text: &str,
    other: &str,
    touched: &[Touched<'_>],
    line: fn(&str, &Range<usize>) -> Range<usize>,
) -> String {
    let keys = touched.iter().flat_map(|(period, keys)| keys.iter().map(|key| (*period, *key)));
    let range = |(period, key)| {
        let found = place(text, period, key)?;
        Some(match place(other, period, key) {
            Some(_) => found.value,
            None if is_inline(text, period) => found.entry,
            None => line(text, &found.entry),
        })
    };
    let mut cuts: Vec<_> = keys.filter_map(range).collect();
    cuts.sort_by_key(|cut| std::cmp::Reverse(cut.start));
    let mut rest = text.to_owned();
    for cut in cuts {
        rest.replace_range(cut, "");
    }
    rest
}

/// Asserts that one piece was inserted into a text with a list, and a comma if the list did not end with one.
pub(crate) fn assert_one_insertion(old: &str, new: &str) {
    let without_a_comma = |(at, _)| [&new[..at], &new[at + 1..]].concat();
    let inserted = is_one_insertion(old, new)
        || new.match_indices(',').map(without_a_comma).any(|new| is_one_insertion(old, &new));
    assert!(inserted, "{old}\n---\n{new}");
}

fn is_one_insertion(old: &str, new: &str) -> bool {
    let (old, new) = (old.as_bytes(), new.as_bytes());
    let before = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let after = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    old.len() < new.len() && before + after >= old.len()
}

/// Returns the value of a key as it is in the text.
pub(crate) fn literal<'t>(text: &'t str, period: usize, key: &str) -> Option<&'t str> {
    place(text, period, key).map(|place| &text[place.value])
}

/// Returns the newline of the first line.
pub(crate) fn newline(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((line, _)) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn with_period<T>(
    text: &str,
    period: usize,
    get: impl Fn(Range<usize>, &DeTable<'_>) -> Option<T>,
) -> Option<T> {
    let root = DeTable::parse(text).expect("TOML");
    let DeValue::Array(periods) = root.get_ref().get("period")?.get_ref() else { return None };
    let period = periods.get(period)?;
    let DeValue::Table(table) = period.get_ref() else { return None };
    get(period.span(), table)
}

fn is_inline(text: &str, period: usize) -> bool {
    with_period(text, period, |span, _| Some(text[span].starts_with('{'))).expect("a period")
}

fn place(text: &str, period: usize, key: &str) -> Option<Place> {
    with_period(text, period, |_, table| {
        let (key, value) = table.get_key_value(key)?;
        Some(Place { entry: key.span().start..value.span().end, value: value.span() })
    })
}

/// Returns the range of the newline before an entry, its indentation, and the entry.
fn line_before(text: &str, entry: &Range<usize>) -> Range<usize> {
    let before = text[..entry.start].trim_end_matches([' ', '\t']);
    let before = before.strip_suffix(newline(text)).unwrap_or(before);
    before.len()..entry.end
}

/// Returns the line of an entry if nothing else is on it, or else the entry and the blanks after it.
fn line_of(text: &str, entry: &Range<usize>) -> Range<usize> {
    let blank = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
    let before = text[..entry.start].trim_end_matches([' ', '\t']);
    let end = entry.end + blank(&text[entry.end..]);
    let rest = &text[end..];
    let line_end = ["\r\n", "\n"].into_iter().find(|newline| rest.starts_with(newline));
    match line_end {
        Some(newline) => before.len()..end + newline.len(),
        None if rest.is_empty() => before.len()..end,
        None => entry.start..end,
    }
}

fn squeezed(text: &str) -> String {
    text.replace([' ', '\t', '\r', '\n', ','], "")
}
