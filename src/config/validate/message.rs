//! Validates the message of `[response]` and of a period, and the languages of texts.

use std::sync::Arc;

use toml::Spanned;

use crate::config::document::{Field, TextByLanguage};
use crate::config::report::Report;
use crate::invalid_value::InvalidValue;
use crate::page::language::Language;
use crate::page::message::Message;
use crate::page::parse_language;

/// Returns the message, if there is one that is not blank. `lang` is the language of a plain string; a table must contain it.
pub(super) fn message(field: &Field<TextByLanguage>, lang: Language, report: &Report) -> Option<Message> {
    let field = field.as_ref()?;
    match field.get_ref() {
        TextByLanguage::Text(text) => Message::new([(lang, text.as_str().into())]),
        TextByLanguage::Table { texts, broken } => {
            let found: Vec<_> = texts.iter().map(|(tag, text)| translation(tag, text, report)).collect();
            let is_complete = !broken && found.iter().all(Option::is_some);
            let texts: Vec<_> = found.into_iter().flatten().collect();
            if is_complete && texts.iter().all(|(language, _)| *language != lang) {
                report.invalid(field.span(), missing(&texts, lang));
            }
            Message::new(texts)
        }
    }
}

/// Returns a text of a table with its language. Reports what is wrong.
fn translation(
    tag: &Spanned<String>,
    text: &Spanned<String>,
    report: &Report,
) -> Option<(Language, Arc<str>)> {
    let is_blank = text.get_ref().trim().is_empty();
    if is_blank {
        report.error(text.span(), "the message is empty", "write a text, or remove this language");
    }
    let language = language(tag, report)?;
    (!is_blank).then(|| (language, text.get_ref().as_str().into()))
}

fn missing(texts: &[(Language, Arc<str>)], lang: Language) -> InvalidValue {
    let tag = lang.tag();
    let message = format!("the message has no text in `{tag}`, the language of [page]");
    let add = format!("add `{tag} = \"…\"`");
    let help = match texts.first() {
        Some((first, _)) => format!("{add}, or set `lang = \"{}\"` in [page]", first.tag()),
        None => add,
    };
    InvalidValue::new(message, help)
}

/// Returns the language with this tag. An unknown one is an error.
pub(super) fn language(tag: &Spanned<String>, report: &Report) -> Option<Language> {
    report.valid(tag.span(), parse_language(tag.get_ref()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ParsedConfig};

    fn read(text: &str) -> ParsedConfig {
        Config::parse("downtime.toml", text, Path::new("/"), &|_| Err("does not exist".into()))
    }

    /// Returns the texts of the message of `[response]`, by the tags of their languages.
    fn texts(text: &str) -> Vec<(&'static str, String)> {
        let reading = read(text);
        let config = reading.config.unwrap_or_else(|| panic!("{text}: {:?}", reading.diagnostics));
        let Some(message) = config.response.message else { return Vec::new() };
        let text = |language| message.text(language).unwrap_or_default().to_owned();
        message.languages().map(|language| (language.tag(), text(language))).collect()
    }

    #[test]
    fn a_message_is_a_string_or_a_table_by_language() {
        for (text, expected) in [
            ("[response]\nmessage = 'Hi'", &[("en", "Hi")][..]),
            ("[response]\nmessage = 'Hallo'\n[page]\nlang = 'de'", &[("de", "Hallo")]),
            ("[response]\nmessage = { en = 'Hi', de = 'Hallo' }", &[("en", "Hi"), ("de", "Hallo")]),
            ("[response.message]\nde = 'Hallo'\nen = 'Hi'", &[("de", "Hallo"), ("en", "Hi")]),
            ("[response]\nmessage.en = 'Hi'", &[("en", "Hi")]),
            ("[response]\nmessage = { pt-BR = 'Olá' }\n[page]\nlang = 'pt-BR'", &[("pt-BR", "Olá")]),
            ("[response]\nmessage = ''", &[]),
            ("[response]\n", &[]),
        ] {
            let expected: Vec<_> = expected.iter().map(|(tag, text)| (*tag, (*text).to_owned())).collect();
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn a_period_has_a_message_of_its_own_or_that_of_the_section() {
        let message = |line: &str| {
            let text =
                format!("[response]\nmessage = 'All'\n[[period]]\nstart = 2026-12-01T22:00:00Z\n{line}\n");
            let config = read(&text).config.unwrap();
            let message = config.rules.responses.first().unwrap().message.clone();
            message.map(|message| message.text(Language::ENGLISH).unwrap_or_default().to_owned())
        };
        for (line, expected) in [
            ("", Some("All")),
            ("message = 'One'", Some("One")),
            ("message = { de = 'Eins', en = 'One' }", Some("One")),
            ("message = ''", None),
        ] {
            assert_eq!(message(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn a_table_is_complete_and_in_known_languages() {
        for (table, message, help) in [
            ("{}", "the message has no text in `en`, the language of [page]", "add `en = \"…\"`"),
            (
                "{ de = 'Hallo' }",
                "the message has no text in `en`, the language of [page]",
                "add `en = \"…\"`, or set `lang = \"de\"` in [page]",
            ),
            ("{ EN = 'Hi' }", "unknown language `EN`", "write `en`"),
            ("{ zh-hans = 'Hi' }", "unknown language `zh-hans`", "write `zh-Hans`"),
            ("{ en-GB = 'Hi' }", "unknown language `en-GB`", "did you mean `en`?"),
            ("{ pt_PT = 'Hi' }", "unknown language `pt_PT`", "did you mean `pt-PT`?"),
            ("{ zh-CN = 'Hi' }", "unknown language `zh-CN`", "did you mean `zh-Hans`?"),
            ("{ no = 'Hi' }", "unknown language `no`", "did you mean `nb`?"),
            ("{ deutsch = 'Hi' }", "unknown language `deutsch`", "did you mean `de`?"),
            ("{ en = ' ' }", "the message is empty", "write a text, or remove this language"),
            ("{ en = 1 }", "`1` is not a string", "write the text in quotes: `en = \"…\"`"),
            ("1", "`1` is not a string", "write `message = \"1\"`"),
        ] {
            let found = read(&format!("[response]\nmessage = {table}\n")).diagnostics;
            let found: Vec<_> = found
                .iter()
                .map(|error| (error.message.as_str(), error.help.as_deref().unwrap_or("")))
                .collect();
            assert_eq!(found, [(message, help)], "{table}");
        }
        let found = read("[response]\nmessage = { tlh = 'nuqneH' }\n").diagnostics;
        assert!(found[0].help.as_ref().unwrap().starts_with("the languages are en, ar, bg, "), "{found:?}");
    }
}
