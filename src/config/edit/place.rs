//! Locates the periods and their keys in the text.

use std::ops::Range;

use toml_edit::{Array, ArrayOfTables, Document, InlineTable, Item, Key, Table, TableLike, Value};

use super::EditError;
use super::layout::{self, ListLayout};

/// The periods of a document, in the syntax that it uses.
pub(super) enum PeriodsNode<'d> {
    /// There are none.
    None,
    /// `[[period]]`.
    Tables(&'d ArrayOfTables),
    /// `period = [{ … }, …]`.
    Inline(&'d Array),
}

impl<'d> PeriodsNode<'d> {
    pub(super) fn from_document(document: &'d Document<&str>, list: &str) -> Result<Self, EditError> {
        match document.get(list) {
            None => Ok(Self::None),
            Some(Item::ArrayOfTables(tables)) => Ok(Self::Tables(tables)),
            Some(Item::Value(Value::Array(array))) => Ok(Self::Inline(array)),
            Some(_) => Err(EditError::NotPeriods),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Tables(tables) => tables.len(),
            Self::Inline(array) => array.len(),
        }
    }
}

/// One period, in the syntax that the document uses.
pub(super) enum PeriodNode<'d> {
    Table(&'d Table),
    Inline(&'d InlineTable),
}

/// A key of a period and its value.
pub(super) struct PeriodEntry<'d> {
    pub(super) key: &'d Key,
    pub(super) value: &'d Value,
}

impl<'d> PeriodNode<'d> {
    pub(super) fn find(document: &'d Document<&str>, list: &str, period: usize) -> Result<Self, EditError> {
        let periods = PeriodsNode::from_document(document, list)?;
        let missing = EditError::NoPeriod { period, periods: periods.len() };
        match periods {
            PeriodsNode::None => Err(missing),
            PeriodsNode::Tables(tables) => tables.get(period).map(Self::Table).ok_or(missing),
            PeriodsNode::Inline(array) => match array.get(period).ok_or(missing)? {
                Value::InlineTable(table) => Ok(Self::Inline(table)),
                _ => Err(EditError::NotPeriods),
            },
        }
    }

    fn table(&self) -> &'d dyn TableLike {
        match *self {
            Self::Table(table) => table,
            Self::Inline(table) => table,
        }
    }

    /// Returns the key with its value, if the period has it.
    pub(super) fn entry(&self, key: &'static str) -> Result<Option<PeriodEntry<'d>>, EditError> {
        match self.table().get_key_value(key) {
            None => Ok(None),
            Some((_, Item::Value(Value::InlineTable(table)))) if table.is_dotted() => {
                Err(EditError::NotAValue(key))
            }
            Some((key, Item::Value(value))) => Ok(Some(PeriodEntry { key, value })),
            Some(_) => Err(EditError::NotAValue(key)),
        }
    }

    /// Returns the table of a key that is made of a header or of dotted keys, and not written in braces.
    pub(super) fn table_of(&self, key: &str) -> Option<&'d Table> {
        match self {
            Self::Table(table) => table.get(key)?.as_table(),
            Self::Inline(_) => None,
        }
    }

    /// Returns the places of the entries in file order, except sub-tables with their own header.
    fn entries(&self) -> Result<Vec<Range<usize>>, EditError> {
        let values = self.table().get_values();
        let entries =
            values.iter().filter_map(|(path, value)| Some(PeriodEntry { key: path.last()?, value }.span()));
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(|entry| entry.start);
        Ok(entries)
    }

    /// Returns the key whose entry contains a byte offset.
    pub(super) fn key_at(&self, offset: usize) -> Option<String> {
        let values = self.table().get_values();
        let found = values.iter().find_map(|(path, value)| {
            let place = PeriodEntry { key: path.last()?, value }.span().ok()?;
            place.contains(&offset).then(|| path.first().map(|key| key.get().to_owned()))?
        });
        let is_in_table = |item: &Item| item.as_table().is_some_and(|table| last_end(table) > offset);
        found.or_else(|| {
            let table = match self {
                Self::Table(table) => table,
                Self::Inline(_) => return None,
            };
            let begins = |item: &Item| item.span().is_some_and(|span| span.start <= offset);
            table.iter().find(|(_, item)| begins(item) && is_in_table(item)).map(|(key, _)| key.to_owned())
        })
    }

    /// Returns the place of the period: from its header, or brace, to its last value, or brace.
    pub(super) fn span(&self) -> Result<Range<usize>, EditError> {
        match self {
            Self::Table(table) => {
                let header = spanned(table.span())?;
                Ok(header.start..last_end(table).max(header.end))
            }
            Self::Inline(table) => spanned(table.span()),
        }
    }

    /// Adds `key = value` after the last key.
    pub(super) fn insert(&self, text: &str, entry: &str) -> Result<String, EditError> {
        let last = self.entries()?.pop();
        match self {
            Self::Table(table) => {
                let line = last.map_or_else(|| spanned(table.span()), Ok)?;
                layout::insert_line(text, &line, entry)
            }
            Self::Inline(table) => list_of_table(table, last)?.append(text, entry),
        }
    }

    /// Removes an entry: its line, or its part of a line with the comma.
    pub(super) fn remove(&self, text: &str, entry: &PeriodEntry<'_>) -> Result<String, EditError> {
        let entry = entry.span()?;
        match self {
            Self::Table(_) => layout::remove(text, &entry),
            Self::Inline(_) => {
                let previous = self.entries()?.into_iter().rfind(|other| other.end <= entry.start);
                layout::remove_from_list(text, &entry, previous)
            }
        }
    }
}

