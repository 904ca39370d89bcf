//! What to write instead of what the engine refuses.

mod names;

use minijinja::ErrorKind;

use self::names::{FILE_STATEMENTS, FILTERS, OTHER_FILTERS, STATEMENTS, TESTS};
use super::values::{TOO_DEEP, TOO_LARGE};
use crate::page::language::Language;

const ONE_FILE: &str = "a template is a single file: copy the content of the other file into it";
const CLOSE_TAG: &str = "close each `{%` with `%}`";
const CLOSE_VARIABLE: &str = "close each `{{` with `}}`";

/// Returns the help for an error of the engine at this byte of the source.
pub(super) fn help(kind: ErrorKind, detail: &str, source: &str, at: Option<usize>) -> Option<String> {
    let name = |start, end| detail.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    let fixed = match kind {
        ErrorKind::OutOfFuel => "shorten its loops",
        _ if detail.starts_with(TOO_LARGE) => "make several smaller ones, or shorten the loop that makes it",
        _ if detail.starts_with(TOO_DEEP) => "do not put a list or map into itself in a loop",
        _ if detail == "recursion limit exceeded" => "do not let a macro or loop call itself",
        ErrorKind::UnknownFilter => return Some(filter_help(name("filter ", " is unknown")?)),
        ErrorKind::UnknownTest => return Some(test_help(name("test ", " is unknown")?)),
        ErrorKind::UnknownMethod => return method_help(detail),
        ErrorKind::UndefinedError => return attribute_help(name("`", "` is undefined")?),
        ErrorKind::SyntaxError => match name("unknown statement ", "") {
            Some(statement) => return Some(statement_help(statement)),
            None => return syntax_help(detail, source, at?).map(str::to_owned),
        },
        _ => return None,
    };
    Some(fixed.to_owned())
}

fn filter_help(name: &str) -> String {
    let other = OTHER_FILTERS.iter().find(|(_, names)| names.contains(&name)).map(|(filter, _)| *filter);
    other.or_else(|| nearest(name, &FILTERS)).map_or_else(
        || {
            "the filters are `local_time`, `links` and those of MiniJinja: https://docs.rs/minijinja/latest/minijinja/filters/"
                .to_owned()
        },
        did_you_mean,
    )
}

fn test_help(name: &str) -> String {
    nearest(name, &TESTS).map_or_else(
        || "the tests are those of MiniJinja: https://docs.rs/minijinja/latest/minijinja/tests/".to_owned(),
        did_you_mean,
    )
}

fn method_help(detail: &str) -> Option<String> {
    let (_, name) = detail.split_once(" has no method named ")?;
    // In Python, methods of these names do something else than the filters.
    let differs = matches!(name, "count" | "join");
    (FILTERS.contains(&name) && !differs).then(|| format!("write it as a filter: `|{name}`"))
}

/// Returns the help for an unknown part of a variable.
fn attribute_help(path: &str) -> Option<String> {
    let (variable, part) = path.split_once('.')?;
    let words = serde_json::to_value(Language::ENGLISH.words()).ok()?;
    let parts: Vec<&str> = match variable {
        "words" => words.as_object()?.keys().map(String::as_str).collect(),
        "accent" => vec!["light", "dark"],
        _ => return None,
    };
    if parts.contains(&part) {
        return Some(format!(
            "write `{{% if {variable} %}}` and `{{% endif %}}` around it: `{variable}` may be none"
        ));
    }
    if let Some(nearest) = nearest(part, &parts) {
        return Some(did_you_mean(&format!("{variable}.{nearest}")));
    }
    let parts: Vec<_> = parts.iter().map(|part| format!("`{variable}.{part}`")).collect();
    Some(format!("there are {}", parts.join(", ")))
}

