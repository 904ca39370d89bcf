//! Reads one TOML table key by key, so that each mistake is found and none hides another.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::keys::{self, TOP, ValueKind};
use super::remedy;
use super::report::Report;
use super::{duration, time};
use crate::invalid_value::InvalidValue;

/// No more keys that a table does not know are looked at for one that is missing.
const MAX_LEFT: usize = 1000;

/// A value with its place in the text, where the key is there and reads well.
pub type Field<T> = Option<Spanned<T>>;

/// A text, or `false` to turn something off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrFalse {
    /// Off.
    False,
    /// On, with this value.
    Text(String),
}

/// A text, some texts, or `false` to turn something off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextsOrFalse {
    /// Off.
    False,
    /// One word.
    Text(String),
    /// Each of these.
    Texts(Vec<Spanned<String>>),
}

/// A table that is being read. What is left in it at the end is unknown.
pub struct Table<'i, 'r> {
    name: &'static str,
    values: DeTable<'i>,
    known: Vec<&'static str>,
    broken: bool,
    report: &'r Report,
}

impl<'i, 'r> Table<'i, 'r> {
    /// Begins to read a table that messages call `name`.
    pub fn new(name: &'static str, values: DeTable<'i>, report: &'r Report) -> Self {
        Self { name, values, known: Vec::new(), broken: false, report }
    }

