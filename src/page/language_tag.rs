//! The languages of the page by their tags, as people write them.

use super::language::Language;
use super::negotiate::nearest_language;
use crate::invalid_value::InvalidValue;

/// Returns the language with exactly this tag. The error names the language that was meant, or lists all.
pub fn parse_language(tag: &str) -> Result<Language, InvalidValue> {
    let found = Language::from_tag(tag);
    found.filter(|language| language.tag() == tag).ok_or_else(|| {
        let help = match found.ok_or_else(|| meant(tag)) {
            Ok(language) => format!("write `{}`", language.tag()),
            Err(Some(language)) => format!("did you mean `{}`?", language.tag()),
            Err(None) => {
                let tags: Vec<_> = Language::all().map(Language::tag).collect();
                format!("the languages are {}", tags.join(", "))
            }
        };
        InvalidValue::new(format!("unknown language `{tag}`"), help)
    })
}

/// Returns the language that a tag of another form, or the name of a language in itself, means.
fn meant(text: &str) -> Option<Language> {
    let text = text.trim().replace('_', "-");
    let is_named = |language: &Language| language.words().name.to_lowercase() == text.to_lowercase();
    nearest_language(&text).or_else(|| Language::all().find(is_named))
}
