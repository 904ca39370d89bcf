//! Edits of the configuration's text: of the periods in it, and of nothing else.
//!
//! An edit is spliced into the text, so that every byte outside it stays: comments, order, spacing, CRLF, a byte order
//! mark, a last line without newline. `toml_edit` says where things stand; it never prints, since its printer
//! normalises line ends. What comes out is read again, and refused unless exactly the keys meant have changed.

mod layout;
mod literal;
mod outcome;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use toml_edit::Document;

pub use literal::Literal;
use place::{PeriodNode, PeriodsNode};

/// The key of the periods: `[[period]]`, or `period = [{ … }]`.
const PERIOD: &str = "period";

/// One change of the periods in a text.
///
/// Periods are counted from 0, in file order, as they stand when the change's turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Appends a period with these keys, in this order: as `[[period]]` at the end of the text, or, where the periods
    /// are an inline array, as its last element.
    Append(Vec<(&'static str, Literal)>),
    /// Sets some keys of a period and removes others, in this order.
    ///
    /// A key that stands gets the new value in the old one's place; a new one follows the table's last key, indented
    /// like it. A key that is removed takes its line along, but a comment at the end of that line stays, on a line of
    /// its own: a person wrote it. Comments inside a value go with the value. Removing what does not stand is no error.
    Alter {
        /// Which period.
        period: usize,
        /// The keys to set.
        set: Vec<(&'static str, Literal)>,
        /// The keys to remove.
        remove: Vec<&'static str>,
    },
    /// Appends a value to an array of a period, in the array's own layout, or makes the array.
    Push {
        /// Which period.
        period: usize,
        /// The array's key.
        key: &'static str,
        /// The value to append.
        value: Literal,
    },
}

/// Why a text could not be edited. Nothing is changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The text is not TOML.
    Syntax(String),
    /// `period` is neither an array of tables nor an inline array of inline tables.
    NotPeriods,
    /// The text has no such period.
    NoPeriod {
        /// Which was asked for, from 0.
        period: usize,
        /// How many there are.
        periods: usize,
    },
    /// The key is a table made of headers or dotted keys, so there is no value to replace.
    NotAValue(&'static str),
    /// The key holds something else than an array.
    NotAnArray(&'static str),
    /// The [`Literal::DateTime`] is none.
    NotADateTime(String),
    /// The edited text would say something else than what was meant: a fault of this program.
    Misread,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => write!(f, "the file is not valid TOML: {message}"),
            Self::NotPeriods => write!(f, "`period` is not a list of tables: write each one as [[period]]"),
            Self::NoPeriod { period, periods } => {
                write!(f, "there is no period {}: the file has {periods}", period + 1)
            }
            Self::NotAValue(key) => write!(f, "`{key}` is a table where a value belongs"),
            Self::NotAnArray(key) => write!(f, "`{key}` is not an array: write it as {key} = […]"),
            Self::NotADateTime(text) => write!(f, "`{text}` is not a TOML date or date-time"),
            Self::Misread => {
                write!(f, "the file is laid out in a way that cannot be edited safely: edit it by hand")
            }
        }
    }
}

impl std::error::Error for EditError {}

/// Carries out the changes, one after the other.
///
/// Lines that it adds end as the text's first line does. The text that comes back differs, as TOML, from the one given
/// in exactly the keys that the changes name.
pub fn apply(text: &str, changes: &[Change]) -> Result<String, EditError> {
    let edited = changes.iter().try_fold(text.to_owned(), |text, change| carry_out(&text, change))?;
    outcome::verify(text, &edited, changes)?;
    Ok(edited)
}

/// The periods that the changes have written, as a reader of the edited text gets them.
pub fn written(edited: &str, changes: &[Change]) -> Result<Vec<toml::Table>, EditError> {
    let periods = outcome::periods(edited)?;
    let appended = changes.iter().filter(|change| matches!(change, Change::Append(_))).count();
    let mut next = periods.len().saturating_sub(appended);
    let index = |change: &Change| match change {
        Change::Alter { period, .. } | Change::Push { period, .. } => *period,
        Change::Append(_) => {
            next += 1;
            next - 1
        }
    };
    let written = changes.iter().map(index).collect::<BTreeSet<_>>();
    written.into_iter().map(|index| periods.get(index).cloned().ok_or(EditError::Misread)).collect()
}

/// Whether a text has all of these periods, whatever else it has.
pub fn holds(text: &str, periods: &[toml::Table]) -> bool {
    outcome::periods(text).is_ok_and(|found| periods.iter().all(|period| found.contains(period)))
}

fn carry_out(text: &str, change: &Change) -> Result<String, EditError> {
    match change {
        Change::Append(keys) => append(text, keys),
        Change::Alter { period, set, remove } => alter(text, *period, set, remove),
        Change::Push { period, key, value } => push(text, *period, key, value),
    }
}

fn append(text: &str, keys: &[(&'static str, Literal)]) -> Result<String, EditError> {
    let entries = keys.iter().map(|(key, value)| Ok(entry(key, &value.render()?)));
    let entries = entries.collect::<Result<Vec<_>, EditError>>()?;
    match PeriodsNode::from_document(&parse(text)?)? {
        PeriodsNode::Inline(array) if entries.is_empty() => place::list_of_array(array)?.append(text, "{}"),
        PeriodsNode::Inline(array) => {
            place::list_of_array(array)?.append(text, &format!("{{ {} }}", entries.join(", ")))
        }
        PeriodsNode::Tables(_) | PeriodsNode::None => Ok(layout::append_table(text, "[[period]]", &entries)),
    }
}

fn alter(
    text: &str,
    period: usize,
    set: &[(&'static str, Literal)],
    remove: &[&'static str],
) -> Result<String, EditError> {
    let text = set
        .iter()
        .try_fold(text.to_owned(), |text, (key, value)| set_key(&text, period, key, &value.render()?))?;
    remove.iter().try_fold(text, |text, key| remove_key(&text, period, key))
}

fn push(text: &str, period: usize, key: &'static str, value: &Literal) -> Result<String, EditError> {
    let value = value.render()?;
    let document = parse(text)?;
    match PeriodNode::find(&document, period)?.entry(key)? {
        Some(entry) => {
            let array = entry.value.as_array().ok_or(EditError::NotAnArray(key))?;
            place::list_of_array(array)?.append(text, &value)
        }
        None => set_key(text, period, key, &format!("[{value}]")),
    }
}

fn set_key(text: &str, period: usize, key: &'static str, value: &str) -> Result<String, EditError> {
    let document = parse(text)?;
    let period = PeriodNode::find(&document, period)?;
    match period.entry(key)? {
        Some(entry) => layout::splice(text, entry.value_span()?, value),
        None => period.insert(text, &entry(key, value)),
    }
}

fn remove_key(text: &str, period: usize, key: &'static str) -> Result<String, EditError> {
    let document = parse(text)?;
    let period = PeriodNode::find(&document, period)?;
    match period.entry(key)? {
        Some(entry) => period.remove(text, &entry),
        None => Ok(text.to_owned()),
    }
}

fn entry(key: &str, value: &str) -> String {
    format!("{key} = {value}")
}

fn parse(text: &str) -> Result<Document<&str>, EditError> {
    Document::parse(text).map_err(|error| EditError::Syntax(error.message().to_owned()))
}
