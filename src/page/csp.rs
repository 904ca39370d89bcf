//! The Content-Security-Policy of an HTML page: all is forbidden but the page's own inline styles and scripts, which
//! it allows by their hashes (CSP Level 3, 2.3.1).

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha2::{Digest, Sha256};

const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The policy for `html`. It allows no `style="…"` attribute and no `onclick="…"`.
pub(super) fn policy(html: &str) -> HeaderValue {
    let mut policy = POLICY.to_owned();
    for (directive, name) in [("style-src", "style"), ("script-src", "script")] {
        let inline = InlineElements { rest: html }.filter(|element| element.name == name);
        let hashes: BTreeSet<String> = inline.map(|element| hash(element.content)).collect();
        if !hashes.is_empty() {
            let _ = write!(policy, "; {directive}");
        }
        for hash in hashes {
            let _ = write!(policy, " 'sha256-{hash}'");
        }
    }
    HeaderValue::from_maybe_shared(policy).unwrap_or(HeaderValue::from_static(POLICY))
}

/// Of the text as the parser hands it on: without CR and NUL (HTML Standard, 13.2.3.5 and 13.2.5).
fn hash(content: &str) -> String {
    let parsed = content.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}");
    STANDARD.encode(Sha256::digest(parsed))
}

/// An element whose content is text up to its own end tag.
#[derive(Debug, PartialEq, Eq)]
struct Element<'a> {
    name: &'static str,
    content: &'a str,
}

/// The `<style>` and `<script>` elements that hold text, found as a browser's tokenizer finds them (HTML Standard,
/// 13.2.5). `<noscript>` is looked into, since browsers without scripting do so.
struct InlineElements<'a> {
    rest: &'a str,
}

/// The elements whose content is no markup.
const TEXT_ELEMENTS: [&str; 8] =
    ["style", "script", "title", "textarea", "xmp", "iframe", "noembed", "noframes"];

impl<'a> Iterator for InlineElements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let element = self.next_text_element()?;
            if matches!(element.name, "style" | "script") && !element.content.is_empty() {
                return Some(element);
            }
        }
    }
}

impl<'a> InlineElements<'a> {
    fn next_text_element(&mut self) -> Option<Element<'a>> {
        loop {
            let (_, markup) = self.rest.split_once('<')?;
            let name = markup.strip_prefix('/').unwrap_or(markup);
            if let Some(comment) = markup.strip_prefix("!--") {
                self.rest = after_comment(comment);
            } else if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
                let length = name.bytes().position(ends_name).unwrap_or(name.len());
                let (name, attributes) = name.split_at(length);
                self.rest = after_tag(attributes)?;
                if !markup.starts_with('/')
                    && let Some(name) = TEXT_ELEMENTS.into_iter().find(|text| name.eq_ignore_ascii_case(text))
                {
                    return Some(Element { name, content: self.take_content(name) });
                }
            } else if markup.starts_with(['!', '?', '/']) {
                self.rest = markup.split_once('>')?.1;
            } else {
                self.rest = markup;
            }
        }
    }

    fn take_content(&mut self, name: &str) -> &'a str {
        let end = if name == "script" { script_end(self.rest) } else { text_end(self.rest, name) };
        let (content, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        content
    }
}

fn ends_name(byte: u8) -> bool {
    is_space(byte) || byte == b'/' || byte == b'>'
}

/// What follows a comment, from behind its `<!--`; `<!-->` and `<!--->` are whole comments.
fn after_comment(comment: &str) -> &str {
    if let Some(rest) = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->")) {
        return rest;
    }
    let ends = ["-->", "--!>"].map(|end| comment.split_once(end).map(|(_, rest)| rest));
    ends.into_iter().flatten().max_by_key(|rest| rest.len()).unwrap_or_default()
}

/// What follows a tag, from behind its name; none where it never ends, since then it is no tag.
fn after_tag(attributes: &str) -> Option<&str> {
    let mut at = At::Space;
    for (index, byte) in attributes.bytes().enumerate() {
        at = match at {
            At::Quoted(quote) if byte == quote => At::Space,
            At::Quoted(_) => at,
            _ if byte == b'>' => return attributes.get(index + 1..),
            At::BeforeValue | At::Value => at.in_value(byte),
            At::Space | At::Name | At::AfterName => at.in_name(byte),
        };
    }
    None
}

/// The place within a tag (HTML Standard, 13.2.5.32 to 13.2.5.40).
#[derive(Debug, Clone, Copy)]
enum At {
    Space,
    Name,
    AfterName,
    BeforeValue,
    Value,
    Quoted(u8),
}

impl At {
    fn in_name(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Name | Self::AfterName, b'=') => Self::BeforeValue,
            (Self::Name | Self::AfterName, byte) if is_space(byte) => Self::AfterName,
            (_, byte) if is_space(byte) || byte == b'/' => Self::Space,
            _ => Self::Name,
        }
    }

    fn in_value(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::BeforeValue, b'"' | b'\'') => Self::Quoted(byte),
            (Self::BeforeValue, byte) if is_space(byte) => self,
            (_, byte) if is_space(byte) => Self::Space,
            _ => Self::Value,
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

/// Where the text ends for its end tag or the document's end.
fn text_end(text: &str, name: &str) -> usize {
    let mut ends = text.match_indices("</").map(|(index, _)| index);
    ends.find(|index| text.get(index + 2..).is_some_and(|tag| is_tag(tag.as_bytes(), name)))
        .unwrap_or(text.len())
}