    /// The value of a key; `example` is what a right one looks like.
    pub fn get<T: DeserializeOwned>(&mut self, key: &'static str, example: &str) -> Field<T> {
        let value = self.take(key)?;
        let span = value.span();
        let found = value.get_ref().type_str();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(Spanned::new(span, value)),
            Err(error) => {
                self.broken = true;
                let place = error.span().filter(|inner| !inner.is_empty()).unwrap_or_else(|| span.clone());
                let expected = expected(error.message());
                self.report.error_with(place.clone(), || {
                    if place == span {
                        return self.of_type(key, &span, found, expected, example);
                    }
                    let message = invalid_type(self.written(&place), expected);
                    InvalidValue { message, ..self.of_type(key, &span, found, expected, example) }
                });
                None
            }
        }
    }

    /// The value of a key that is `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Field<bool> {
        self.get(key, "true")
    }

    fn written(&self, span: &Range<usize>) -> &str {
        self.report.text().get(span.clone()).unwrap_or_default()
    }

    /// What is wrong with a value of the wrong type, as `found` calls it.
    fn of_type(
        &self,
        key: &str,
        span: &Range<usize>,
        found: &str,
        expected: &str,
        example: &str,
    ) -> InvalidValue {
        let written = self.written(span);
        let message = invalid_type(written, expected);
        if self.report.is_trial() {
            return InvalidValue::new(message, "");
        }
        let kind = keys::kind(self.name, key);
        let is_text = matches!(kind, Some(ValueKind::Text | ValueKind::Duration));
        if is_text && found == "boolean" {
            let help = format!(
                "remove the line, so that `{key}` is not set, or write for example `{key} = {example}`"
            );
            return InvalidValue::new(message, help);
        }
        if found == "table" && !written.starts_with('{') {
            return InvalidValue::new(message, format!("for example `{key} = {example}`"));
        }
        if key == "cron" && found == "array" {
            return InvalidValue::new(message, "write a [[period]] for each expression");
        }
        if let Some(help) = remedy::assign(self.name, key, written) {
            return InvalidValue::new(message, help);
        }
        match kind {
            Some(ValueKind::DateTime) => time::explain_value(key, written),
            Some(ValueKind::Duration) => duration::explain_other_type(key, written),
            Some(ValueKind::Flag) => {
                InvalidValue::new(message, format!("write `{key} = true` or `{key} = false`"))
            }
            _ => remedy::in_quotes(self.name, key, written)
                .unwrap_or_else(|| InvalidValue::new(message, format!("for example `{key} = {example}`"))),
        }
    }

    /// The value of a key that is a text or `false`.
    pub fn text_or_false(&mut self, key: &'static str, example: &str) -> Field<OrFalse> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Boolean(false) => Some(Spanned::new(span, OrFalse::False)),
            DeValue::String(text) => Some(Spanned::new(span, OrFalse::Text(text.into_owned()))),
            _ => {
                self.broken = true;
                let message = invalid_type(self.written(&span), "a string or `false`");
                let help = format!("for example `{key} = {example}`; `{key} = false` turns it off");
                self.report.error(span, message, help);
                None
            }
        }
    }

    /// The value of a key that is a text, a list of texts or `false`; `help` says what to write instead of any other.
    pub fn texts_or_false(&mut self, key: &'static str, help: &str) -> Field<TextsOrFalse> {
        let value = self.take(key)?;
        let span = value.span();
        let text = |item: Spanned<DeValue<'i>>| {
            let span = item.span();
            match item.into_inner() {
                DeValue::String(text) => Ok(Spanned::new(span, text.into_owned())),
                _ => Err((span, "a string")),
            }
        };
        let read = match value.into_inner() {
            DeValue::Boolean(false) => Ok(TextsOrFalse::False),
            DeValue::String(text) => Ok(TextsOrFalse::Text(text.into_owned())),
            DeValue::Array(items) => {
                items.into_iter().map(text).collect::<Result<_, _>>().map(TextsOrFalse::Texts)
            }
            _ => Err((span.clone(), "a string, a list or `false`")),
        };
        read.map(|read| Spanned::new(span, read))
            .map_err(|(span, expected)| {
                self.broken = true;
                self.report.error(span.clone(), invalid_type(self.written(&span), expected), help);
            })
            .ok()
    }

    /// The table below a key.
    pub fn section(&mut self, key: &'static str, name: &'static str) -> Option<Self> {
        let value = self.take(key)?;
        let span = value.span();
        if let DeValue::Table(values) = value.into_inner() {
            return Some(Self::new(name, values, self.report));
        }
        self.report.error(
            span,
            format!("`{key}` is a section"),
            format!("write `{name}` on a line of its own, and its keys below"),
        );
        None
    }

    /// The tables of an array below a key, each with its place.
    pub fn sections(&mut self, key: &'static str, name: &'static str) -> Vec<(Range<usize>, Self)> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let span = value.span();
        let help = format!("write `{name}` on a line of its own, and its keys below");
        let DeValue::Array(items) = value.into_inner() else {
            self.report.error(span, format!("`{key}` is an array of tables"), help);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(values) => tables.push((span, Self::new(name, values, self.report))),
                _ => self.report.error(span, format!("each `{key}` is a table"), help.as_str()),
            }
        }
        tables
    }

    /// Refuses a key that this version does not know yet.
    pub fn not_yet(&mut self, key: &'static str) {
        if let Some(value) = self.values.remove(key) {
            let help = "remove it, or put `#` before it; a later version will know it";
            self.broken = true;
            self.report.error(value.span(), format!("`{key}` is not yet supported"), help);
        }
    }

    /// Whether a key that is there was refused, so that its absence from what was read is no second error.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether one of the first keys that are left was probably meant as the one named.
    pub fn has_mistyped(&self, key: &'static str) -> bool {
        let meant = |left: &str| keys::meant(self.name, &self.known, left);
        self.values
            .keys()
            .take(MAX_LEFT)
            .any(|left| meant(left.get_ref()).is_some_and(|meant| meant.key() == key))
    }

    /// Ends the reading: what is left is unknown.
    pub fn finish(self) {
        let mut left: Vec<_> = self.values.keys().collect();
        left.sort_by_key(|key| key.span().start);
        for key in left {
            let name = key.get_ref().as_ref();
            self.report.error_with(key.span(), || match self.header(&key.span()) {
                Some(header) if self.name == TOP => keys::unknown_section(header, &self.known, name),
                _ => keys::unknown_key(self.name, &self.known, name),
            });
        }
    }

    /// The header of a section that a key is the name of, if it is one.
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
}

/// What the deserializer expected, in words of TOML rather than of Rust.
fn expected(message: &str) -> &str {
    match message.rsplit_once(", expected ").map(|(_, expected)| expected) {
        Some("a sequence") => "a list",
        Some("a map") => "a table",
        Some("a TOML datetime") => "a date-time",
        Some("i64") => "a whole number",
        Some(other) => other,
        None => "another value",
    }
}

fn invalid_type(written: &str, expected: &str) -> String {
    let short: String = written.chars().take_while(|c| !c.is_control()).take(60).collect();
    let rest = if short.len() < written.len() { "…" } else { "" };
    format!("`{short}{rest}` is not {expected}")
}
