//! The keys of the file: which section has which, what a value of each looks like, and what people call them instead.
//!
//! All but the other names comes from the schema, so from the types of the document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::pattern;
use super::schema::schema;
use crate::invalid_value::InvalidValue;

/// How messages call the part of the file before the first section.
pub(super) const TOP: &str = "the top level";

/// A longer name is a mistyped form of none.
const MAX_NAME: usize = 64;

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// A text.
    Text,
    /// A text that is a duration.
    Duration,
    /// A date-time.
    DateTime,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// A list of texts.
    List,
    /// A list of dates and date-times.
    Dates,
    /// A section, or tables of an array.
    Section,
}

/// The keys of each section, by what messages call the section.
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
    let is_pattern = |value: &Value, pattern| value.get("pattern").is_some_and(|found| found == pattern);
    let is_table = |value: &Value| value.get("properties").is_some();
    let has_format =
        |value: &Value, format: &str| value.pointer("/anyOf/0/format").is_some_and(|found| found == format);
    match (value.get("type").and_then(Value::as_str), value.get("items")) {
        (Some("boolean"), _) => ValueKind::Flag,
        (Some("integer"), _) => ValueKind::Number,
        (Some("array"), Some(items)) if has_format(items, "date") => ValueKind::Dates,
        (Some("array"), Some(items)) if !is_table(items) => ValueKind::List,
        (Some("array" | "object"), _) => ValueKind::Section,
        _ if is_pattern(value, pattern::DURATION) => ValueKind::Duration,
        _ if has_format(value, "date-time") => ValueKind::DateTime,
        _ => ValueKind::Text,
    }
}

/// What a value of a key of a section looks like; `None` if the section has no such key.
pub(super) fn kind(section: &str, key: &str) -> Option<ValueKind> {
    KEYS.get(section)?.get(key).copied()
}

/// How a section is written: `[name]` or `[[name]]`; `None` if there is none of that name.
pub(super) fn section(name: &str) -> Option<&'static str> {
    [format!("[{name}]"), format!("[[{name}]]")]
        .iter()
        .find_map(|title| KEYS.get_key_value(title).map(|(title, _)| title.as_str()))
}

/// Which key a name was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyGuess<'k> {
    /// This one: only case, hyphens or a plural differ.
    Surely(&'k str),
    /// This one, at a guess.
    Probably(&'k str),
}

impl<'k> KeyGuess<'k> {
    /// The key.
    pub(super) fn key(self) -> &'k str {
        match self {
            Self::Surely(key) | Self::Probably(key) => key,
        }
    }
}

/// The key among `known` of `section` that `name` was meant to be.
pub(super) fn meant<'k>(section: &str, known: &[&'k str], name: &str) -> Option<KeyGuess<'k>> {
    if name.len() > MAX_NAME {
        return None;
    }
    let named = |wanted: &str| known.iter().copied().find(|known| *known == wanted);
    let same = known.iter().copied().find(|known| plain(known) == plain(name));
    let other = || other_name(section, name).and_then(named);
    same.map(KeyGuess::Surely).or_else(|| other().or_else(|| nearest(known, name)).map(KeyGuess::Probably))
}

/// Names that differ in nothing but case, separators and a plural have this in common.
fn plain(name: &str) -> String {
    let name = name.trim().to_lowercase().replace(['-', '_', ' '], "");
    name.strip_suffix('s').map_or(name.clone(), str::to_owned)
}

/// The key that `name` is a mistyped form of.
fn nearest<'k>(known: &[&'k str], name: &str) -> Option<&'k str> {
    let name = name.to_lowercase();
    let length = name.chars().count();
    let limit = if length > 5 { 2 } else { 1 };
    let distance = |known: &str| {
        let near = known.len().abs_diff(length) <= limit;
        near.then(|| strsim::osa_distance(known, &name)).filter(|distance| *distance <= limit)
    };
    let close = known.iter().filter_map(|known| Some((distance(known)?, *known)));
    let begun = || known.iter().copied().find(|known| length > 2 && known.starts_with(&format!("{name}_")));
    close.min_by_key(|(distance, _)| *distance).map(|(_, known)| known).or_else(begun)
}