/// As [`text_end`], but in a script `<!-- <script>` hides the next `</script>` (HTML Standard, 13.2.5.20 and on).
fn script_end(text: &str) -> usize {
    let (mut in_comment, mut in_inner_script) = (false, false);
    let mut rest = text.as_bytes();
    loop {
        let step = match rest {
            [] => return text.len(),
            // Its dashes may also be those of `-->`.
            [b'<', b'!', b'-', b'-', ..] if !in_comment => {
                in_comment = true;
                2
            }
            [b'-', b'-', b'>', ..] => {
                (in_comment, in_inner_script) = (false, false);
                3
            }
            [b'<', b'/', tag @ ..] if is_tag(tag, "script") => {
                if !in_inner_script {
                    return text.len() - rest.len();
                }
                in_inner_script = false;
                2
            }
            [b'<', tag @ ..] => {
                in_inner_script |= in_comment && is_tag(tag, "script");
                1
            }
            _ => 1,
        };
        rest = rest.get(step..).unwrap_or_default();
    }
}

fn is_tag(text: &[u8], name: &str) -> bool {
    let split = text.split_at_checked(name.len());
    split.is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(name.as_bytes()) && rest.first().is_some_and(|byte| ends_name(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(html: &str) -> Vec<(&'static str, &str)> {
        InlineElements { rest: html }.map(|element| (element.name, element.content)).collect()
    }

    #[test]
    fn inline_elements_are_found_as_a_browser_finds_them() {
        for (html, expected) in [
            ("<style>a</style><script>b</script>", &[("style", "a"), ("script", "b")][..]),
            ("<SCRIPT>a</sCrIpT><Style\n>b</STYLE\t>", &[("script", "a"), ("style", "b")]),
            (
                "<script>a</script ><script>b</script/><script>c</script x='>'>",
                &[("script", "a"), ("script", "b"), ("script", "c")],
            ),
            ("<script>a</scripty>b</script>", &[("script", "a</scripty>b")]),
            // Attributes
            ("<script type='a>b' async>x</script>", &[("script", "x")]),
            ("<style media = \"a>b\">x</style>", &[("style", "x")]),
            ("<style media=a\"b>x</style>", &[("style", "x")]),
            ("<style = '>x</style>", &[("style", "x")]),
            ("<style a='b'c=\"d\">x</style>", &[("style", "x")]),
            ("<div title='<script>a</script>'>", &[]),
            ("<div title=\"<script>\" id=x><script>b</script>", &[("script", "b")]),
            ("<br/><script/>b</script>", &[("script", "b")]),
            ("<script src='a.js'></script>", &[]),
            ("<script type=application/json>{}</script>", &[("script", "{}")]),
            // Comments
            ("<!-- <script>a</script> --><script>b</script>", &[("script", "b")]),
            ("<!--><script>b</script>-->", &[("script", "b")]),
            ("<!---><script>b</script>-->", &[("script", "b")]),
            ("<!-- --!><script>b</script>-->", &[("script", "b")]),
            ("<!-- a -- > <script>b</script>", &[]),
            ("<!doctype html><?xml <script?><script>b</script>", &[("script", "b")]),
            ("</ <script>><script>b</script>", &[("script", "b")]),
            ("a < b <script>b</script>", &[("script", "b")]),
            // Text elements
            ("<title><script>a</script></title><style>b</style>", &[("style", "b")]),
            ("<textarea><style>a</style></textarea>", &[]),
            ("<style><script>a</script></style>", &[("style", "<script>a</script>")]),
            ("<script>'<style>'</script>", &[("script", "'<style>'")]),
            ("<noscript><style>b</style></noscript>", &[("style", "b")]),
            ("<scripty>a</scripty><styles>b</styles>", &[]),
            // Escaped scripts
            ("<script><!-- a --></script>b</script>", &[("script", "<!-- a -->")]),
            ("<script><!-- a </script>b", &[("script", "<!-- a ")]),
            ("<script><!-- <script> </script> --></script>b", &[("script", "<!-- <script> </script> -->")]),
            ("<script><!-- <script> --></script>b</script>", &[("script", "<!-- <script> -->")]),
            ("<script><!--><script></script>b</script>", &[("script", "<!--><script>")]),
            ("<script><!-- <scripty> </script>b", &[("script", "<!-- <scripty> ")]),
            // The end
            ("<style>a", &[("style", "a")]),
            ("<script", &[]),
            ("<script x='", &[]),
            ("<!-- <script>a</script>", &[]),
            ("<", &[]),
            ("", &[]),
            ("\u{1f642}<style>\u{1f642}</style>\u{1f642}", &[("style", "\u{1f642}")]),
        ] {
            assert_eq!(found(html), expected, "{html}");
        }
    }

    #[test]
    fn the_policy_names_each_hash_once_and_only_what_is_there() {
        // From `printf b | openssl dgst -sha256 -binary | base64`, and of "a\nb".
        let (b, lines) =
            ("PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0=", "fhj3NzEbLcOy8mndeDlrA1HxT7Zu+oefdoyyMYGIPHg=");
        for (html, expected) in [
            ("<p>", String::new()),
            ("<style>b</style><style>b</style>", format!("; style-src 'sha256-{b}'")),
            ("<script>b</script>", format!("; script-src 'sha256-{b}'")),
            (
                "<script>b</script><style>b</style>",
                format!("; style-src 'sha256-{b}'; script-src 'sha256-{b}'"),
            ),
            ("<style>a\r\nb</style>", format!("; style-src 'sha256-{lines}'")),
            ("<style>a\rb</style>", format!("; style-src 'sha256-{lines}'")),
        ] {
            assert_eq!(policy(html).to_str().unwrap(), format!("{POLICY}{expected}"), "{html}");
        }
    }
}
