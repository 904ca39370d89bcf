//! The line of a syntax error, and what it probably is.

use std::cell::OnceCell;
use std::ops::Range;

use super::super::keys::TOP;
use super::super::report::Report;

/// Characters that look like a space or like nothing, with their names.
const INVISIBLE: &[(char, &str)] = &[
    ('\u{a0}', "a no-break space"),
    ('\u{ad}', "a soft hyphen"),
    ('\u{200b}', "a zero-width space"),
    ('\u{200c}', "a zero-width non-joiner"),
    ('\u{200d}', "a zero-width joiner"),
    ('\u{200e}', "a left-to-right mark"),
    ('\u{200f}', "a right-to-left mark"),
    ('\u{2028}', "a line separator"),
    ('\u{2029}', "a paragraph separator"),
    ('\u{202f}', "a narrow no-break space"),
    ('\u{2060}', "a word joiner"),
    ('\u{3000}', "an ideographic space"),
    ('\u{feff}', "a byte-order mark"),
];

/// A line on which the parser found an error.
pub(super) struct BrokenLine<'r> {
    report: &'r Report,
    start: usize,
    span: Range<usize>,
    section: OnceCell<&'r str>,
    /// The line, without its newline.
    pub(super) text: &'r str,
    /// The parser's message.
    pub(super) message: &'r str,
}

impl<'r> BrokenLine<'r> {
    pub(super) fn new(report: &'r Report, span: Range<usize>, message: &'r str) -> Self {
        let start = report.line_start(span.start);
        let text = report.text().get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        Self { report, start, span, section: OnceCell::new(), text, message }
    }

