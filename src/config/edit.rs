//! Edits the periods and bypasses in the text of a configuration file, and nothing else.
//!
//! An edit is spliced into the text, so all other bytes stay: comments, order, spacing, CRLF, a byte order mark, a last
//! line without a newline. `toml_edit` only locates the keys; its printer would normalize line ends. The result is
//! parsed again, and refused unless exactly the intended keys have changed.

mod change;
mod layout;
mod literal;
mod place;
#[cfg(test)]
mod tests;
mod verification;

use std::borrow::Cow;
use std::collections::BTreeSet;

use toml_edit::Document;

pub use change::{Change, EditError};
pub use literal::Literal;
use place::{PeriodNode, PeriodsNode};

/// The key of the periods: `[[period]]`, or `period = [{ … }]`.
const PERIOD: &str = "period";
/// The key of the bypasses, in the same two forms.
const BYPASS: &str = "bypass";

/// Applies the changes in order.
///
/// Added lines have the same line ends as the first line of the text. As TOML, the result differs from the text in
/// exactly the keys that the changes name.
pub fn apply(text: &str, changes: &[Change]) -> Result<String, EditError> {
    let edited = changes.iter().try_fold(text.to_owned(), |text, change| apply_one(&text, change))?;
    verification::verify(text, &edited, changes)?;
    Ok(edited)
}

/// Returns the periods that the changes have written, parsed from the edited text.
pub fn changed_periods(edited: &str, changes: &[Change]) -> Result<Vec<toml::Table>, EditError> {
    let periods = verification::periods(edited)?;
    let appended = changes.iter().filter(|change| matches!(change, Change::Append(_))).count();
    let mut next = periods.len().saturating_sub(appended);
    let index = |change: &Change| match change {
        Change::Alter { period, .. } | Change::Push { period, .. } => Some(*period),
        Change::Append(_) => {
            next += 1;
            Some(next - 1)
        }
        Change::Remove { .. } | Change::AppendBypass(_) | Change::RemoveBypass { .. } => None,
    };
    let indices = changes.iter().filter_map(index).collect::<BTreeSet<_>>();
    indices.into_iter().map(|index| periods.get(index).cloned().ok_or(EditError::Misread)).collect()
}

/// Returns true if a text has all of these periods, whatever else it contains.
pub fn contains_periods(text: &str, periods: &[toml::Table]) -> bool {
    verification::periods(text).is_ok_and(|found| periods.iter().all(|period| found.contains(period)))
}

/// Returns the text of a period, from its header to the end of the line of its last value.
pub fn period_text(text: &str, period: usize) -> Result<&str, EditError> {
    let span = PeriodNode::find(&parse(text)?, PERIOD, period)?.span()?;
    layout::with_rest_of_line(text, span).ok_or(EditError::Misread)
}

/// Returns the text of each period, as [`period_text`] does.
pub fn period_texts(text: &str) -> Result<Vec<&str>, EditError> {
    let document = parse(text)?;
    let count = PeriodsNode::from_document(&document, PERIOD)?.len();
    let text_of = |index| {
        let span = PeriodNode::find(&document, PERIOD, index)?.span()?;
        layout::with_rest_of_line(text, span).ok_or(EditError::Misread)
    };
    (0..count).map(text_of).collect()
}

/// Returns the key of a period, or of the last one without an index, whose key or value is at a byte offset of the text.
pub fn key_at(text: &str, period: Option<usize>, offset: usize) -> Option<String> {
    let document = parse(text).ok()?;
    let last = || PeriodsNode::from_document(&document, PERIOD).ok()?.len().checked_sub(1);
    PeriodNode::find(&document, PERIOD, period.or_else(last)?).ok()?.key_at(offset)
}

/// Returns the keys and values of a period.
pub fn period_table(text: &str, period: usize) -> Result<toml::Table, EditError> {
    verification::periods(text)?.into_iter().nth(period).ok_or(EditError::Misread)
}

fn apply_one(text: &str, change: &Change) -> Result<String, EditError> {
    match change {
        Change::Append(keys) => append(text, PERIOD, keys),
        Change::AppendBypass(keys) => append(text, BYPASS, keys),
        Change::RemoveBypass { bypass } => remove(text, BYPASS, *bypass),
        Change::Alter { period, set, remove } => alter(text, *period, set, remove),
        Change::Push { period, key, value } => push(text, *period, key, value),
        Change::Remove { period } => remove(text, PERIOD, *period),
    }
}

fn append(text: &str, list: &str, keys: &[(&'static str, Literal)]) -> Result<String, EditError> {
    let entries = keys.iter().map(|(key, value)| Ok(entry(key, &value.render()?)));
    let entries = entries.collect::<Result<Vec<_>, EditError>>()?;
    match PeriodsNode::from_document(&parse(text)?, list)? {
        PeriodsNode::Inline(array) if entries.is_empty() => place::list_of_array(array)?.append(text, "{}"),
        PeriodsNode::Inline(array) => {
            place::list_of_array(array)?.append(text, &format!("{{ {} }}", entries.join(", ")))
        }
        PeriodsNode::Tables(_) | PeriodsNode::None => {
            Ok(layout::append_table(text, &format!("[[{list}]]"), &entries))
        }
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
    match PeriodNode::find(&document, PERIOD, period)?.entry(key)? {
        Some(entry) => {
            let array = entry.value.as_array().ok_or(EditError::NotAnArray(key))?;
            place::list_of_array(array)?.append(text, &value)
        }
        None => set_key(text, period, key, &format!("[{value}]")),
    }
}

fn remove(text: &str, list: &str, index: usize) -> Result<String, EditError> {
    let document = parse(text)?;
    let span = PeriodNode::find(&document, list, index)?.span()?;
    match PeriodsNode::from_document(&document, list)? {
        PeriodsNode::Inline(array) => {
            let previous = index.checked_sub(1).and_then(|index| array.get(index)?.span());
            layout::remove_from_list(text, &span, previous)
        }
        PeriodsNode::Tables(_) | PeriodsNode::None => layout::remove_table(text, &span),
    }
}

fn set_key(text: &str, period: usize, key: &'static str, value: &str) -> Result<String, EditError> {
    let text = &without_table(text, period, key)?;
    let document = parse(text)?;
    let period = PeriodNode::find(&document, PERIOD, period)?;
    match period.entry(key)? {
        Some(entry) => layout::splice(text, entry.value_span()?, value),
        None => period.insert(text, &entry(key, value)),
    }
}

fn remove_key(text: &str, period: usize, key: &'static str) -> Result<String, EditError> {
    let text = &without_table(text, period, key)?;
    let document = parse(text)?;
    let period = PeriodNode::find(&document, PERIOD, period)?;
    match period.entry(key)? {
        Some(entry) => period.remove(text, &entry),
        None => Ok(text.clone().into_owned()),
    }
}

/// Removes a key that is a table made of a header or of dotted keys.
fn without_table<'t>(text: &'t str, period: usize, key: &str) -> Result<Cow<'t, str>, EditError> {
    let document = parse(text)?;
    let Some(table) = PeriodNode::find(&document, PERIOD, period)?.table_of(key) else {
        return Ok(text.into());
    };
    let pieces = place::pieces_of_table(text, table)?;
    let removed = pieces.iter().rev().try_fold(text.to_owned(), |text, piece| layout::remove(&text, piece));
    removed.map(Cow::Owned)
}

fn entry(key: &str, value: &str) -> String {
    format!("{key} = {value}")
}

fn parse(text: &str) -> Result<Document<&str>, EditError> {
    Document::parse(text).map_err(|error| EditError::Syntax(error.message().to_owned()))
}
