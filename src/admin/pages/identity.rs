//! The ids of periods and bypasses in URLs.
//!
//! Something with a simple name has that name as its id. Anything else has a hash as its id, of its name, or else of its text
//! together with its line. The latter is not found any more once the file has changed before it.

use sha2::{Digest as _, Sha256};
use toml::Table;

use crate::editing::EditSource;
use crate::hex;
use crate::matching::bypass::Bypass;
use crate::schedule::period::Period;

/// The number of bytes of a hash in an id.
const ID_BYTES: usize = 8;

/// The longest name that is an id, in bytes: a URL has no room for every name.
const MAX_ID: usize = 256;

/// The segments of paths that have another meaning.
const RESERVED: [&str; 1] = ["new"];

/// Returns the ids of all periods.
pub(super) fn period_ids(source: &EditSource<'_>) -> Vec<String> {
    let texts = source.period_texts().unwrap_or_default();
    let texts = texts.into_iter().map(Some).chain(std::iter::repeat(None));
    let periods = source.config.rules.schedule.periods();
    periods.iter().zip(texts).map(|(period, text)| period_id(period, text.unwrap_or_default())).collect()
}

fn period_id(period: &Period, text: &str) -> String {
    match &period.name {
        Some(name) => id_of_name(name),
        None => format!("~{}-{}", period.line, digest(text)),
    }
}

/// Returns the id of a bypass.
pub(super) fn bypass_id(bypass: &Bypass) -> String {
    match &bypass.name {
        Some(name) => id_of_name(name),
        None => format!("~{}-{}", bypass.line, digest(&bypass.hash.to_string())),
    }
}

/// Returns the id of something with a name.
pub(super) fn id_of_name(name: &str) -> String {
    let is_simple = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_id = name.len() <= MAX_ID
        && name.bytes().all(is_simple)
        && name.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && !RESERVED.contains(&name);
    if is_id { name.to_owned() } else { format!("~{}", digest(name)) }
}

/// Returns the index of the period with an id, or else with a name.
pub(super) fn find_period(periods: &[Period], ids: &[String], id: &str) -> Option<usize> {
    let by_id = ids.iter().position(|other| other == id);
    by_id.or_else(|| periods.iter().position(|period| period.name.as_deref() == Some(id)))
}

/// Returns the index of the period that has the text of one without a name, wherever it is now.
pub(super) fn find_moved(ids: &[String], id: &str) -> Option<usize> {
    let (_, hash) = id.strip_prefix('~')?.split_once('-')?;
    let mut moved =
        ids.iter().enumerate().filter(|(_, other)| other.rsplit_once('-').is_some_and(|it| it.1 == hash));
    let (index, _) = moved.next()?;
    moved.next().is_none().then_some(index)
}

/// Returns the name of a period in quotes, or that it has none.
pub(super) fn period_title(table: &Table) -> String {
    title(table, "a period without a name")
}

/// Returns the name of a bypass, or that it has none.
pub(super) fn bypass_title(table: &Table) -> String {
    format!("the bypass {}", title(table, "without a name"))
}

fn title(table: &Table, unnamed: &str) -> String {
    let name = table.get("name").and_then(toml::Value::as_str);
    name.map_or_else(|| unnamed.to_owned(), |name| format!("\"{name}\""))
}

fn digest(text: &str) -> String {
    let hash = Sha256::digest(text);
    hex::encode(hash.get(..ID_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_simple_name_is_an_id() {
        for (name, is_id) in [
            ("db-upgrade", true),
            ("v1.2_3", true),
            ("new", false),
            ("..", false),
            ("~1", false),
            ("two words", false),
            ("a/b", false),
            ("Ümzug", false),
            (&"x".repeat(256), true),
            (&"x".repeat(257), false),
        ] {
            assert_eq!(id_of_name(name) == name, is_id, "{name}");
        }
    }

    #[test]
    fn a_moved_period_is_found_if_its_text_is_unique() {
        let ids = ["a", "~3-aa", "~9-bb", "~12-aa", "~x"].map(str::to_owned);
        for (id, index) in [("~1-bb", Some(2)), ("~1-aa", None), ("~1-cc", None), ("a", None)] {
            assert_eq!(find_moved(&ids, id), index, "{id}");
        }
    }
}