    /// Returns everything before this line.
    pub(super) fn before(&self) -> &'r str {
        self.report.text().get(..self.start).unwrap_or_default()
    }

    /// Returns the text that the parser marked.
    pub(super) fn marked(&self) -> &'r str {
        self.report.text().get(self.span.clone()).unwrap_or_default()
    }

    /// Returns the part of the line before the error.
    pub(super) fn ahead(&self) -> &'r str {
        self.report.text().get(self.start..self.span.start).unwrap_or_default()
    }

    /// Returns the part of the line from the error on.
    pub(super) fn rest(&self) -> &'r str {
        self.text.get(self.ahead().len()..).unwrap_or_default()
    }

    /// Returns the place of the line, without the white space around it.
    pub(super) fn whole(&self) -> Range<usize> {
        let begins = self.start + self.text.len() - self.text.trim_start().len();
        begins..begins + self.text.trim().len()
    }

    /// Returns the place to mark.
    pub(super) fn place(&self) -> Range<usize> {
        if let Some((at, character)) = self.find_invisible() {
            return self.start + at..self.start + at + character.len_utf8();
        }
        if self.yaml().is_some() || self.foreign_comment().is_some() {
            return self.whole();
        }
        if self.message.starts_with("invalid float") && self.assignment().is_none() && self.is_within_list() {
            let Range { start, .. } = self.whole();
            return start..start + self.text.trim().trim_end_matches(',').trim_end().len();
        }
        self.word().unwrap_or(self.span.clone())
    }

    /// Returns the place of the unquoted word around the error, after the `=`: the parser stops in the middle of `10.0.0.1`.
    fn word(&self) -> Option<Range<usize>> {
        let ends = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | ',' | ';' | '=' | '"' | '\'' | '#');
        let ahead = self.ahead();
        let begins = ahead.char_indices().rev().take_while(|(_, c)| !ends(*c)).last()?.0;
        let is_value =
            ahead.get(..begins)?.contains('=') && ahead.get(..begins)?.ends_with(['[', ',', '=', ' ', '\t']);
        let length = self.rest().find(ends).unwrap_or(self.rest().len());
        let end = self.start + ahead.len() + length;
        (is_value && length > 0 && self.assignment().is_some())
            .then(|| self.start + begins..end.max(self.span.end))
    }

    /// Returns true if a string that is not closed on this line seems to continue on the next one.
    pub(super) fn string_continues(&self) -> bool {
        let next =
            self.report.text().get(self.start..).and_then(|rest| rest.lines().nth(1)).unwrap_or_default();
        let own = |(key, _): (&str, &str)| is_key(key.trim());
        !next.trim().is_empty() && header(next).is_none() && !next.split_once('=').is_some_and(own)
    }

    /// Returns the header of the section that the line is in.
    pub(super) fn section(&self) -> &'r str {
        self.section.get_or_init(|| self.before().lines().rev().find_map(header).unwrap_or(TOP))
    }

    pub(super) fn is_header(&self) -> bool {
        self.text.trim_start().starts_with('[') && !self.is_within_list()
    }

    /// Returns the key of the line and the text after its `=`.
    pub(super) fn assignment(&self) -> Option<(&'r str, &'r str)> {
        let (key, value) = self.text.split_once('=')?;
        is_key(key.trim()).then(|| (key.trim(), without_comment(value)))
    }

    pub(super) fn is_conflict(&self) -> bool {
        ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|mark| self.text.starts_with(mark))
    }

    /// Returns the key and the value of a line `key: value` or `- key: value`.
    pub(super) fn yaml(&self) -> Option<(&'r str, &'r str)> {
        let text = self.text.trim();
        if text == "---" {
            return Some(("", ""));
        }
        let text = text.strip_prefix("- ").unwrap_or(text);
        let (key, value) = text.split_once(':')?;
        let is_separate = value.is_empty() || value.starts_with(char::is_whitespace);
        (is_key(key) && is_separate && !self.is_within_list()).then(|| (key, without_comment(value)))
    }

    /// Returns the text of a comment in the syntax of another language.
    pub(super) fn foreign_comment(&self) -> Option<&'r str> {
        let text = self.text.trim();
        let marks = ["//", "/*", "--", ";", "REM ", "<!--"];
        let comment = marks.iter().find_map(|mark| text.strip_prefix(mark))?;
        let comment = comment.trim_end_matches("*/").trim_end_matches("-->").trim();
        (!self.is_within_list()).then_some(comment)
    }

    /// Returns the first character that is invisible outside of strings and comments, or not allowed anywhere, with its name.
    pub(super) fn invisible(&self) -> Option<(char, &'static str)> {
        let (_, character) = self.find_invisible()?;
        let named = INVISIBLE.iter().find(|(c, _)| *c == character).map(|(_, name)| *name);
        Some((character, named.unwrap_or("a control character")))
    }

    fn find_invisible(&self) -> Option<(usize, char)> {
        let mut quote = None;
        let mut is_comment = false;
        for (at, character) in self.text.char_indices() {
            match (quote, character) {
                (_, '\0'..='\u{8}' | '\u{b}'..='\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}') => {
                    return Some((at, character));
                }
                _ if is_comment => {}
                (None, '"' | '\'') => quote = Some(character),
                (None, '#') => is_comment = true,
                (Some(open), _) if open == character => quote = None,
                (None, '\t' | '\r') => {}
                (None, _) if character.is_control() || INVISIBLE.iter().any(|(c, _)| *c == character) => {
                    return Some((at, character));
                }
                _ => {}
            }
        }
        None
    }

    /// Returns the start of a list that is not closed before this line, or before the end of the file.
    pub(super) fn open_list(&self) -> Option<usize> {
        let next = self.text.trim_start();
        let is_next_statement = self.message.starts_with("missing comma")
            && (next.starts_with('[') || self.assignment().is_some() && !self.ahead().contains('='));
        if !is_next_statement && !self.message.starts_with("unclosed array") {
            return None;
        }
        let before = if is_next_statement {
            self.before()
        } else {
            self.report.text().get(..self.start + self.text.len())?
        };
        let mut end = before.len();
        for line in before.split_inclusive('\n').rev() {
            end -= line.len();
            if let Some((key, value)) = line.split_once('=')
                && is_key(key.trim())
            {
                let list = value.trim_start().starts_with('[');
                return list.then(|| end + key.len() + 1 + value.len() - value.trim_start().len());
            }
        }
        None
    }

    /// Returns true if the line is inside a list that began on an earlier line.
    pub(super) fn is_within_list(&self) -> bool {
        let before = self.before().lines().rev().take(100).map(str::trim);
        let mut before = before.skip_while(|line| line.is_empty() || line.starts_with('#'));
        before.next().is_some_and(|line| {
            let line = without_comment(line);
            line.ends_with([',', '[']) && header(line).is_none()
        })
    }
}

/// Returns true if a text can be a bare or dotted key.
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// Returns the header of a section if a line is one.
pub(super) fn header(line: &str) -> Option<&str> {
    if !line.trim_start().starts_with('[') {
        return None;
    }
    let line = without_comment(line).trim();
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    is_key(name.trim()).then_some(line)
}

/// Returns a value without the comment after it, which begins with white space and `#` outside of quotes.
pub(super) fn without_comment(text: &str) -> &str {
    let mut quote = None;
    let mut previous = ' ';
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '#') if previous.is_whitespace() => return text.get(..at).unwrap_or(text).trim(),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        previous = character;
    }
    text.trim()
}
