//! Diagnostics: what is wrong, where, and what to write instead. They are rendered with the source line and a caret.

mod secrets;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::{Deserialize, Serialize};

use self::secrets::without_secrets;
use crate::escape;

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be applied.
    Error,
    /// The file is valid, but this is probably a mistake.
    Warning,
    /// Information.
    Note,
}

/// A text that diagnostics point into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path of the file, as the user gave it.
    pub name: String,
    /// The content, without a byte order mark.
    pub text: String,
}

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The text.
    pub source: Arc<Source>,
    /// The range in bytes.
    pub span: Range<usize>,
}

/// One problem of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The severity.
    pub severity: Severity,
    /// The message: what is wrong, without a full stop.
    pub message: String,
    /// The place of the problem; `None` if the file could not be read at all.
    pub place: Option<Location>,
    /// The help: what to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Returns an error about a whole file.
    pub fn for_file(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), place: None, help: Some(help.into()) }
    }

    /// Returns an error about a file whose first invalid byte is at `at`.
    pub fn not_utf8(name: &str, bytes: &[u8], at: usize) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
        let place = Location { source: Arc::new(Source { name: name.to_owned(), text }), span };
        let help = "save the file as UTF-8".to_owned();
        let message = "invalid UTF-8: a TOML file has to be in UTF-8".to_owned();
        Self { severity: Severity::Error, message, place: Some(place), help: Some(help) }
    }

    /// Returns line and column, both from 1; the column is in characters.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        let place = self.place.as_ref()?;
        Some(line_column(&place.source.text, place.span.start))
    }

    /// Returns message, place, source line, caret and help as text. Control characters of the file are replaced, so with
    /// `colour` there are no ANSI escapes but our own.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut group = self.level().primary_title(self.message.as_str()).elements(self.snippet());
        // The renderer replaces control characters, except in the help, and except C1.
        let help = self.help.as_ref().map(|help| help.replace(is_unprintable, REPLACEMENT));
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let text = renderer.decor_style(DecorStyle::Ascii).term_width(120).render(&[group]);
        let text = self.with_true_column(text);
        text.replace(is_c1, REPLACEMENT).lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }

    /// Returns message, place and help in one line for the log, without passwords.
    pub fn summary(&self) -> String {
        let place = match (&self.place, self.line_column()) {
            (Some(place), Some((line, column))) => format!("{}:{line}:{column}: ", place.source.name),
            _ => String::new(),
        };
        let help = self.help.as_ref().map_or(String::new(), |help| format!(" ({})", without_passwords(help)));
        format!("{place}{}{help}", without_passwords(&self.message))
    }

    fn level(&self) -> Level<'static> {
        match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        }
    }

    /// Corrects the column that the renderer has counted in an excerpt of a long line.
    fn with_true_column(&self, rendered: String) -> String {
        let (Some(excerpt), Some((line, column))) = (self.excerpt(), self.line_column()) else {
            return rendered;
        };
        if excerpt.cut == 0 {
            return rendered;
        }
        let counted = excerpt.line.get(..excerpt.inside.start).unwrap_or_default().chars().count() + 1;
        let at = rendered.find("--> ").unwrap_or(0);
        let (message, rest) = rendered.split_at_checked(at).unwrap_or(("", &rendered));
        message.to_owned() + &rest.replacen(&format!(":{line}:{counted}"), &format!(":{line}:{column}"), 1)
    }

    fn snippet(&self) -> Option<Snippet<'_, annotate_snippets::Annotation<'_>>> {
        let place = self.place.as_ref()?;
        let Excerpt { line, inside, .. } = self.excerpt()?;
        Some(
            Snippet::source(without_secrets(line))
                .line_start(line_column(&place.source.text, place.span.start).0)
                .path(place.source.name.as_str())
                .annotation(AnnotationKind::Primary.span(inside)),
        )
    }

    /// Returns the line of the place, or a part of it around the place: a line may be the whole file.
    fn excerpt(&self) -> Option<Excerpt<'_>> {
        let place = self.place.as_ref()?;
        let text = &place.source.text;
        let span = one_line(text, &place.span);
        let first = text.get(..span.start).map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
        let last =
            text.get(span.end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| span.end + at);
        let line = text.get(first..last).unwrap_or_default();
        // Only the last carriage return belongs to the newline; a place may be at an earlier one.
        let line = line.strip_suffix('\r').filter(|_| last < text.len()).unwrap_or(line);
        let inside = (span.start - first).min(line.len())..(span.end - first).min(line.len());
        if line.len() <= 2 * MAX_AROUND {
            return Some(Excerpt { line, inside, cut: 0 });
        }
        let cut = line.floor_char_boundary(inside.start.saturating_sub(MAX_AROUND));
        let end = line.floor_char_boundary(inside.start.saturating_add(MAX_AROUND).min(line.len()));
        let inside = inside.start - cut..inside.end.min(end).max(inside.start) - cut;
        Some(Excerpt { line: line.get(cut..end).unwrap_or_default(), inside, cut })
    }
}

