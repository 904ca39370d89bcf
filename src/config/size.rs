//! Sizes in the file: a number of bytes with a unit.

use std::ops::RangeInclusive;

use crate::invalid_value::InvalidValue;

const UNITS: [(&str, usize); 3] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20)];
const EXAMPLE: &str = "write a size such as `16KiB`";

/// Parses a size: a whole number and `B`, `KiB` or `MiB`, within `range` in bytes.
pub(super) fn parse(text: &str, range: RangeInclusive<usize>) -> Result<usize, InvalidValue> {
    let Some(size) = value(text) else { return Err(explain(text)) };
    if range.contains(&size) {
        return Ok(size);
    }
    let (reason, help) = if size < *range.start() {
        ("it is too small", format!("write at least `{}`", shortest(*range.start())))
    } else {
        ("it is too large", format!("write at most `{}`", shortest(*range.end())))
    };
    Err(fault(text, reason, help))
}

/// Explains a value of `key` that is not a string, and so not a size.
pub(super) fn explain_other_type(key: &str, value: &str) -> InvalidValue {
    let text = value.trim_matches(['"', '\'', '[', ']', ' ']);
    let text = if is_number(text) { format!("{text}B") } else { text.to_owned() };
    let help = match suggestion(&text) {
        Some(size) => format!("write `{key} = \"{size}\"`"),
        None => format!("for example `{key} = \"16KiB\"`"),
    };
    InvalidValue::new("invalid size: sizes are written in quotes, with a unit", help)
}

/// Returns the size in bytes; `usize::MAX` if it is larger.
fn value(text: &str) -> Option<usize> {
    let (number, unit) = split(text);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    is_number(number)
        .then(|| number.parse().map_or(usize::MAX, |number: usize| number.saturating_mul(*factor)))
}

/// Splits a size before its unit.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns a size with the largest unit of which it is a multiple.
fn shortest(size: usize) -> String {
    let unit = UNITS.iter().rev().find(|(_, factor)| size.is_multiple_of(*factor));
    unit.map_or_else(String::new, |(name, factor)| format!("{}{name}", size / factor))
}

fn fault(text: &str, reason: &str, help: impl Into<String>) -> InvalidValue {
    InvalidValue::new(format!("invalid size `{text}`: {reason}"), help)
}

fn explain(text: &str) -> InvalidValue {
    let (number, unit) = split(text.trim());
    let reason = match (is_number(number.trim()), unit) {
        _ if text.is_empty() => return InvalidValue::new("the size is empty", EXAMPLE),
        (_, "") if number.trim_start().starts_with('-') => "it is negative".to_owned(),
        (true, "") => "the unit is missing".to_owned(),
        (true, unit) if UNITS.iter().any(|(name, _)| *name == unit) => "it has too many spaces".to_owned(),
        (true, unit) => format!("unknown unit `{unit}`"),
        (false, _) => "it is not a whole number with a unit".to_owned(),
    };
    match suggestion(text) {
        Some(size) => fault(text, &reason, format!("did you mean `{size}`?")),
        None => fault(text, &reason, EXAMPLE),
    }
}

/// Returns the valid size that an invalid one was probably meant to be. A number alone is in KiB.
fn suggestion(text: &str) -> Option<String> {
    let (number, unit) = split(text.trim());
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "k" | "kb" | "kib" => "KiB",
        "m" | "mb" | "mib" => "MiB",
        "b" | "byte" | "bytes" => "B",
        _ => return None,
    };
    let number = number.trim();
    is_number(number).then(|| format!("{number}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: RangeInclusive<usize> = 1 << 10..=1 << 20;

    #[test]
    fn a_size_is_a_number_with_a_unit() {
        for (text, expected) in [
            ("1024B", 1 << 10),
            ("16KiB", 16 << 10),
            ("016 KiB", 16 << 10),
            ("1MiB", 1 << 20),
            ("1024KiB", 1 << 20),
        ] {
            assert_eq!(parse(text, RANGE).ok(), Some(expected), "{text}");
        }
    }

    #[test]
    fn an_invalid_size_gets_a_suggestion() {
        for (text, reason, help) in [
            ("16", "the unit is missing", "did you mean `16KiB`?"),
            ("16k", "unknown unit `k`", "did you mean `16KiB`?"),
            ("16 kB", "unknown unit `kB`", "did you mean `16KiB`?"),
            ("1M", "unknown unit `M`", "did you mean `1MiB`?"),
            ("16GiB", "unknown unit `GiB`", EXAMPLE),
            ("-1", "it is negative", EXAMPLE),
            ("1.5KiB", "it is not a whole number with a unit", EXAMPLE),
            ("large", "it is not a whole number with a unit", EXAMPLE),
            (" 16KiB", "it has too many spaces", "did you mean `16KiB`?"),
            ("0B", "it is too small", "write at least `1KiB`"),
            ("1023B", "it is too small", "write at least `1KiB`"),
            ("1025KiB", "it is too large", "write at most `1MiB`"),
            ("99999999999999999999MiB", "it is too large", "write at most `1MiB`"),
        ] {
            let error = parse(text, RANGE).unwrap_err();
            assert_eq!((error.message, &*error.help), (format!("invalid size `{text}`: {reason}"), help));
        }
        assert_eq!(parse("", RANGE).unwrap_err().message, "the size is empty");
    }
}
