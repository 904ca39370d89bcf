//! The variants of a page, in the order in which they are prepared: what most visitors need comes first.

use super::body::Translated;
use super::language::Language;
use super::{Answers, Page};

/// What the HTML of a page depends on, of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    language: Language,
    answers: Answers,
}

impl Page {
    /// Returns the variants that most visitors need: the answers to safe requests without a preference for a language, or with
    /// one for English.
    pub fn likely_variants(&self) -> impl Iterator<Item = Variant> {
        self.likely_languages().map(|language| Variant { language, answers: Answers::Safe })
    }

    /// Returns all variants, the most likely ones first.
    pub fn variants(&self) -> impl Iterator<Item = Variant> {
        let is_rest = |&language: &Language| !self.likely_languages().any(|likely| likely == language);
        let rest: Vec<_> = self.languages.iter().copied().filter(is_rest).collect();
        let languages = [self.likely_languages().collect(), rest];
        let answers = self.content.cause.answers();
        languages.into_iter().flat_map(move |languages: Vec<Language>| {
            let variants = move |&answers| {
                languages.clone().into_iter().map(move |language| Variant { language, answers })
            };
            answers.iter().flat_map(variants)
        })
    }

    /// Returns the number of variants that are prepared.
    #[cfg(test)]
    pub(crate) fn prepared(&self) -> usize {
        self.translations
            .iter()
            .filter_map(std::sync::OnceLock::get)
            .filter(|translation| translation.is_prepared())
            .count()
    }

    fn likely_languages(&self) -> impl Iterator<Item = Language> {
        let is_likely = |language: &Language| [self.default_language, Language::ENGLISH].contains(language);
        self.languages.iter().copied().filter(is_likely)
    }

    /// Makes a variant, unless that is done. Returns the bytes that it takes, without what other variants need too.
    pub fn prepare(&self, variant: Variant) -> usize {
        let Variant { language, answers } = variant;
        let page = Translated { content: &self.content, language, answers };
        self.translation(&page).prepare(&page)
    }
}
