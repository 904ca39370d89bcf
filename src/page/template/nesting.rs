//! A check that the engine can parse a template without overflowing the stack.
//!
//! The engine limits how deep brackets and blocks are nested, but not how many operators follow one another in a tag, or how many
//! `elif`s in a block: it nests those too. And its limit for brackets needs more stack than a thread has, without optimization.

use std::ops::Range;

use super::TemplateError;

/// The most names, values, operators and brackets in a tag.
pub(super) const MAX_TOKENS: usize = 1000;
/// How deep brackets may be nested.
pub(super) const MAX_DEPTH: usize = 50;
/// The most tags with `elif` in a template.
pub(super) const MAX_ELIFS: usize = 500;

/// Checks a template that is not parsed yet, and may be malformed.
pub(super) fn check(source: &str) -> Result<(), TemplateError> {
    let mut elifs = 0;
    let mut at = 0;
    while let Some(tag) = next_tag(source, at) {
        let excess = if tag.tokens > MAX_TOKENS {
            Some(format!("this tag has more than {MAX_TOKENS} names, values and operators"))
        } else if tag.depth > MAX_DEPTH {
            Some(format!("this tag has more than {MAX_DEPTH} brackets within one another"))
        } else {
            None
        };
        if let Some(message) = excess {
            let help = "write several shorter tags: `{% set name = … %}` gives a part a name";
            return Err(error(source, tag.start..tag.start + 2, message, help));
        }
        elifs += usize::from(tag.keyword == "elif");
        if elifs > MAX_ELIFS {
            return Err(error(
                source,
                tag.start..tag.end,
                format!("the template has more than {MAX_ELIFS} tags with `elif`"),
                "look the values up instead: `{{ {\"de\": \"…\", \"fr\": \"…\"}[lang] }}`",
            ));
        }
        at = tag.end;
        if tag.keyword == "raw" {
            let rest = source.get(at..).unwrap_or_default();
            at += rest.find("endraw").unwrap_or(rest.len());
        }
    }
    Ok(())
}

fn error(source: &str, span: Range<usize>, message: String, help: &str) -> TemplateError {
    let before = source.get(..span.start).unwrap_or_default();
    TemplateError {
        message,
        line: Some(before.matches('\n').count() + 1),
        span: Some(span),
        help: Some(help.to_owned()),
    }
}

/// A tag, from `{{` or `{%` to its end, or to that of the template.
struct Tag<'s> {
    start: usize,
    end: usize,
    tokens: usize,
    /// How deep its brackets are nested.
    depth: usize,
    /// The first word of a statement; empty for an expression.
    keyword: &'s str,
}

/// Returns the first tag at or after a position. Comments are skipped.
fn next_tag(source: &str, mut at: usize) -> Option<Tag<'_>> {
    loop {
        let rest = source.get(at..)?;
        let start = at + rest.match_indices('{').find(|(brace, _)| opens(rest, *brace))?.0;
        let rest = source.get(start..)?;
        if rest.starts_with("{#") {
            at = start + rest.find("#}").map_or(rest.len(), |end| end + 2);
            continue;
        }
        let is_statement = rest.starts_with("{%");
        let content = rest.get(2..)?;
        let TagContent { length, tokens, depth } = scan(content, if is_statement { "%}" } else { "}}" });
        let keyword = content.trim_start_matches(['-', '+']).trim_start();
        let keyword =
            keyword.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default();
        let keyword = if is_statement { keyword } else { "" };
        return Some(Tag { start, end: start + 2 + length, tokens, depth, keyword });
    }
}

fn opens(text: &str, brace: usize) -> bool {
    text.get(brace + 1..).is_some_and(|rest| rest.starts_with(['{', '%', '#']))
}

/// The content of a tag.
#[derive(Default)]
struct TagContent {
    /// Its length with the end of the tag, in bytes.
    length: usize,
    tokens: usize,
    /// How deep its brackets are nested.
    depth: usize,
}

/// Reads the content of a tag up to `end`, which is only text within brackets and strings.
fn scan(content: &str, end: &str) -> TagContent {
    let (mut found, mut depth, mut in_word) = (TagContent::default(), 0_usize, false);
    let mut characters = content.char_indices();
    while let Some((at, character)) = characters.next() {
        if depth == 0 && content.get(at..).is_some_and(|rest| rest.starts_with(end)) {
            return TagContent { length: at + end.len(), ..found };
        }
        let continues = character.is_alphanumeric() || character == '_';
        found.tokens += usize::from(!(character.is_whitespace() || continues && in_word));
        in_word = continues;
        match character {
            '"' | '\'' => {
                while let Some((_, within)) = characters.next() {
                    match within {
                        '\\' => drop(characters.next()),
                        _ if within == character => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' | '(' => {
                depth += 1;
                found.depth = found.depth.max(depth);
            }
            '}' | ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    TagContent { length: content.len(), ..found }
}

#[cfg(test)]
mod tests {
    use super::super::Template;

    #[test]
    fn a_long_series_of_anything_is_refused_and_does_not_overflow_the_stack() {
        for part in [
            "-",
            "not ",
            "1+",
            "1**",
            "a.",
            "a|e|",
            "a[",
            "a(",
            "x if ",
            "x and ",
            "x~",
            "(",
            "[",
            "{\"a\":",
            "1<",
            "x is not ",
        ] {
            for count in [100, 240, 900, 100_000] {
                let source = format!("{{{{ {} }}}}", part.repeat(count));
                assert!(Template::parse(&source).is_err(), "{count} times {part}");
                let source = format!("{{% set x = {{\"}}}}\": 1}} {} %}}", part.repeat(count));
                assert!(Template::parse(&source).is_err(), "{count} times {part}");
            }
        }
        for part in [
            "{% if status %}",
            "{% for a in words %}",
            "{% macro m() %}",
            "{% filter upper %}",
            "{% with a = 1 %}",
        ] {
            assert!(Template::parse(&part.repeat(1000)).is_err(), "{part}");
        }
        for count in [500, 50_000] {
            let source = format!("{{% if status == 1 %}}{}{{% endif %}}", "{%- elif status %}".repeat(count));
            assert_eq!(Template::parse(&source).is_ok(), count == 500);
        }
    }

    #[test]
    fn the_place_of_the_tag_is_named() {
        let source = format!("a\n{{{{ \"}}}}\" {} }}}}", "+ 1".repeat(600));
        let error = Template::parse(&source).unwrap_err();
        assert!(error.message.contains("1000 names"), "{error}");
        assert_eq!((error.line, error.span), (Some(2), Some(2..4)));
    }

    #[test]
    fn text_comments_and_short_tags_are_not_counted() {
        let long = "- ".repeat(2000);
        for source in [
            format!("{{# {long} {{{{ #}}a"),
            format!("{{% raw %}}{{{{ {long} {{% endraw %}}"),
            format!("{{%- raw -%}}{{{{ {long} {{%- endraw -%}}{{{{ status }}}}"),
            format!("{{{{ \"{long}\\\"{long}\" }}}} {{{{ '{long}' }}}}"),
            format!("{long} {{ {long} }}"),
            "{{ status }}".repeat(2000),
            "{{ {\"a\": {\"b\": status}}.a.b }}".repeat(300),
        ] {
            Template::parse(&source).unwrap_or_else(|error| panic!("{source}: {error}"));
        }
    }
}
