//! Suggests how to write an invalid value. Every suggestion has been parsed and validated before it is made.

use toml::de::DeTable;

use super::keys::{self, ValueKind};
use super::trial;
use crate::invalid_value::InvalidValue;

/// The longest value, in bytes, that a suggestion is made for.
const MAX_VALUE: usize = 1000;

/// Returns ``write `key = …` `` with a valid form of `value`, if one is known.
pub(super) fn suggest(section: &str, key: &str, value: &str) -> Option<String> {
    if value.len() > MAX_VALUE {
        return None;
    }
    candidates(section, key, value)
        .into_iter()
        .find_map(|candidate| suggest_exactly(section, key, &candidate))
}

/// Returns ``write `key = value` `` if that is valid.
pub(super) fn suggest_exactly(section: &str, key: &str, value: &str) -> Option<String> {
    let line = format!("{key} = {value}");
    let is_valid =
        parses(&line) && (keys::kind(section, key).is_none() || trial::error(section, key, value).is_none());
    is_valid.then(|| format!("write `{line}`"))
}

/// Returns the forms in which `value` may have been meant.
fn candidates(section: &str, key: &str, value: &str) -> Vec<String> {
    let value = value.trim_end_matches([',', ';']).trim();
    let bare = value.trim_matches(['"', '\'']);
    let whole = || Some(value.to_owned());
    match keys::kind(section, key) {
        Some(ValueKind::Flag) => vec![flag(bare)],
        Some(ValueKind::Number) => {
            vec![value.to_owned(), bare.to_owned(), bare.trim_start_matches('0').to_owned()]
        }
        Some(ValueKind::DateTime) => vec![value.to_owned(), bare.to_owned()],
        Some(ValueKind::List) => {
            let joined = list(without_outer_quotes(value), text);
            vec![value.to_owned(), joined, format!("[{value}]"), list(value, quoted), list(value, text)]
        }
        Some(ValueKind::Dates) => {
            let unquoted = |item: &str| Some(item.trim_matches(['"', '\'']).to_owned());
            vec![value.to_owned(), format!("[{value}]"), list(value, unquoted)]
        }
        Some(ValueKind::Section) => Vec::new(),
        Some(ValueKind::Text | ValueKind::Duration | ValueKind::DurationOrZero | ValueKind::Size) => {
            // A list of several items is not the text that was meant.
            let is_list = value.starts_with('[') && parses(&format!("key = {value}"));
            let as_text = if is_list { [None, None] } else { [quoted(value), text(value)] };
            [whole(), only_item(value)].into_iter().chain(as_text).flatten().collect()
        }
        None => [whole(), Some(flag(value)), quoted(value)].into_iter().flatten().collect(),
    }
}

fn flag(value: &str) -> String {
    let lower = value.to_lowercase();
    match lower.as_str() {
        "yes" | "on" | "enabled" | "1" => "true".to_owned(),
        "no" | "off" | "disabled" | "0" => "false".to_owned(),
        _ => lower,
    }
}

/// Returns the item of a list that has only one.
fn only_item(value: &str) -> Option<String> {
    let inner = value.strip_prefix('[')?.strip_suffix(']')?.trim();
    (!inner.contains(',')).then(|| inner.to_owned())
}

/// Returns `value` as a string, even if it is another TOML value without quotes.
fn text(value: &str) -> Option<String> {
    let value = quoted(value)?;
    if value.starts_with(['"', '\'']) { Some(value) } else { Some(format!("\"{value}\"")) }
}

/// Returns `text` in quotes, with any quotes that it has corrected; `None` if it would need escapes.
pub(super) fn quoted(text: &str) -> Option<String> {
    let text = plain_quotes(text.trim());
    if parses(&format!("key = {text}")) {
        return Some(text);
    }
    let inner = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    let inner = inner.unwrap_or(&text);
    let either = [format!("\"{inner}\""), format!("'{inner}'")];
    either.into_iter().find(|text| parses(&format!("key = {text}")))
}

/// Returns what is inside the quotes if they hold several items: `"/a/**, /b/**"`. Else returns `value`.
fn without_outer_quotes(value: &str) -> &str {
    let inner = value.strip_prefix(['"', '\'']).and_then(|rest| rest.strip_suffix(['"', '\'']));
    inner.filter(|inner| inner.contains([',', ';', ' ']) && !inner.contains(['"', '\''])).unwrap_or(value)
}

/// Returns a list of the items in `value`, each of them formatted by `item`.
fn list(value: &str, item: impl Fn(&str) -> Option<String>) -> String {
    let inner = value.trim().trim_start_matches('[').trim_end_matches(']');
    let separator = [',', ';'].into_iter().find(|separator| inner.contains(*separator));
    let items = inner.split(separator.unwrap_or(' ')).map(str::trim).filter(|text| !text.is_empty());
    let items: Vec<_> = items.map(|text| item(text).unwrap_or_else(|| text.to_owned())).collect();
    format!("[{}]", items.join(", "))
}

/// Returns true for a quote that word processors use instead of `"` and `'`.
pub(super) fn is_typographic(c: char) -> bool {
    matches!(c, '“' | '”' | '„' | '‟' | '«' | '»' | '‘' | '‚')
}

/// Replaces typographic quotes by `"`. Single ones inside of double ones stay: they may be apostrophes.
pub(super) fn plain_quotes(text: &str) -> String {
    let double = |c: char| matches!(c, '“' | '”' | '„' | '‟' | '«' | '»');
    let single = |c: char| matches!(c, '‘' | '’' | '‚' | '‛' | '`' | '´');
    if text.contains(double) {
        return text.replace(double, "\"");
    }
    match text.strip_prefix(single).and_then(|rest| rest.strip_suffix(single)) {
        Some(inner) => format!("\"{inner}\""),
        None if text.starts_with('[') => text.replace(single, "\""),
        None => text.to_owned(),
    }
}