impl PeriodEntry<'_> {
    pub(super) fn value_span(&self) -> Result<Range<usize>, EditError> {
        spanned(self.value.span())
    }

    fn span(&self) -> Result<Range<usize>, EditError> {
        Ok(spanned(self.key.span())?.start..self.value_span()?.end)
    }
}

/// Returns the end of the last value or header of a table and of those below it.
fn last_end(table: &Table) -> usize {
    let end = |item: &Item| match item {
        Item::None => 0,
        Item::Value(value) => value.span().map_or(0, |span| span.end),
        Item::Table(table) => last_end(table),
        Item::ArrayOfTables(tables) => tables.iter().map(last_end).max().unwrap_or(0),
    };
    let values = table.get_values().into_iter().filter_map(|(_, value)| value.span()).map(|span| span.end);
    let header = table.span().map_or(0, |span| span.end);
    values.chain(table.iter().map(|(_, item)| end(item))).max().unwrap_or(0).max(header)
}

/// Returns the places of the header and of each entry of a table without tables in it, in file order. Each begins its line.
pub(super) fn pieces_of_table(text: &str, table: &Table) -> Result<Vec<Range<usize>>, EditError> {
    let header = if table.is_dotted() { None } else { Some(spanned(table.span())?) };
    let values = table.iter().map(|(_, item)| spanned(item.as_value().and_then(Value::span)));
    let mut pieces = header.into_iter().map(Ok).chain(values).collect::<Result<Vec<_>, _>>()?;
    pieces.sort_by_key(|piece| piece.start);
    Ok(pieces.into_iter().map(|piece| layout::text_start(text, piece.start)..piece.end).collect())
}

/// Returns the layout of an array.
pub(super) fn list_of_array(array: &Array) -> Result<ListLayout, EditError> {
    let last = array.iter().last().map(|value| spanned(value.span())).transpose()?;
    Ok(ListLayout { inside: inside(array.span())?, last, padding: "" })
}

fn list_of_table(table: &InlineTable, last: Option<Range<usize>>) -> Result<ListLayout, EditError> {
    Ok(ListLayout { inside: inside(table.span())?, last, padding: " " })
}

fn inside(span: Option<Range<usize>>) -> Result<Range<usize>, EditError> {
    let span = spanned(span)?;
    Ok(span.start + 1..span.end.saturating_sub(1))
}

fn spanned(span: Option<Range<usize>>) -> Result<Range<usize>, EditError> {
    span.ok_or(EditError::Misread)
}
