//! Finds markup in templates that browsers ignore, or that lets a message break the page.

use std::ops::Range;

/// A fault of a template that renders: its place, the message, and the help.
pub(in crate::config) type MarkupFault = (Range<usize>, String, &'static str);

/// Returns the faults of a template, in its order.
pub(in crate::config) fn faults(template: &str) -> Vec<MarkupFault> {
    let text = blanked(template);
    let mut faults: Vec<_> = unescaped(&text).chain(inline(&text)).collect();
    faults.sort_by_key(|(span, ..)| span.start);
    faults
}

/// Replaces comments, styles and scripts with spaces, so that nothing is found in them and all places stay the same.
fn blanked(template: &str) -> String {
    let mut text = template.to_owned();
    for (open, close) in [("{#", "#}"), ("<!--", "-->"), ("<style", "</style"), ("<script", "</script")] {
        let mut from = 0;
        while let Some(start) = find(&text, open, from) {
            let inner = start + open.len();
            let end = find(&text, close, inner).map_or(text.len(), |at| at + close.len());
            text.replace_range(start..end, &" ".repeat(end - start));
            from = end;
        }
    }
    text
}

fn find(text: &str, needle: &str, from: usize) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    rest.windows(needle.len())
        .position(|part| part.eq_ignore_ascii_case(needle.as_bytes()))
        .map(|at| from + at)
}

/// Finds `{{ message|safe }}`.
fn unescaped(text: &str) -> impl Iterator<Item = MarkupFault> {
    text.match_indices("{{").filter_map(|(start, _)| {
        let expression = text.get(start + 2..)?.split("}}").next()?;
        let (value, filters) = expression.split_once('|')?;
        let offset = start + 2 + value.len() + 1;
        let at = filters.split('|').position(|filter| filter.trim() == "safe")?;
        let before: usize = filters.split('|').take(at).map(|filter| filter.len() + 1).sum();
        let filter = filters.split('|').nth(at)?;
        let begin = offset + before + (filter.len() - filter.trim_start().len());
        let message =
            "`safe` puts the message on the page as HTML, unescaped: a `<` in it may break the page";
        (value.trim() == "message").then(|| (begin..begin + 4, message.into(), "remove `|safe`"))
    })
}

/// Finds `style="…"` and `onclick="…"`, which the Content-Security-Policy of the page forbids.
fn inline(text: &str) -> impl Iterator<Item = MarkupFault> {
    let tags = text.match_indices('<').filter_map(|(start, _)| {
        let tag = text.get(start + 1..)?;
        tag.starts_with(|first: char| first.is_ascii_alphabetic()).then_some((start + 1, tag))
    });
    tags.flat_map(|(start, tag)| attributes(tag).into_iter().map(move |(at, name)| (start + at, name)))
        .filter_map(|(start, name)| {
            let lower = name.to_ascii_lowercase();
            let help = match lower.as_str() {
                "style" => "use a class, and put its style into a `<style>` element of the page",
                _ if lower.starts_with("on") && lower.len() > 2 => {
                    "add the listener in a `<script>` element of the page"
                }
                _ => return None,
            };
            let message =
                format!("browsers ignore `{name}=` here: the page's Content-Security-Policy forbids it");
            Some((start..start + name.len(), message, help))
        })
}

/// Returns the names of the attributes that have a value, with their offsets in `tag`, which begins with its name.
fn attributes(tag: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut name_start, mut quote) = (None, None);
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '>' | '<') => break,
            (None, '"' | '\'') => quote = Some(c),
            (None, '=') => {
                found.extend(
                    name_start.take().and_then(|start| Some((start, tag.get(start..at)?.trim_end()))),
                );
            }
            (None, c) if c.is_whitespace() || c == '/' => name_start = Some(at + c.len_utf8()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_and_unescaped_markup_is_found_in_markup_alone() {
        for (template, found) in [
            ("<p style=\"color: red\">", &["style"][..]),
            ("<a href='/' onclick=\"go()\" STYLE=x>", &["onclick", "STYLE"]),
            ("<p class=\"a style=b\">", &[]),
            ("<p data-style=a one>", &[]),
            ("style=\"a\"", &[]),
            ("<!-- <p style=a> -->", &[]),
            ("{# <p style=a> {{ message|safe }} #}", &[]),
            ("<script>x = '<p onclick=a>'</script>", &[]),
            ("<style>p{}</style><p onload=a>", &["onload"]),
            ("é{{ message|safe }}", &["safe"]),
            ("{{ message | trim | safe }}", &["safe"]),
            ("{{ message }} {{ until|safe }}", &[]),
            ("{{ message", &[]),
            ("<p style", &[]),
        ] {
            let faults = faults(template);
            let texts: Vec<_> = faults.iter().map(|(span, ..)| &template[span.clone()]).collect();
            assert_eq!(texts, found, "{template}");
        }
    }

    #[test]
    fn the_built_in_page_has_none() {
        assert_eq!(faults(include_str!("../../../templates/downtime.html")), []);
    }
}