/// The most bytes of a line that are shown before the start of a place, and after it.
const MAX_AROUND: usize = 1000;

/// A line or a part of it, with the place in it.
struct Excerpt<'t> {
    line: &'t str,
    inside: Range<usize>,
    /// The number of bytes of the line that are missing before it.
    cut: usize,
}

impl From<Diagnostic> for Vec<Diagnostic> {
    fn from(diagnostic: Diagnostic) -> Self {
        vec![diagnostic]
    }
}

const REPLACEMENT: &str = "\u{fffd}";

/// Returns true for a control character other than newline and tab.
fn is_unprintable(c: char) -> bool {
    escape::is_unsafe(c) && !matches!(c, '\n' | '\t')
}

/// Returns true for a C1 control character. Some terminals treat them like an escape sequence.
fn is_c1(c: char) -> bool {
    escape::is_unsafe(c) && !c.is_ascii()
}

/// Returns the errors among `diagnostics`.
pub fn errors(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &Diagnostic> {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
}

/// Renders `diagnostics` with blank lines between them.
pub fn render_all(diagnostics: &[Diagnostic], colour: bool) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.render(colour)).collect::<Vec<_>>().join("\n")
}

/// Returns line and column of a byte offset, both from 1; the column is in characters. CRLF counts as one newline.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let offset = text.floor_char_boundary(offset);
    let (mut before, after) = text.split_at_checked(offset).unwrap_or_default();
    if after.starts_with('\n') {
        before = before.strip_suffix('\r').unwrap_or(before);
    }
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// Returns the part of a span that is on its first line, at character boundaries: carets mark one line only.
fn one_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let end = text.floor_char_boundary(span.end.clamp(start, text.len()));
    let within = text.get(start..end).unwrap_or_default();
    let length = within.find('\n').unwrap_or(within.len());
    start..start + within.get(..length).unwrap_or_default().trim_end_matches('\r').len()
}

/// Replaces the password in each quoted URL (RFC 3986, section 3.2.1) by `…`, even if the URL is malformed: more people can
/// read the log and the status than the file.
pub fn without_passwords(message: &str) -> String {
    message.split_inclusive(['`', '"', '\'']).map(without_password).collect()
}

