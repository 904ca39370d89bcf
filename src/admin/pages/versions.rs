//! The versions of the file that operators have opened, so that a page can say what has changed since.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use toml::{Table, Value};

use super::identity::{bypass_title, period_title};

/// The number of versions that are kept.
const MAX_VERSIONS: usize = 16;

/// The versions that were opened last.
#[derive(Debug, Default)]
pub(in crate::admin) struct Versions(Mutex<VecDeque<Arc<ConfigVersion>>>);

/// A version of the main file and the periods file.
#[derive(Debug)]
pub(super) struct ConfigVersion {
    pub(super) sha256: String,
    /// The periods of both files, with their ids.
    pub(super) periods: Vec<(String, Table)>,
    bypasses: Vec<Table>,
    /// Everything else.
    rest: Table,
}

impl Versions {
    /// Keeps a version, unless it is known. `read` makes it.
    pub(super) fn keep(&self, sha256: &str, read: impl FnOnce() -> Option<ConfigVersion>) {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = versions.iter().position(|version| version.sha256 == sha256);
        let version = known.and_then(|index| versions.remove(index)).or_else(|| read().map(Arc::new));
        versions.extend(version);
        if versions.len() > MAX_VERSIONS {
            versions.pop_front();
        }
    }

    /// Returns a version that was opened.
    pub(super) fn get(&self, sha256: &str) -> Option<Arc<ConfigVersion>> {
        let versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        versions.iter().find(|version| version.sha256 == sha256).map(Arc::clone)
    }
}

impl ConfigVersion {
    /// Parses the texts of both files. `ids` are those of the periods.
    pub(super) fn parse(sha256: &str, main: &str, periods: Option<&str>, ids: &[String]) -> Option<Self> {
        let mut rest: Table = toml::from_str(main.trim_start_matches('\u{feff}')).ok()?;
        let second: Table = match periods {
            Some(text) => toml::from_str(text.trim_start_matches('\u{feff}')).ok()?,
            None => Table::new(),
        };
        let mut tables = |key: &str| {
            let of_main = rest.remove(key).into_iter();
            let both = of_main.chain(second.get(key).cloned());
            let items =
                both.filter_map(|list| if let Value::Array(items) = list { Some(items) } else { None });
            let table = |item| if let Value::Table(table) = item { Some(table) } else { None };
            items.flatten().filter_map(table).collect::<Vec<_>>()
        };
        let periods = ids.iter().cloned().zip(tables("period")).collect();
        let bypasses = tables("bypass");
        Some(Self { sha256: sha256.to_owned(), periods, bypasses, rest })
    }

    /// Describes what is different in a later version.
    pub(super) fn changes_to(&self, later: &Self) -> Vec<String> {
        let tables =
            |version: &Self| version.periods.iter().map(|(_, table)| table.clone()).collect::<Vec<_>>();
        let mut changes = list_changes(&tables(self), &tables(later), period_title);
        changes.extend(list_changes(&self.bypasses, &later.bypasses, bypass_title));
        let sections = self.rest.keys().chain(later.rest.keys().filter(|key| !self.rest.contains_key(*key)));
        let differing = sections.filter(|key| self.rest.get(*key) != later.rest.get(*key));
        changes.extend(differing.map(|key| format!("`{key}` in the main file was changed")));
        if changes.is_empty() {
            changes.push("only comments, the layout or the order".to_owned());
        }
        changes
    }
}

/// Describes the differences between two lists of tables, which are the same table if they have the same name.
fn list_changes(before: &[Table], after: &[Table], title: fn(&Table) -> String) -> Vec<String> {
    let mut changes = Vec::new();
    let counterpart = |table: &Table, others: &[Table]| match table.get("name") {
        Some(name) => others.iter().find(|other| other.get("name") == Some(name)).cloned(),
        None => others.iter().find(|other| *other == table).cloned(),
    };
    for table in before {
        match counterpart(table, after) {
            None => changes.push(format!("{} was removed", title(table))),
            Some(other) => changes.extend(key_changes(table, &other, &title(table))),
        }
    }
    let is_new = |table: &&Table| counterpart(table, before).is_none();
    changes.extend(after.iter().filter(is_new).map(|table| format!("{} was added", title(table))));
    changes
}

fn key_changes(before: &Table, after: &Table, title: &str) -> Vec<String> {
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    let change = |key: &String| match (before.get(key), after.get(key)) {
        (before, after) if before == after => None,
        (_, Some(_)) if key == "hash" => Some(format!("{title} has another secret")),
        (_, Some(value)) => Some(format!("{title}: `{key}` is now {value}")),
        (_, None) => Some(format!("{title}: `{key}` was removed")),
    };
    keys.filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(main: &str, periods: Option<&str>) -> ConfigVersion {
        ConfigVersion::parse("", main, periods, &vec![String::new(); 9]).unwrap()
    }

    #[test]
    fn changes_are_described_by_name() {
        let before =
            version("timezone = 'UTC'\n[[period]]\nname = 'a'\nfor = '1h'\n[[period]]\nfor = '2h'\n", None);
        for (main, periods, expected) in [
            (
                "timezone = 'UTC'\n[[period]]\nname = 'a'\nfor = '1h'\n[[period]]\nfor = '2h'\n# b",
                None,
                vec!["only comments, the layout or the order"],
            ),
            (
                "[[period]]\nname = 'a'\nend = 'x'\n[[period]]\nfor = '2h'\n",
                None,
                vec![
                    "\"a\": `for` was removed",
                    "\"a\": `end` is now \"x\"",
                    "`timezone` in the main file was changed",
                ],
            ),
            (
                "timezone = 'UTC'\n[[period]]\nfor = '3h'\n",
                Some("[[period]]\nname = 'b'\n"),
                vec![
                    "\"a\" was removed",
                    "a period without a name was removed",
                    "a period without a name was added",
                    "\"b\" was added",
                ],
            ),
        ] {
            assert_eq!(before.changes_to(&version(main, periods)), expected);
        }
    }
}
