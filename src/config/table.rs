//! Reads a TOML table key by key, so that every mistake is reported and none hides another.

mod choices;
mod wrong_type;

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

pub use self::choices::{FlagOrWord, OrFalse, TextByLanguage, TextsOrFalse};
use self::wrong_type::WrongType;
use super::keys::{self, TOP};
use super::report::Report;
use crate::invalid_value::InvalidValue;

/// At most this many unknown keys are compared with the name of a missing one.
const MAX_UNKNOWN: usize = 1000;

/// A value with its place in the text; `None` if the key is absent or its value was reported as invalid.
pub type Field<T> = Option<Spanned<T>>;

/// A table that is being read. The keys that nobody has asked for in the end are unknown.
pub struct Table<'i, 'r> {
    title: String,
    values: DeTable<'i>,
    known: Vec<&'static str>,
    broken: bool,
    report: &'r Report,
}

impl<'i, 'r> Table<'i, 'r> {
    /// Returns a table of which no key has been read yet. `title` is its name in messages, such as `[site]`.
    pub fn new(title: String, values: DeTable<'i>, report: &'r Report) -> Self {
        Self { title, values, known: Vec::new(), broken: false, report }
    }

    /// Reads the table with `read`, then reports every key that `read` did not ask for as unknown.
    pub fn read_all<T>(mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let value = read(&mut self);
        self.report_unknown_keys();
        value
    }

    /// Takes the value of a key. `example` is a valid one, for the help.
    pub fn get<T: DeserializeOwned>(&mut self, key: &'static str, example: &str) -> Field<T> {
        let value = self.take(key)?;
        let span = value.span();
        let found = value.get_ref().type_str();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(Spanned::new(span, value)),
            Err(error) => {
                self.broken = true;
                let place = error.span().filter(|inner| !inner.is_empty()).unwrap_or_else(|| span.clone());
                let expected = wrong_type::expected(error.message());
                self.report.error_with(place.clone(), || {
                    let text = self.source_text(&span);
                    let value = WrongType { section: &self.title, key, text, found, expected, example };
                    let whole = value.explain(self.report.is_trial());
                    if place == span {
                        return whole;
                    }
                    InvalidValue { message: wrong_type::message(self.source_text(&place), expected), ..whole }
                });
                None
            }
        }
    }

    /// Takes the value of a key that is `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Field<bool> {
        self.get(key, "true")
    }

    /// Reads the section `[key]`, if there is one.
    pub fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let value = self.take(key)?;
        let (span, title) = (value.span(), format!("[{key}]"));
        if let DeValue::Table(values) = value.into_inner() {
            return Some(Self::new(title, values, self.report).read_all(read));
        }
        if self.source_text(&span).starts_with("[[") {
            self.report.error(span, format!("`{key}` needs single brackets"), format!("write `{title}`"));
        } else {
            self.refuse_value_of_section(key, span, &title);
        }
        None
    }

    /// Reads every section `[[key]]`. The second argument of `read` is the place of the section.
    pub fn sections<T>(&mut self, key: &'static str, read: impl Fn(&mut Self, Range<usize>) -> T) -> Vec<T> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let (span, title) = (value.span(), format!("[[{key}]]"));
        let DeValue::Array(items) = value.into_inner() else {
            if self.source_text(&span).starts_with('[') {
                self.report.error(span, format!("`{key}` needs double brackets"), format!("write `{title}`"));
            } else {
                self.refuse_value_of_section(key, span, &title);
            }
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(values) => {
                    let table = Self::new(title.clone(), values, self.report);
                    sections.push(table.read_all(|table| read(table, span)));
                }
                _ => self.refuse_value_of_section(key, span, &title),
            }
        }
        sections
    }

    /// Takes the value of a key that is a table, which may also be written as a section of this `title`. `example` is a valid
    /// table, for the help; the second argument of `read` is the place of the table.
    pub fn table<T>(
        &mut self,
        key: &'static str,
        title: &str,
        example: &str,
        read: impl FnOnce(&mut Self, Range<usize>) -> T,
    ) -> Option<T> {
        let value = self.take(key)?;
        let span = value.span();
        let DeValue::Table(values) = value.into_inner() else {
            self.refuse(span, "a table", format!("write a table in braces, such as `{example}`"));
            return None;
        };
        Some(Self::new(title.to_owned(), values, self.report).read_all(|table| read(table, span)))
    }

    /// Takes the value of a key that is a list of tables, which may also be written as sections of this `title`. `example`
    /// is a valid table, for the help; the second argument of `read` is the place of the table.
    pub fn tables<T>(
        &mut self,
        key: &'static str,
        title: &str,
        example: &str,
        read: impl Fn(&mut Self, Range<usize>) -> T,
    ) -> Field<Vec<T>> {
        let value = self.take(key)?;
        let (span, help) = (value.span(), format!("list tables in brackets, such as `[{example}]`"));
        let DeValue::Array(items) = value.into_inner() else {
            self.refuse(span, "a list of tables", help);
            return None;
        };
        let mut tables = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(values) => {
                    let table = Self::new(title.to_owned(), values, self.report);
                    tables.push(table.read_all(|table| read(table, span)));
                }
                _ => self.refuse(span, "a table", help.clone()),
            }
        }
        Some(Spanned::new(span, tables))
    }

    fn refuse_value_of_section(&self, key: &str, span: Range<usize>, title: &str) {
        let help = format!("write `{title}` on a line of its own, and its keys below");
        self.report.error(span, format!("`{key}` is a section, not a key with a value"), help);
    }

    /// Returns true if the value of a key was refused. A key that seems missing may be that one.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Returns true if one of the unknown keys is probably a misspelling of one of `wanted`.
    pub fn has_mistyped(&self, wanted: &[&str]) -> bool {
        let meant = |unknown: &str| keys::guess_key(&self.title, &self.known, unknown);
        let mut unknown = self.values.keys().take(MAX_UNKNOWN);
        unknown.any(|unknown| meant(unknown.get_ref()).is_some_and(|meant| wanted.contains(&meant.key())))
    }

    fn report_unknown_keys(&self) {
        let mut unknown: Vec<_> = self.values.keys().collect();
        unknown.sort_by_key(|key| key.span().start);
        for key in unknown {
            let name = key.get_ref().as_ref();
            self.report.error_with(key.span(), || match self.header(&key.span()) {
                Some(header) if self.title == TOP => keys::unknown_section(header, &self.known, name),
                _ => keys::unknown_key(&self.title, &self.known, name),
            });
        }
    }

    /// Returns the brackets around a key and the key, if it is the name of a section.
    fn header(&self, key: &Range<usize>) -> Option<&str> {
        let before = self.report.text().get(..key.start)?;
        let start = before.trim_end_matches('[').len();
        let brackets = key.start - start;
        let end = key.end + brackets;
        (1..=2).contains(&brackets).then(|| self.report.text().get(start..end))?
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.values.remove(key)
    }

    fn refuse(&mut self, span: Range<usize>, expected: &str, help: String) {
        self.broken = true;
        let message = wrong_type::message(self.source_text(&span), expected);
        self.report.error(span, message, help);
    }

    fn source_text(&self, span: &Range<usize>) -> &'r str {
        self.report.text().get(span.clone()).unwrap_or_default()
    }
}