fn statement_help(name: &str) -> String {
    let fixed = match name {
        _ if FILE_STATEMENTS.contains(&name) => ONE_FILE,
        "elseif" | "elsif" => "write `elif`",
        "unless" => "write `{% if not … %}` and `{% endif %}`",
        "comment" => "write a comment as `{# … #}`",
        "assign" | "let" | "var" => "write `{% set name = … %}`",
        "else" | "elif" => {
            "write it after `{% if … %}`, as `elif` before `else`, and close each tag in between"
        }
        "raw" => CLOSE_TAG,
        _ if STATEMENTS.contains(&name) => {
            let begin = name.trim_start_matches("end");
            return format!(
                "write `{{% {begin} … %}}` before it, and close each tag in between, or remove it"
            );
        }
        _ => return nearest_statement(name),
    };
    fixed.to_owned()
}

fn nearest_statement(name: &str) -> String {
    let nearest_of = |names| nearest(name, names).map(did_you_mean);
    nearest_of(&STATEMENTS)
        .or_else(|| nearest_of(&FILE_STATEMENTS).map(|guess| format!("{guess} {ONE_FILE}")))
        .unwrap_or_else(|| {
            "a template has no tags but those of Jinja2, such as `{% if … %}`, `{% for … %}` and `{% set … %}`"
                .to_owned()
        })
}

