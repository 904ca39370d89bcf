//! Values to write into the file.

use toml::value::Datetime;
use toml_writer::{ToTomlValue as _, TomlStringBuilder};

use super::EditError;

/// A value to write into the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Any text: written as a basic string on one line, with escapes.
    String(String),
    /// An offset date-time, a local date-time or a date, in TOML's syntax: written unchanged.
    DateTime(String),
    /// `true` or `false`.
    Bool(bool),
    /// An array of strings, on one line.
    Strings(Vec<String>),
    /// Any value, on one line.
    Value(toml::Value),
}

impl Literal {
    /// Returns the value in TOML's syntax.
    pub(super) fn render(&self) -> Result<String, EditError> {
        Ok(match self {
            Self::String(text) => basic_string(text),
            Self::DateTime(text) => {
                datetime(text)?;
                text.clone()
            }
            Self::Bool(value) => value.to_string(),
            Self::Strings(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| basic_string(text)).collect();
                format!("[{}]", texts.join(", "))
            }
            Self::Value(value) => inline(value),
        })
    }

    /// Returns the value that a parser of the file must get.
    pub(super) fn value(&self) -> Result<toml::Value, EditError> {
        Ok(match self {
            Self::String(text) => text.as_str().into(),
            Self::DateTime(text) => datetime(text)?.into(),
            Self::Bool(value) => (*value).into(),
            Self::Strings(texts) => texts.clone().into(),
            Self::Value(value) => value.clone(),
        })
    }
}

fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => basic_string(text),
        toml::Value::Array(values) => {
            format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        toml::Value::Table(table) => {
            let entry =
                |(key, value): (&String, &toml::Value)| format!("{} = {}", basic_string(key), inline(value));
            format!("{{ {} }}", table.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}

fn basic_string(text: &str) -> String {
    TomlStringBuilder::new(text).as_basic().to_toml_value()
}

fn datetime(text: &str) -> Result<Datetime, EditError> {
    text.parse().map_err(|_| EditError::NotADateTime(text.to_owned()))
}
