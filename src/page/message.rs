//! The message for visitors, in one language or in several.

use std::sync::Arc;

use http::HeaderMap;

use super::language::Language;
use super::negotiate::choose_language;

/// A message in one or more languages. A clone is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(Arc<[(Language, Arc<str>)]>);

impl Message {
    /// Creates a message; `None` if no text has anything but white space.
    pub fn new(texts: impl IntoIterator<Item = (Language, Arc<str>)>) -> Option<Self> {
        let texts: Arc<[_]> = texts.into_iter().filter(|(_, text)| !text.trim().is_empty()).collect();
        (!texts.is_empty()).then_some(Self(texts))
    }

    /// Returns the languages of the message.
    pub fn languages(&self) -> impl Iterator<Item = Language> {
        self.0.iter().map(|(language, _)| *language)
    }

    /// Returns the text in a language, without white space at its end.
    pub fn text(&self, language: Language) -> Option<&str> {
        self.0.iter().find(|(other, _)| *other == language).map(|(_, text)| text.trim_end())
    }

    /// Returns the text for a client with these fields, and its language. `default` is for clients without a preference.
    pub fn negotiate(&self, headers: &HeaderMap, default: Language) -> (Language, &str) {
        let languages: Vec<_> = self.languages().collect();
        let language = choose_language(headers, &languages, default);
        (language, self.text(language).unwrap_or_default())
    }
}
