//! Explains keys and sections that do not exist, by a guess at the one that is meant.

use std::collections::BTreeMap;

use super::{KEYS, PERIODS_FILE, TOP, ValueKind, section, synonyms};
use crate::invalid_value::InvalidValue;

/// A longer name, in bytes, is not compared with those of keys.
const MAX_NAME: usize = 64;

/// The key that an unknown name probably means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum KeyGuess<'k> {
    /// Certain: only case, separators or a plural differ.
    Certain(&'k str),
    /// A guess: a misspelling, or the name that another program uses.
    Likely(&'k str),
}

impl<'k> KeyGuess<'k> {
    /// Returns the key.
    pub(in crate::config) fn key(self) -> &'k str {
        match self {
            Self::Certain(key) | Self::Likely(key) => key,
        }
    }
}

/// Returns the key among `known`, those of `section`, that `name` probably means.
pub(in crate::config) fn guess_key<'k>(section: &str, known: &[&'k str], name: &str) -> Option<KeyGuess<'k>> {
    if name.len() > MAX_NAME {
        return None;
    }
    let find = |wanted: &str| known.iter().copied().find(|known| *known == wanted);
    let same = known.iter().copied().find(|known| normalized(known) == normalized(name));
    let synonym = || synonyms::find(section, name).and_then(find);
    same.map(KeyGuess::Certain).or_else(|| synonym().or_else(|| nearest(known, name)).map(KeyGuess::Likely))
}

/// Returns the form in which names are equal that differ in case, separators and plural only.
fn normalized(name: &str) -> String {
    let name = name.trim().to_lowercase().replace(['-', '_', ' '], "");
    name.strip_suffix('s').map_or(name.clone(), str::to_owned)
}

/// Returns the key that `name` is a misspelling or the beginning of.
fn nearest<'k>(known: &[&'k str], name: &str) -> Option<&'k str> {
    let name = name.to_lowercase();
    let length = name.chars().count();
    let limit = if length > 5 { 2 } else { 1 };
    let distance = |known: &str| {
        let near = known.len().abs_diff(length) <= limit;
        near.then(|| strsim::osa_distance(known, &name)).filter(|distance| *distance <= limit)
    };
    let close = known.iter().filter_map(|known| Some((distance(known)?, *known)));
    let begins = || known.iter().copied().find(|known| length > 2 && known.starts_with(&format!("{name}_")));
    close.min_by_key(|(distance, _)| *distance).map(|(_, known)| known).or_else(begins)
}

/// Explains a key that `section` does not have.
pub fn unknown_key(section: &str, known: &[&str], name: &str) -> InvalidValue {
    let place = if section == TOP { format!("at {TOP}") } else { format!("in {section}") };
    let message = format!("unknown key `{name}` {place}");
    if section == PERIODS_FILE && KEYS.get(TOP).is_some_and(|keys| keys.contains_key(name)) {
        let message =
            format!("`{name}` cannot be in {PERIODS_FILE}, which has only [[period]] and [[bypass]]");
        return InvalidValue::new(message, "move it to the main file");
    }
    let question = |key: &str| format!("did you mean `{key}`?");
    if matches!(name, "enabled" | "enable") && section != TOP && !known.contains(&"enabled") {
        let help =
            format!("remove it: {section} applies whenever it is present; only a [[period]] has `enabled`");
        return InvalidValue::new(message, help);
    }
    if matches!(name, "disabled" | "disable") && known.contains(&"enabled") {
        return InvalidValue::new(message, "did you mean `enabled = false`?");
    }
    let is_synonym = synonyms::find(section, name).is_some_and(|key| known.contains(&key));
    let help = match guess_key(section, known, name) {
        Some(KeyGuess::Certain(key)) => format!("write `{key}`"),
        Some(KeyGuess::Likely(key)) if is_synonym => question(key),
        near => elsewhere(section, name)
            .or_else(|| near.map(|near| question(near.key())))
            .unwrap_or_else(|| known_keys(section, known)),
    };
    InvalidValue::new(message, help)
}

/// Returns a help that lists the keys of a section. At the top level it lists sections as they are written.
fn known_keys(section: &str, known: &[&str]) -> String {
    let is_section = |key: &str| section == TOP && self::section(key).is_some();
    let keys: Vec<_> = known.iter().copied().filter(|key| !is_section(key)).collect();
    let keys = format!("known keys: {}", keys.join(", "));
    if section == TOP { format!("{keys}; {}", known_sections()) } else { keys }
}

fn known_sections() -> String {
    let is_top = |title: &&str| *title != TOP && !title.contains('.');
    let sections: Vec<_> = KEYS.keys().map(String::as_str).filter(is_top).collect();
    format!("known sections: {}", sections.join(", "))
}

/// Explains a section that does not exist. `header` is its name with its brackets, as in the file.
pub(in crate::config) fn unknown_section(header: &str, known: &[&str], name: &str) -> InvalidValue {
    let message = format!("unknown section `{header}`");
    let meant = guess_key("[]", known, name).and_then(|meant| Some((meant, section(meant.key())?)));
    let help = match meant {
        Some((KeyGuess::Certain(_), title)) => format!("write `{title}`"),
        Some((KeyGuess::Likely(_), title)) => format!("did you mean `{title}`?"),
        None => known_sections(),
    };
    InvalidValue::new(message, help)
}

