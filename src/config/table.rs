//! Reads one TOML table key by key, so that each mistake is found and none hides another.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::report::Report;
use super::time::{TimeFault, Written};

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
        self.read(key, |written| {
            let value = rewritten::<T>(written).unwrap_or_else(|| example.to_owned());
            format!("write `{key} = {value}`")
        })
    }

    /// The value of a key that is `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Field<bool> {
        self.read(key, |written| match rewritten::<bool>(written) {
            Some(value) => format!("write `{key} = {value}`"),
            None => format!("write `{key} = true` or `{key} = false`"),
        })
    }

    /// The value of a key; `help` says what to write instead of a wrong one.
    fn read<T: DeserializeOwned>(&mut self, key: &'static str, help: impl Fn(&str) -> String) -> Field<T> {
        let value = self.take(key)?;
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(Spanned::new(span, value)),
            Err(error) => {
                let help = help(self.report.text().get(span.clone()).unwrap_or_default());
                let span = error.span().filter(|inner| !inner.is_empty()).unwrap_or(span);
                self.broken = true;
                self.report.error(span, plain_words(error.message()), help);
                None
            }
        }
    }

    /// The value of a key that is a text or `false`.
    pub fn text_or_false(&mut self, key: &'static str, example: &str) -> Field<OrFalse> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Boolean(false) => Some(Spanned::new(span, OrFalse::False)),
            DeValue::String(text) => Some(Spanned::new(span, OrFalse::Text(text.into_owned()))),
            other => {
                self.broken = true;
                let message = format!("invalid type: {}, expected a string or `false`", other.type_str());
                self.report.error(span, message, format!("write `{key} = {example}` or `{key} = false`"));
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
                other => Err((span, other.type_str())),
            }
        };
        let read = match value.into_inner() {
            DeValue::Boolean(false) => Ok(TextsOrFalse::False),
            DeValue::String(text) => Ok(TextsOrFalse::Text(text.into_owned())),
            DeValue::Array(items) => {
                items.into_iter().map(text).collect::<Result<_, _>>().map(TextsOrFalse::Texts)
            }
            other => Err((span.clone(), other.type_str())),
        };
        read.map(|read| Spanned::new(span, read))
            .map_err(|(span, found)| {
                self.broken = true;
                self.report.error(
                    span,
                    format!("invalid type: {found}, expected a string, a list or `false`"),
                    help,
                );
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
            format!("write `{name}` on a line of its own"),
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
        if let Some(value) = self.take(key) {
            let help = "remove it, or put `#` before it; a later version will know it";
            self.broken = true;
            self.report.error(value.span(), format!("`{key}` is not yet supported"), help);
        }
    }

    /// Whether a key that is there was refused, so that its absence from what was read is no second error.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether a key that is left was probably meant as the one named.
    pub fn has_mistyped(&self, key: &'static str) -> bool {
        self.values.keys().any(|left| self.nearest(left.get_ref().as_ref()) == Some(key))
    }

    /// Ends the reading: what is left is unknown.
    pub fn finish(self) {
        for key in self.values.keys() {
            let name = key.get_ref().as_ref();
            let message = format!("unknown key `{name}` in {}", self.name);
            self.report.error(key.span(), message, self.suggestion(name));
        }
    }

    fn suggestion(&self, name: &str) -> String {
        match self.nearest(name) {
            Some(known) => format!("write `{known}`"),
            None => format!("known here: {}", self.known.join(", ")),
        }
    }

    fn nearest(&self, name: &str) -> Option<&'static str> {
        let near = |known: &&str| strsim::jaro_winkler(known, &name.to_lowercase());
        self.known
            .iter()
            .copied()
            .max_by(|a, b| near(a).total_cmp(&near(b)))
            .filter(|known| near(known) > 0.8)
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.values.remove(key)
    }
}

/// The value in the form that is asked for, where quotes are too many or brackets missing. A date alone reads as TOML,
/// but would be the next mistake.
fn rewritten<T: DeserializeOwned>(written: &str) -> Option<String> {
    let unquoted = written.trim_matches(['"', '\'']).to_owned();
    let reads = |text: &String| {
        ValueDeserializer::parse(text).is_ok_and(|value| T::deserialize(value).is_ok())
            && Written::parse(text).err().is_none_or(|fault| fault == TimeFault::Malformed)
    };
    [unquoted, format!("[{written}]")].into_iter().find(reads)
}

/// A fault of the deserializer, in words of TOML rather than of Rust.
fn plain_words(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let expected = match expected {
        "a sequence" => "a list",
        "a TOML datetime" => "a date-time",
        "i64" => "a whole number",
        other => other,
    };
    let found = found.replace("invalid type: sequence", "invalid type: list");
    format!("{}, expected {expected}", found.trim_end_matches(" as i128"))
}
