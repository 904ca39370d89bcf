//! Values of more than one kind, such as a string or `false`.

use toml::Spanned;
use toml::de::DeValue;

use super::{Field, Table};

/// A string, or `false` to turn something off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrFalse {
    /// Off.
    False,
    /// On, with this value.
    Text(String),
}

/// A string, a list of strings, or `false` to turn something off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextsOrFalse {
    /// Off.
    False,
    /// A keyword.
    Text(String),
    /// A list.
    Texts(Vec<Spanned<String>>),
}

/// `true`, `false`, or a word that says more than `true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagOrWord {
    /// `true` or `false`.
    Flag(bool),
    /// A word.
    Word(String),
}

/// A text in one language, or in several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextByLanguage {
    /// In the language of `[page] lang`.
    Text(String),
    /// Each with the tag of its language, in the order of the file.
    Table {
        /// The tags and the texts.
        texts: Vec<(Spanned<String>, Spanned<String>)>,
        /// True if a text was refused, and so is missing.
        broken: bool,
    },
}

impl<'i> Table<'i, '_> {
    /// Takes the value of a key that is `true`, `false` or a string.
    pub fn flag_or_word(&mut self, key: &'static str, help: &str) -> Field<FlagOrWord> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Boolean(flag) => Some(Spanned::new(span, FlagOrWord::Flag(flag))),
            DeValue::String(word) => Some(Spanned::new(span, FlagOrWord::Word(word.into_owned()))),
            _ => {
                self.refuse(span, "a string, `true` or `false`", help.to_owned());
                None
            }
        }
    }

    /// Takes the value of a key that is a string or `false`. `example` is a valid string, for the help.
    pub fn text_or_false(&mut self, key: &'static str, example: &str) -> Field<OrFalse> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Boolean(false) => Some(Spanned::new(span, OrFalse::False)),
            DeValue::String(text) => Some(Spanned::new(span, OrFalse::Text(text.into_owned()))),
            _ => {
                let help = format!("for example `{key} = {example}`; `{key} = false` turns it off");
                self.refuse(span, "a string or `false`", help);
                None
            }
        }
    }

    /// Takes the value of a key that is a string, a list of strings or `false`.
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
            .map_err(|(span, expected)| self.refuse(span, expected, help.to_owned()))
            .ok()
    }

    /// Takes the value of a key that is a string or a table of strings by language, which may also be written as a section of
    /// this `title`. `example` is a valid string, for the help.
    pub fn text_by_language(
        &mut self,
        key: &'static str,
        title: &str,
        example: &str,
    ) -> Field<TextByLanguage> {
        if !self.values.get(key).is_some_and(|value| matches!(value.get_ref(), DeValue::Table(_))) {
            let text = self.get(key, example)?;
            return Some(Spanned::new(text.span(), TextByLanguage::Text(text.into_inner())));
        }
        let value = self.take(key)?;
        let span = value.span();
        let DeValue::Table(values) = value.into_inner() else { return None };
        let mut table = Self::new(title.to_owned(), values, self.report);
        let texts = table.texts();
        Some(Spanned::new(span, TextByLanguage::Table { texts, broken: table.broken }))
    }

    /// Takes all values, which are strings, in the order of the file.
    fn texts(&mut self) -> Vec<(Spanned<String>, Spanned<String>)> {
        let mut values: Vec<_> = std::mem::take(&mut self.values).into_iter().collect();
        values.sort_by_key(|(key, _)| key.span().start);
        let mut texts = Vec::new();
        for (key, value) in values {
            let (place, span) = (key.span(), value.span());
            let key = key.into_inner().into_owned();
            match value.into_inner() {
                DeValue::String(text) => {
                    texts.push((Spanned::new(place, key), Spanned::new(span, text.into_owned())));
                }
                _ => self.refuse(span, "a string", format!("write the text in quotes: `{key} = \"…\"`")),
            }
        }
        texts
    }
}