/// What is wrong with a key that a section does not know.
pub(super) fn unknown_key(section: &str, known: &[&str], name: &str) -> InvalidValue {
    let place = if section == TOP { format!("at {TOP}") } else { format!("in {section}") };
    let message = format!("unknown key `{name}` {place}");
    let question = |key: &str| format!("did you mean `{key}`?");
    if matches!(name, "enabled" | "enable") && section != TOP && !known.contains(&"enabled") {
        let help =
            format!("remove it: {section} counts as soon as it is there; only a [[period]] has `enabled`");
        return InvalidValue::new(message, help);
    }
    if matches!(name, "disabled" | "disable") && known.contains(&"enabled") {
        return InvalidValue::new(message, "did you mean `enabled = false`?");
    }
    let called = other_name(section, name).filter(|key| known.contains(key));
    let help = match meant(section, known, name) {
        Some(KeyGuess::Surely(key)) => format!("write `{key}`"),
        Some(KeyGuess::Probably(key)) if called.is_some() => question(key),
        near => elsewhere(section, name)
            .or_else(|| near.map(|near| question(near.key())))
            .unwrap_or_else(|| format!("known here: {}", known.join(", "))),
    };
    InvalidValue::new(message, help)
}

/// What is wrong with a section that the file does not know. `header` is how it was written.
pub(super) fn unknown_section(header: &str, known: &[&str], name: &str) -> InvalidValue {
    let message = format!("unknown section `{header}`");
    let sections = || KEYS.keys().map(String::as_str).filter(|title| *title != TOP);
    let meant = meant("[]", known, name).and_then(|meant| Some((meant, section(meant.key())?)));
    let help = match meant {
        Some((KeyGuess::Surely(_), title)) => format!("write `{title}`"),
        Some((KeyGuess::Probably(_), title)) => format!("did you mean `{title}`?"),
        None => format!("known sections: {}", sections().collect::<Vec<_>>().join(", ")),
    };
    InvalidValue::new(message, help)
}

/// The sections to which a key belongs that is in the wrong one.
fn elsewhere(section: &str, name: &str) -> Option<String> {
    if name.len() > MAX_NAME {
        return None;
    }
    if let Some(title) = self::section(name) {
        return Some(format!("write `{title}` on a line of its own"));
    }
    let key_in =
        |keys: &'static BTreeMap<String, ValueKind>| keys.keys().find(|key| plain(key) == plain(name));
    let found = KEYS.iter().filter(|(title, _)| *title != section);
    let found: Vec<_> = found.filter_map(|(title, keys)| Some((title, key_in(keys)?))).collect();
    let (_, key) = found.first()?;
    let at_the_top = found.iter().any(|(title, _)| *title == TOP);
    let mut places: Vec<_> =
        found.iter().filter(|(title, _)| *title != TOP).map(|(title, _)| format!("in {title}")).collect();
    if at_the_top {
        places.insert(0, "at the top of the file, before the first section,".to_owned());
    }
    Some(format!("`{key}` belongs {}", places.join(" or ").trim_end_matches(',')))
}