/// Explains a value that would be invalid in quotes too.
pub(super) fn in_quotes(section: &str, key: &str, value: &str) -> Option<InvalidValue> {
    if value.len() > MAX_VALUE {
        return None;
    }
    let (quoted, form) = match keys::kind(section, key)? {
        kind if kind.is_string() && !value.starts_with(['[', '{']) => (text(value)?, "in quotes"),
        ValueKind::List => (list(without_outer_quotes(value), text), "in quotes, in a list"),
        _ => return None,
    };
    // Where quotes alone do not help, the error would be about the quotes.
    let invalid = parses(&format!("{key} = {quoted}")).then(|| trial::error(section, key, &quoted))??;
    Some(InvalidValue { help: format!("{} ({form})", invalid.help), ..invalid })
}

/// Returns true if `line` is one line of valid TOML.
pub(super) fn parses(line: &str) -> bool {
    !line.contains(['\n', '\r']) && DeTable::parse(line).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_forms_of_a_value_are_suggested() {
        for (section, key, value, expected) in [
            ("[exempt]", "paths", "[/x]", Some("[\"/x\"]")),
            ("[exempt]", "paths", "[/admin/**, \"/x\"]", Some("[\"/admin/**\", \"/x\"]")),
            ("[exempt]", "paths", "/admin/**", Some("[\"/admin/**\"]")),
            ("[exempt]", "paths", "\"/a\", \"/b\"", Some("[\"/a\", \"/b\"]")),
            ("[exempt]", "paths", "[\"/a\" \"/b\"]", Some("[\"/a\", \"/b\"]")),
            ("[exempt]", "paths", "[\"/a\"; \"/b\"]", Some("[\"/a\", \"/b\"]")),
            ("[[period]]", "except", "[2026-12-26; 2026-12-27]", Some("[2026-12-26, 2026-12-27]")),
            ("[exempt]", "paths", "\"/a/**, /b/**\"", Some("[\"/a/**\", \"/b/**\"]")),
            ("[server]", "listen", "\":80,:81\"", Some("[\":80\", \":81\"]")),
            ("[exempt]", "paths", "admin", None),
            ("[exempt]", "paths", "\"/a/** /b/**\"", Some("[\"/a/**\", \"/b/**\"]")),
            ("[hooks]", "on_up", "\"/bin/tell up\"", Some("[\"/bin/tell\", \"up\"]")),
            ("[server]", "listen", "127.0.0.1:80", Some("[\"127.0.0.1:80\"]")),
            ("[server]", "listen", "[\"127.0.0.1:80\"],", Some("[\"127.0.0.1:80\"]")),
            ("[response]", "message", "We are back", Some("\"We are back\"")),
            ("[response]", "message", "'We'll be back'", Some("\"We'll be back\"")),
            ("[response]", "message", "\"say \"hi\" now\"", Some("'say \"hi\" now'")),
            ("[response]", "message", "“We are back”", Some("\"We are back\"")),
            ("[response]", "message", "“We’re back”", Some("\"We’re back\"")),
            ("[response]", "message", "5", Some("\"5\"")),
            ("[response]", "message", "['a', 'b']", None),
            ("[response]", "message", "['a']", Some("'a'")),
            ("[response]", "message", "[soon] back", Some("\"[soon] back\"")),
            ("[response]", "status", "0503", Some("503")),
            ("[response]", "status", "\"503\"", Some("503")),
            ("[response]", "status", "200", None),
            ("[log]", "access", "yes", Some("true")),
            ("[log]", "access", "\"no\"", Some("false")),
            ("[log]", "access", "True", Some("true")),
            ("[log]", "access", "perhaps", None),
            ("[[period]]", "for", "2h", Some("\"2h\"")),
            ("[[period]]", "for", "2", None),
            ("[[period]]", "for", "-1h", None),
            ("[[period]]", "start", "\"2026-12-01T22:00:00Z\"", Some("2026-12-01T22:00:00Z")),
            ("[[period]]", "start", "now", None),
            ("[[period]]", "except", "2026-12-26", Some("[2026-12-26]")),
            ("[[period]]", "except", "[\"2026-12-26\"]", Some("[2026-12-26]")),
            ("[[period]]", "cron", "0 1 * * *", Some("\"0 1 * * *\"")),
            ("the top level", "timezone", "Europe/Berlin", Some("\"Europe/Berlin\"")),
            ("the top level", "timezone", "PST", None),
        ] {
            let expected = expected.map(|value| format!("write `{key} = {value}`"));
            assert_eq!(suggest(section, key, value), expected, "{key} = {value}");
        }
    }

    #[test]
    fn a_value_that_is_invalid_in_quotes_too_is_explained() {
        for (section, key, value, message) in [
            ("[[period]]", "for", "-1h", "invalid duration `-1h`: it is negative"),
            ("[[period]]", "for", "2", "invalid duration `2`: the unit is missing"),
            ("the top level", "timezone", "PST", "unknown time zone `PST`"),
            ("[server]", "listen", "80", "invalid address `80`"),
        ] {
            assert_eq!(in_quotes(section, key, value).map(|f| f.message).as_deref(), Some(message));
        }
        assert_eq!(in_quotes("[response]", "message", "x"), None);
        assert_eq!(in_quotes("[response]", "status", "x"), None);
    }
}