/// Returns a help that names the sections that do have the key `name`.
fn elsewhere(section: &str, name: &str) -> Option<String> {
    if name.len() > MAX_NAME {
        return None;
    }
    if let Some(title) = self::section(name) {
        return Some(format!("write `{title}` on a line of its own"));
    }
    let key_in = |keys: &'static BTreeMap<String, ValueKind>| {
        keys.keys().find(|key| normalized(key) == normalized(name))
    };
    let found = KEYS.iter().filter(|(title, _)| *title != section);
    let found: Vec<_> = found.filter_map(|(title, keys)| Some((title, key_in(keys)?))).collect();
    let (_, key) = found.first()?;
    let mut places: Vec<_> =
        found.iter().filter(|(title, _)| *title != TOP).map(|(title, _)| format!("in {title}")).collect();
    if places.len() < found.len() {
        places.insert(0, "at the top of the file, before the first section,".to_owned());
    }
    Some(format!("`{key}` belongs {}", places.join(" or ").trim_end_matches(',')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_for_an_unknown_key_names_the_key_that_was_meant() {
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
            ("[admin]", "htpasswd", "did you mean `users`?"),
            ("[admin]", "remote_user", "did you mean `user_header`?"),
            ("[site]", "url", "did you mean `upstream`?"),
            ("[site]", "port", "did you mean `upstream`?"),
            ("[site]", "backend", "did you mean `upstream`?"),
            ("[site]", "proxy-pass", "did you mean `upstream`?"),
            ("[limits]", "upstream-idle", "write `upstream_idle`"),
            ("[limits]", "maxconn", "did you mean `upstream_connections`?"),
            ("[limits]", "upstream_keepalive", "did you mean `upstream_idle`?"),
            ("[limits]", "upstream_idle_timeout", "did you mean `upstream_idle`?"),
            ("[server]", "upstream", "`upstream` belongs in [site]"),
            ("[site]", "upstream_idle", "`upstream_idle` belongs in [limits]"),
            ("[limits]", "connect_timeout", "`connect_timeout` belongs in [site]"),
            (TOP, "message", "`message` belongs in [[period]] or in [response]"),
            (TOP, "Root", "`root` belongs in [site]"),
            (TOP, "listen", "`listen` belongs in [admin] or in [management] or in [server]"),
            (
                "[server]",
                "timezone",
                "`timezone` belongs at the top of the file, before the first section, or in [[period]]",
            ),
            ("[server]", "site", "write `[site]` on a line of its own"),
            (
                TOP,
                "colour",
                "known keys: periods_file, timezone; known sections: [[bypass]], [[period]], [[webhook]], [admin], [exempt], [hooks], \
                 [limits], [log], [management], [page], [response], [server], [site]",
            ),
            ("[hooks]", "on_start", "did you mean `on_down`?"),
            ("[[webhook]]", "secret", "did you mean `secret_file`?"),
            ("[[webhook]]", "event", "write `events`"),
            ("[log]", "colour", "known keys: level, format, access"),
            ("[page]", "colour", "did you mean `accent`?"),
            ("[page]", "language", "did you mean `lang`?"),
            ("[page]", "name", "did you mean `title`?"),
            ("[management]", "secret", "known keys: hosts, listen"),
            ("[limits]", "keepalive_timeout", "did you mean `idle_timeout`?"),
            ("[limits]", "client_header_timeout", "did you mean `head_timeout`?"),
            ("[limits]", "limit_conn", "did you mean `connections_per_client`?"),
        ] {
            let known = KEYS.get(section).unwrap();
            let mut known: Vec<_> = known.keys().map(String::as_str).collect();
            if section == "[log]" {
                known = vec!["level", "format", "access"];
            }
            let invalid = unknown_key(section, &known, name);
            assert_eq!(invalid.help, help, "{section} {name}");
            assert!(invalid.message.starts_with(&format!("unknown key `{name}` ")));
        }
    }

    #[test]
    fn the_help_for_an_unknown_section_names_the_section_that_was_meant() {
        let known: Vec<_> = KEYS.get(TOP).unwrap().keys().map(String::as_str).collect();
        for (header, name, help) in [
            ("[[periods]]", "periods", "write `[[period]]`"),
            ("[Server]", "Server", "write `[server]`"),
            ("[sever]", "sever", "did you mean `[server]`?"),
            ("[[maintenance]]", "maintenance", "did you mean `[[period]]`?"),
            ("[proxy]", "proxy", "did you mean `[site]`?"),
            ("[logging]", "logging", "did you mean `[log]`?"),
            ("[limit]", "limit", "write `[limits]`"),
            ("[brand]", "brand", "did you mean `[page]`?"),
            ("[[webhooks]]", "webhooks", "write `[[webhook]]`"),
            ("[notify]", "notify", "did you mean `[[webhook]]`?"),
        ] {
            let invalid = unknown_section(header, &known, name);
            assert_eq!(invalid.help, help, "{header}");
            assert_eq!(invalid.message, format!("unknown section `{header}`"));
        }
        let help = unknown_section("[colours]", &known, "colours").help;
        assert!(
            help.starts_with("known sections: ") && help.contains("[site]") && help.contains("[[period]]")
        );
    }
}