/// Returns the help for something that the engine did not expect at this place.
fn syntax_help(detail: &str, source: &str, at: usize) -> Option<&'static str> {
    let (before, rest) = (source.get(..at)?, source.get(at..)?);
    match detail {
        "unexpected `}`, expected end of block" => Some(CLOSE_TAG),
        "unexpected end of input, expected end of block" => match rest.chars().next()? {
            _ if source.rfind("{%") > source.rfind("%}") => Some(CLOSE_TAG),
            // After a text, the engine says this of an unexpected character, too.
            '\'' | '"' => None,
            _ => Some(
                "close each tag, such as `{% if … %}` with `{% endif %}` and `{% for … %}` with `{% endfor %}`",
            ),
        },
        "unexpected `=`, expected end of block" => Some("write `==` to compare"),
        "unexpected identifier, expected end of block"
            if before.trim_end().ends_with("else") && rest.starts_with("if") =>
        {
            Some("write `elif`")
        }
        "unexpected `}`, expected `:`" if before.contains("{{{") => Some("write `{{ … }}`, with two braces"),
        "unexpected `}`, expected end of variable block" => Some(CLOSE_VARIABLE),
        "unexpected end of input, expected end of variable block" => {
            (source.rfind("{{") > source.rfind("}}")).then_some(CLOSE_VARIABLE)
        }
        "unexpected character" => match rest.chars().next()? {
            '&' => Some("write `and`"),
            '!' => Some("write `not`"),
            '?' if rest.starts_with("??") => Some("write `or`"),
            '?' if rest.starts_with("? ") => Some("write `{{ … if … else … }}`"),
            '#' => Some("write `{% if … %}` and `{% endif %}`: the language is that of Jinja2"),
            _ => None,
        },
        _ => None,
    }
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// Returns the name that was probably mistyped.
fn nearest<'n>(text: &str, names: &[&'n str]) -> Option<&'n str> {
    let limit = if text.chars().count() > 4 { 2 } else { 1 };
    let distances = names.iter().map(|name| (strsim::osa_distance(text, name), *name));
    distances
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::super::Template;
    use super::*;

    #[test]
    fn a_mistake_gets_help() {
        for (source, help) in [
            ("{{ until|locltime }}", "did you mean `local_time`?"),
            ("{{ until|date('H:i') }}", "did you mean `local_time`?"),
            ("{{ message|urlize }}", "did you mean `links`?"),
            ("{{ message|lenght }}", "did you mean `length`?"),
            ("{% filter uper %}x{% endfilter %}", "did you mean `upper`?"),
            ("{{ message|nl2br }}", "the filters are `local_time`, `links` and those of MiniJinja: "),
            ("{% if message is definde %}{% endif %}", "did you mean `defined`?"),
            ("{% if message is blank %}{% endif %}", "the tests are those of MiniJinja: "),
            ("{{ message.upper() }}", "write it as a filter: `|upper`"),
            ("{{ words.trynow }}", "did you mean `words.try_now`?"),
            ("{{ words.nothing_like_it }}", "there are `words."),
            ("{% if accent %}{{ accent.lihgt }}{% endif %}", "did you mean `accent.light`?"),
            (
                "{{ accent.light }}",
                "write `{% if accent %}` and `{% endif %}` around it: `accent` may be none",
            ),
            ("{% extends 'base.html' %}", ONE_FILE),
            ("{% extend 'base.html' %}", "did you mean `extends`? a template is a single file"),
            ("{% blok content %}{% endblok %}", "did you mean `block`? a template is a single file"),
            ("{% fi until %}x{% endif %}", "did you mean `if`?"),
            ("{% if until %}x{% endfi %}", "did you mean `endif`?"),
            ("{% if until %}{% elseif start %}{% endif %}", "write `elif`"),
            ("{% if until %}{% else if start %}{% endif %}", "write `elif`"),
            ("{% endif %}", "write `{% if … %}` before it, and close each tag in between, or remove it"),
            (
                "{% if until %}{% for x in [1] %}{% endif %}",
                "write `{% if … %}` before it, and close each tag in between",
            ),
            ("{% endmacro %}", "write `{% macro … %}` before it"),
            (
                "{% if until %}{% else %}{% elif start %}{% endif %}",
                "write it after `{% if … %}`, as `elif` before",
            ),
            ("{% form %}", "did you mean `for`?"),
            ("{% if until", CLOSE_TAG),
            ("{% if until }x{% endif %}", CLOSE_TAG),
            ("{% load static %}", "a template has no tags but those of Jinja2"),
            ("{% if until %}x", "close each tag, such as `{% if … %}`"),
            ("{% if until == 'x' %}x", "close each tag, such as `{% if … %}`"),
            ("{% if until == 'x'", CLOSE_TAG),
            ("{% raw", CLOSE_TAG),
            ("{{ 'x'", CLOSE_VARIABLE),
            ("{% if until = 1 %}{% endif %}", "write `==` to compare"),
            ("{% if until && start %}{% endif %}", "write `and`"),
            ("{% if !until %}{% endif %}", "write `not`"),
            ("{{ message ?? 'x' }}", "write `or`"),
            ("{{ until ? 'a' : 'b' }}", "write `{{ … if … else … }}`"),
            ("{{#if until}}x{{/if}}", "write `{% if … %}` and `{% endif %}`"),
            ("{{{ message }}}", "write `{{ … }}`, with two braces"),
            ("{{ message }", CLOSE_VARIABLE),
            ("{{ message", CLOSE_VARIABLE),
            ("{{ loop.index }}", "`loop` exists only between `{% for … %}` and `{% endfor %}`"),
        ] {
            let error = Template::parse(source).expect_err(source);
            let found = error.help.clone().unwrap_or_default();
            assert!(found.starts_with(help), "{source}: {error:?}");
        }
    }

    #[test]
    fn a_mistake_gets_no_wrong_help() {
        for source in [
            "{{ message?.x }}",
            "{{ ', '.join(['a']) }}",
            "{{ message.count('a') }}",
            "{{ 'x' & until }}",
            "{% if 'x' & until %}{% endif %}",
        ] {
            assert_eq!(Template::parse(source).expect_err(source).help, None, "{source}");
        }
    }

    #[test]
    fn what_is_suggested_exists() {
        for filter in FILTERS {
            let source = format!("{{% if '{filter}' is not filter %}}{{{{ 1 // 0 }}}}{{% endif %}}");
            assert!(Template::parse(&source).is_ok(), "{filter}");
        }
        for test in TESTS {
            let source = format!("{{% if '{test}' is not test %}}{{{{ 1 // 0 }}}}{{% endif %}}");
            assert!(Template::parse(&source).is_ok(), "{test}");
        }
    }
}
