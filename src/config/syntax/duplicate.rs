//! Keys and sections that occur twice.

use super::super::keys::TOP;
use super::line::{self, BrokenLine};
use crate::invalid_value::InvalidValue;

/// Explains a line whose key or section occurred before.
pub(super) fn explain(line: &BrokenLine<'_>) -> InvalidValue {
    match line::header(line.text) {
        Some(header) if line.ahead().trim_start().starts_with('[') => section(line, header),
        _ => key(line),
    }
}

fn section(line: &BrokenLine<'_>, header: &str) -> InvalidValue {
    let name = name(header);
    let mut in_section = false;
    let first = line.before().lines().enumerate().find_map(|(index, text)| {
        let found = line::header(text);
        in_section |= found.is_some();
        let same =
            |other: &str| other == name || other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        match found {
            Some(found) => same(self::name(found)).then_some((index + 1, Some(found))),
            None => (!in_section && key_of(text).is_some_and(same)).then_some((index + 1, None)),
        }
    });
    match first {
        Some((number, Some(found))) if found != header && self::name(found) == name => InvalidValue::new(
            format!("conflicting section `{header}`: it already begins at line {number} as `{found}`"),
            format!("write `[[{name}]]` in both places"),
        ),
        Some((number, _)) => InvalidValue::new(
            format!("duplicate section `{header}`: it already begins at line {number}"),
            "move the keys below it to the first one, and remove this line",
        ),
        None => InvalidValue::new(format!("duplicate section `{header}`"), "merge the two"),
    }
}

fn key(line: &BrokenLine<'_>) -> InvalidValue {
    let key = line.marked();
    let is_same =
        |text: &str| key_of(text).is_some_and(|other| other == key || other.split('.').next() == Some(key));
    let mut section = TOP;
    let lines = line.before().lines().enumerate().filter(|(_, text)| {
        section = line::header(text).unwrap_or(section);
        section == line.section() && is_same(text)
    });
    match lines.last() {
        Some((index, _)) => InvalidValue::new(
            format!("duplicate key `{key}`: it is already set at line {}", index + 1),
            "remove one of the two",
        ),
        None => InvalidValue::new(format!("duplicate key `{key}`"), "remove one of the two"),
    }
}

fn name(header: &str) -> &str {
    header.trim_matches(['[', ']', ' '])
}

fn key_of(text: &str) -> Option<&str> {
    let (key, _) = text.split_once('=')?;
    Some(key.trim()).filter(|key| line::is_key(key))
}