fn without_password(quoted: &str) -> Cow<'_, str> {
    const MAIL: &str = "mailto:";
    // An address of mail has no password (RFC 6068, section 2).
    if quoted.get(..MAIL.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(MAIL)) {
        return quoted.into();
    }
    let Some((before, host)) = quoted.rsplit_once('@') else { return quoted.into() };
    let scheme = before.find("://").map_or(0, |at| at + 3);
    match before.get(scheme..).and_then(|rest| rest.split_once(':')) {
        Some((user, _)) => format!("{}{user}:…@{host}", before.get(..scheme).unwrap_or_default()).into(),
        None => quoted.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(text: &str, span: Range<usize>) -> Diagnostic {
        let source = Arc::new(Source { name: "downtime.toml".into(), text: text.into() });
        Diagnostic {
            severity: Severity::Error,
            message: "this is wrong".into(),
            place: Some(Location { source, span }),
            help: Some("write it right".into()),
        }
    }

    #[test]
    fn a_place_is_counted_from_one_in_characters() {
        for (text, offset, place) in [
            ("", 0, (1, 1)),
            ("abc", 2, (1, 3)),
            ("a\nb", 2, (2, 1)),
            ("a\r\nb", 3, (2, 1)),
            ("a\r\nb", 2, (1, 2)),
            ("a\r\r\n", 3, (1, 3)),
            ("a\r", 2, (1, 3)),
            ("é = é", 5, (1, 5)),
            ("é", 1, (1, 1)),
            ("a\n", 2, (2, 1)),
            ("a", 99, (1, 2)),
        ] {
            assert_eq!(line_column(text, offset), place, "{text:?} {offset}");
        }
    }

    #[test]
    fn the_caret_marks_the_replacement_of_the_first_invalid_byte() {
        for (bytes, at) in
            [(&b"\xff"[..], 0), (b"# caf\xe9\n", 5), (b"\xe2\x82\n", 0), ("é\u{fffd}".as_bytes(), 2)]
        {
            let place = Diagnostic::not_utf8("downtime.toml", bytes, at).place.unwrap();
            assert_eq!(place.source.text.get(place.span), Some("\u{fffd}"), "{bytes:?}");
        }
    }

    #[test]
    fn the_source_line_is_shown_with_a_caret_under_the_value() {
        let expected = "\
error: this is wrong
 --> downtime.toml:2:10
  |
2 | status = 999
  |          ^^^
  |
  = help: write it right
";
        assert_eq!(diagnostic("[response]\nstatus = 999\n", 20..23).render(false), expected);
    }

    #[test]
    fn only_a_part_of_a_long_line_is_shown_with_the_column_of_the_whole_line() {
        let text = format!("x = 1\ny = [{}]", "'é', ".repeat(100_000));
        let at = text.find('y').unwrap() + "y = [".len() + "'é', ".len() * 50_000;
        for colour in [false, true] {
            let found = diagnostic(&text, at..at + 4).render(colour);
            assert!(found.len() < 3000, "{}", found.len());
            assert!(found.contains("downtime.toml:2:250006"), "{found}");
        }
        let whole = diagnostic(&text, 6..text.len()).render(false);
        assert!(whole.len() < 3000 && whole.contains("downtime.toml:2:1\n"), "{whole}");
        let found = diagnostic(&text, at..at + 4);
        assert_eq!(found.excerpt().map(|excerpt| excerpt.line.len() < 2 * MAX_AROUND + 4), Some(true));
    }

    #[test]
    fn control_characters_of_a_file_never_reach_the_terminal() {
        let text = "a = \u{1b}[2J\u{9b}31m\tb";
        let unsafe_everywhere =
            Diagnostic { message: text.into(), help: Some(text.into()), ..diagnostic(text, 4..text.len()) };
        let plain = unsafe_everywhere.render(false);
        assert!(!plain.contains(is_unprintable), "{plain:?}");
        let styled = unsafe_everywhere.render(true);
        assert!(!styled.contains("\u{1b}[2J") && !styled.contains(is_c1), "{styled:?}");
        assert!(plain.ends_with("= help: a = \u{fffd}[2J\u{fffd}31m\tb\n"), "{plain:?}");
    }

    #[test]
    fn a_summary_has_no_password() {
        for (message, expected) in [
            ("invalid host `https://user:pw@a.example/ `: b", "invalid host `https://user:…@a.example/ `: b"),
            ("`user:pw@a.example`", "`user:…@a.example`"),
            ("`//user:pw@a.example/`", "`//user:…@a.example/`"),
            ("`https:user:pw@a`", "`https:…@a`"),
            ("`https://user:p@w/x@a`", "`https://user:…@a`"),
            ("`[\"https://user:pw@a\", \"b:c\"]`", "`[\"https://user:…@a\", \"b:c\"]`"),
            ("`https://user@a:80/`: b", "`https://user@a:80/`: b"),
            ("`@daily` is `0 0 * * *`: c", "`@daily` is `0 0 * * *`: c"),
            ("write `mailto:help@a.example`", "write `mailto:help@a.example`"),
            ("invalid contact `MailTo:user:pw@a`", "invalid contact `MailTo:user:pw@a`"),
            ("a: b", "a: b"),
        ] {
            let whole = Diagnostic::for_file(message, message);
            assert_eq!(whole.summary(), format!("{expected} ({expected})"));
        }
    }

    #[test]
    fn rendering_never_panics() {
        let text = "a = \"é\r\n\"\nb = 1\r\r\r\r\nc\r\r\r\r";
        for start in 0..=text.len() + 2 {
            for end in 0..=text.len() + 2 {
                let diagnostic = diagnostic(text, Range { start, end });
                assert!(diagnostic.render(true).contains("this is wrong"));
                assert!(diagnostic.summary().ends_with("this is wrong (write it right)"));
            }
        }
    }
}