/// What people call a key instead, with the section and the key. `[]` means the names of sections.
const OTHER_NAMES: &[(&str, &str, &[&str])] = &[
    (TOP, "timezone", &["tz", "zone"]),
    ("[server]", "listen", &["bind", "address", "addr", "port", "host", "socket", "listen_address"]),
    (
        "[server]",
        "trusted_proxies",
        &["trust", "trusted", "proxies", "proxy", "trust_proxy", "set_real_ip_from", "real_ip"],
    ),
    ("[server]", "status_path", &["status", "status_url", "health", "health_path"]),
    (
        "[site]",
        "upstream",
        &["backend", "proxy_pass", "url", "target", "origin", "proxy", "server", "address", "host", "port"],
    ),
    ("[site]", "root", &["directory", "dir", "path", "folder", "document_root", "static", "public"]),
    ("[site]", "response_timeout", &["timeout", "read_timeout", "proxy_read_timeout"]),
    ("[site]", "connect_timeout", &["proxy_connect_timeout"]),
    ("[site]", "when_unreachable", &["on_error", "unreachable", "fallback"]),
    (
        "[exempt]",
        "networks",
        &["ip", "ips", "address", "addresses", "client", "clients", "allow", "cidr", "subnet", "allowlist"],
    ),
    ("[exempt]", "paths", &["url", "urls", "uri", "glob", "globs", "location", "route", "prefix"]),
    ("[response]", "redirect", &["url", "location", "target", "redirect_to"]),
    ("[response]", "template", &["page", "html", "file", "body", "error_page"]),
    ("[response]", "status", &["code", "status_code", "http_status"]),
    ("[response]", "retry_after", &["retry", "retry_in"]),
    ("[response]", "message", &["text", "reason", "description"]),
    ("[management]", "listen", &["bind", "address", "addr", "port", "host", "socket"]),
    ("[log]", "level", &["loglevel", "log_level", "verbosity", "filter"]),
    ("[log]", "access", &["access_log", "requests"]),
    ("[[period]]", "start", &["from", "begin", "since", "starts_at", "start_time", "start_at", "at", "date"]),
    ("[[period]]", "end", &["until", "to", "till", "stop", "finish", "ends_at", "end_time", "end_at"]),
    ("[[period]]", "for", &["duration", "length", "lasts", "hours", "minutes"]),
    ("[[period]]", "cron", &["schedule", "crontab", "recurring", "recurrence", "every", "repeat", "rrule"]),
    ("[[period]]", "except", &["exclude", "exclusion", "skip", "exception", "not_on", "but"]),
    ("[[period]]", "hosts", &["domain", "domains", "server_name", "hostname", "site", "sites"]),
    ("[[period]]", "paths", &["url", "urls", "uri", "location", "route", "routes"]),
    ("[[period]]", "methods", &["verb", "verbs", "http_methods"]),
    ("[[period]]", "timezone", &["tz", "zone"]),
    ("[[period]]", "enabled", &["active", "enable", "on"]),
    ("[[period]]", "message", &["text", "reason", "description", "comment"]),
    ("[[period]]", "name", &["id", "title", "label"]),
    ("[[period]]", "redirect", &["target", "redirect_to"]),
    ("[[period]]", "template", &["page", "html", "file", "error_page"]),
    ("[]", "period", &["downtime", "maintenance", "schedule", "window", "windows", "outage", "event"]),
    ("[]", "server", &["http", "listen", "listener", "gateway", "main"]),
    ("[]", "site", &["upstream", "backend", "proxy", "origin", "target"]),
    ("[]", "exempt", &["exemption", "exemptions", "allow", "allowlist", "exclude", "pass", "exception"]),
    ("[]", "response", &["answer", "error_page", "template"]),
    ("[]", "management", &["health", "metrics", "monitoring", "api"]),
    ("[]", "log", &["logging"]),
];

