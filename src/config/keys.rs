//! The keys of each section, and the kind of value that each takes.
//!
//! They are derived from the schema, and so from the types of the document.

mod synonyms;
mod unknown;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

pub use self::unknown::unknown_key;
pub(super) use self::unknown::{guess_key, unknown_section};
use super::schema::{pattern, schema};

/// The name, in messages, of the part of the file before the first section.
pub(super) const TOP: &str = "the top level";

/// The name, in messages, of a periods file.
pub(super) const PERIODS_FILE: &str = "the periods file";

/// Returns how to turn off what a key sets, if the key itself cannot: without `listen`, its default applies.
pub(super) fn how_to_turn_off(section: &str, key: &str) -> Option<String> {
    let is_listener = key == "listen" && matches!(section, "[management]" | "[admin]");
    is_listener.then(|| format!("remove the section {section}: nothing listens without it"))
}

/// The kind of value that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// A string.
    Text,
    /// A string that is a duration.
    Duration,
    /// A string that is a duration or zero.
    DurationOrZero,
    /// A string that is a size in bytes.
    Size,
    /// A date-time.
    DateTime,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// A list of strings.
    List,
    /// A list of dates and date-times.
    Dates,
    /// A section, or an array of sections.
    Section,
}

impl ValueKind {
    /// Returns true if the value is a string.
    pub(super) const fn is_string(self) -> bool {
        matches!(self, Self::Text | Self::Duration | Self::DurationOrZero | Self::Size)
    }
}

/// The keys of each section, by the title of the section: `[site]`, `[[period]]` or [`TOP`].
static KEYS: LazyLock<BTreeMap<String, BTreeMap<String, ValueKind>>> = LazyLock::new(keys);

fn keys() -> BTreeMap<String, BTreeMap<String, ValueKind>> {
    let schema = schema().to_value();
    let mut sections = BTreeMap::from([(TOP.to_owned(), kinds(&schema))]);
    for (name, section) in properties(&schema) {
        let (title, table) = match section.get("items") {
            Some(items) => (format!("[[{name}]]"), items),
            None => (format!("[{name}]"), section),
        };
        if table.get("properties").is_some() {
            sections.insert(title, kinds(table));
        }
        for (key, value) in properties(table) {
            if let Some(items) = value.get("items").filter(|items| items.get("properties").is_some()) {
                sections.insert(format!("[[{name}.{key}]]"), kinds(items));
            }
            if value.get("properties").is_some() {
                sections.insert(format!("[{name}.{key}]"), kinds(value));
            }
        }
    }
    sections
}

fn properties(table: &Value) -> impl Iterator<Item = (&String, &Value)> {
    table.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn kinds(table: &Value) -> BTreeMap<String, ValueKind> {
    properties(table).map(|(key, value)| (key.clone(), kind_of(value))).collect()
}

fn kind_of(value: &Value) -> ValueKind {
    let is_pattern =
        |value: &Value, pattern: String| value.get("pattern").is_some_and(|found| *found == pattern);
    let is_table = |value: &Value| value.get("properties").is_some();
    let has_format =
        |value: &Value, format: &str| value.pointer("/anyOf/0/format").is_some_and(|found| found == format);
    match (value.get("type").and_then(Value::as_str), value.get("items")) {
        (Some("boolean"), _) => ValueKind::Flag,
        _ if value.get("default").is_some_and(Value::is_boolean) => ValueKind::Flag,
        (Some("integer"), _) => ValueKind::Number,
        (Some("array"), Some(items)) if has_format(items, "date") => ValueKind::Dates,
        (Some("array"), Some(items)) if !is_table(items) => ValueKind::List,
        (Some("array" | "object"), _) => ValueKind::Section,
        _ if is_pattern(value, pattern::duration()) => ValueKind::Duration,
        _ if [pattern::SIZE, pattern::SIZE_OR_ZERO]
            .iter()
            .any(|size| is_pattern(value, (*size).to_owned())) =>
        {
            ValueKind::Size
        }
        _ if is_pattern(value, pattern::duration_or_zero()) => ValueKind::DurationOrZero,
        _ if has_format(value, "date-time") => ValueKind::DateTime,
        _ => ValueKind::Text,
    }
}

/// Returns the kind of value that a key takes; `None` if the section has no such key.
pub(super) fn kind(section: &str, key: &str) -> Option<ValueKind> {
    KEYS.get(section)?.get(key).copied()
}

/// Returns the title of a section, `[name]` or `[[name]]`; `None` if there is no such section.
pub(super) fn section(name: &str) -> Option<&'static str> {
    [format!("[{name}]"), format!("[[{name}]]")]
        .iter()
        .find_map(|title| KEYS.get_key_value(title).map(|(title, _)| title.as_str()))
}

#[cfg(test)]
mod tests {
    use super::synonyms::SYNONYMS;
    use super::*;

    #[test]
    fn the_kinds_are_those_of_the_schema() {
        for (section, key, expected) in [
            (TOP, "timezone", Some(ValueKind::Text)),
            (TOP, "server", Some(ValueKind::Section)),
            (TOP, "period", Some(ValueKind::Section)),
            ("[server]", "listen", Some(ValueKind::List)),
            ("[server]", "status_path", Some(ValueKind::Text)),
            ("[server]", "probe_paths", Some(ValueKind::List)),
            ("[server]", "proxy_protocol", Some(ValueKind::List)),
            ("[server]", "stop_delay", Some(ValueKind::DurationOrZero)),
            ("[server]", "stop_timeout", Some(ValueKind::DurationOrZero)),
            ("[server]", "tls", Some(ValueKind::Section)),
            ("[server]", "https_only", Some(ValueKind::Flag)),
            ("[[server.tls]]", "cert", Some(ValueKind::Text)),
            ("[management]", "listen", Some(ValueKind::Text)),
            ("[response]", "status", Some(ValueKind::Number)),
            ("[response]", "retry_after", Some(ValueKind::Duration)),
            ("[response]", "message", Some(ValueKind::Text)),
            ("[page]", "lang", Some(ValueKind::Text)),
            ("[limits]", "head", Some(ValueKind::Size)),
            ("[limits]", "upstream_idle", Some(ValueKind::DurationOrZero)),
            ("[log]", "access", Some(ValueKind::Flag)),
            ("[[period]]", "start", Some(ValueKind::DateTime)),
            ("[[period]]", "for", Some(ValueKind::Duration)),
            ("[[period]]", "except", Some(ValueKind::Dates)),
            ("[[period]]", "hosts", Some(ValueKind::List)),
            ("[server]", "upstream", None),
            ("[sever]", "listen", None),
        ] {
            assert_eq!(kind(section, key), expected, "{section} {key}");
        }
        assert_eq!(section("period"), Some("[[period]]"));
        assert_eq!(section("site"), Some("[site]"));
        assert_eq!(section("timezone"), None);
    }

    #[test]
    fn every_synonym_names_an_existing_key_and_is_not_a_key_itself() {
        for (section, key, others) in SYNONYMS {
            let section = if *section == "[]" { TOP } else { section };
            assert!(kind(section, key).is_some(), "{section} {key}");
            for other in *others {
                let known = kind(section, other).is_some();
                assert!(!known, "{other} is a key of {section}");
            }
        }
    }
}