fn other_name(section: &str, name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('-', "_");
    let called = |(of, _, others): &&(&str, &str, &[&str])| *of == section && others.contains(&name.as_str());
    OTHER_NAMES.iter().find(called).map(|(_, key, _)| *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_those_of_the_schema() {
        for (section, key, expected) in [
            (TOP, "timezone", Some(ValueKind::Text)),
            (TOP, "server", Some(ValueKind::Section)),
            (TOP, "period", Some(ValueKind::Section)),
            ("[server]", "listen", Some(ValueKind::List)),
            ("[server]", "status_path", Some(ValueKind::Text)),
            ("[management]", "listen", Some(ValueKind::Text)),
            ("[response]", "status", Some(ValueKind::Number)),
            ("[response]", "retry_after", Some(ValueKind::Duration)),
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
    fn each_other_name_leads_to_a_key_that_its_section_has_and_is_none_itself() {
        for (section, key, others) in OTHER_NAMES {
            let section = if *section == "[]" { TOP } else { section };
            assert!(kind(section, key).is_some(), "{section} {key}");
            for other in *others {
                let known = kind(section, other).is_some();
                assert!(!known, "{other} is a key of {section}");
            }
        }
    }

    #[test]
    fn a_key_that_is_not_known_is_answered_with_the_one_that_was_meant() {
        for (section, name, help) in [
            ("[server]", "Listen", "write `listen`"),
            ("[response]", "retry-after", "write `retry_after`"),
            ("[response]", "retryAfter", "write `retry_after`"),
            ("[[period]]", "host", "write `hosts`"),
            (TOP, "time_zone", "write `timezone`"),
            ("[server]", "listne", "did you mean `listen`?"),
            ("[[period]]", "enabeld", "did you mean `enabled`?"),
            ("[response]", "retry", "did you mean `retry_after`?"),
            ("[site]", "connect", "did you mean `connect_timeout`?"),
            ("[[period]]", "from", "did you mean `start`?"),
            ("[[period]]", "begin", "did you mean `start`?"),
            ("[[period]]", "until", "did you mean `end`?"),
            ("[[period]]", "to", "did you mean `end`?"),
            ("[[period]]", "duration", "did you mean `for`?"),
            ("[[period]]", "schedule", "did you mean `cron`?"),
            ("[[period]]", "url", "did you mean `paths`?"),
            ("[exempt]", "ip", "did you mean `networks`?"),
            ("[exempt]", "Addresses", "did you mean `networks`?"),
            ("[server]", "port", "did you mean `listen`?"),
            ("[server]", "bind", "did you mean `listen`?"),
            ("[management]", "address", "did you mean `listen`?"),
            ("[site]", "url", "did you mean `upstream`?"),
            ("[site]", "port", "did you mean `upstream`?"),
            ("[site]", "backend", "did you mean `upstream`?"),
            ("[site]", "proxy-pass", "did you mean `upstream`?"),
            ("[server]", "upstream", "`upstream` belongs in [site]"),
            (TOP, "message", "`message` belongs in [[period]] or in [response]"),
            (TOP, "Root", "`root` belongs in [site]"),
            (TOP, "listen", "`listen` belongs in [management] or in [server]"),
            (
                "[server]",
                "timezone",
                "`timezone` belongs at the top of the file, before the first section, or in [[period]]",
            ),
            ("[server]", "site", "write `[site]` on a line of its own"),
            ("[log]", "colour", "known here: level, format, access"),
            ("[management]", "secret", "known here: hosts, listen"),
        ] {
            let known = KEYS.get(section).unwrap();
            let mut known: Vec<_> = known.keys().map(String::as_str).collect();
            if section == "[log]" {
                known = vec!["level", "format", "access"];
            }
            let fault = unknown_key(section, &known, name);
            assert_eq!(fault.help, help, "{section} {name}");
            assert!(fault.message.starts_with(&format!("unknown key `{name}` ")));
        }
    }

    #[test]
    fn a_section_that_is_not_known_is_answered_with_the_one_that_was_meant() {
        let known: Vec<_> = KEYS.get(TOP).unwrap().keys().map(String::as_str).collect();
        for (header, name, help) in [
            ("[[periods]]", "periods", "write `[[period]]`"),
            ("[Server]", "Server", "write `[server]`"),
            ("[sever]", "sever", "did you mean `[server]`?"),
            ("[[maintenance]]", "maintenance", "did you mean `[[period]]`?"),
            ("[proxy]", "proxy", "did you mean `[site]`?"),
            ("[logging]", "logging", "did you mean `[log]`?"),
        ] {
            let fault = unknown_section(header, &known, name);
            assert_eq!(fault.help, help, "{header}");
            assert_eq!(fault.message, format!("unknown section `{header}`"));
        }
        let help = unknown_section("[colours]", &known, "colours").help;
        assert!(
            help.starts_with("known sections: ") && help.contains("[site]") && help.contains("[[period]]")
        );
    }
}
