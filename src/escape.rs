//! Escapes text of users, files and other programs for terminals and logs.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns true for a character that could break a line or steer a terminal: control characters (C0, DEL and C1), line
/// and paragraph separators, and the characters that change the direction of text (Unicode's `Bidi_Control`).
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The most that a message has of one text of a peer, in bytes. journald splits a line after 48 KiB (`LineMax=`,
/// journald.conf(5)), so that the rest of a longer text would be a line of its own.
const MAX_PEER_TEXT: usize = 2000;
/// The same, for a line of the access log. It has five such texts, and JSON may triple each.
pub const MAX_ACCESS_TEXT: usize = 4000;

/// Escapes each unsafe character as Rust does (`\n`, `\u{9b}`), so that the text stays on one line.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_with(text, usize::MAX, is_unsafe, escape_char)
}

/// Escapes text of a peer, which may be of any length, like [`escape`], and cuts it after 2,000 bytes.
pub fn peer_text(text: &str) -> Cow<'_, str> {
    escape_with(text, MAX_PEER_TEXT, is_unsafe, escape_char)
}

/// Cuts text of a peer as [`peer_text`] does, for a place that escapes it: a value in a line of a log.
pub fn cut(text: &str) -> Cow<'_, str> {
    cut_to(MAX_PEER_TEXT, text)
}

/// Cuts text after this many bytes, and then adds an ellipsis.
pub fn cut_to(limit: usize, text: &str) -> Cow<'_, str> {
    escape_with(text, limit, |_| false, |_, _| ())
}

/// Returns a text, or if it is longer, its first characters and an ellipsis.
pub fn shorten(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Quotes a text so that a shell reads it as one word.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '@' | '+');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

fn escape_char(line: &mut String, c: char) {
    line.extend(c.escape_default());
}

/// Escapes each unsafe character of a JSON document except its newlines. Outside of strings, JSON has no other such
/// character (RFC 8259, section 7), so the document keeps its meaning.
pub fn escape_json(text: &str) -> Cow<'_, str> {
    escape_with(text, usize::MAX, is_unsafe_in_json, |line, c| {
        // Writing to a String cannot fail. All unsafe characters are in the basic plane: four digits suffice.
        let _ = write!(line, "\\u{:04x}", u32::from(c));
    })
}

fn is_unsafe_in_json(c: char) -> bool {
    c != '\n' && is_unsafe(c)
}

/// Escapes characters in some way, and cuts the result after `limit` bytes, with an ellipsis.
pub fn escape_with(
    text: &str,
    limit: usize,
    is_unsafe: impl Fn(char) -> bool,
    escape: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    if text.len() <= limit && !text.contains(&is_unsafe) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len().min(limit) + 16);
    for c in text.chars() {
        let before = escaped.len();
        if is_unsafe(c) {
            escape(&mut escaped, c);
        } else {
            escaped.push(c);
        }
        if escaped.len() > limit {
            escaped.truncate(before);
            escaped.push('…');
            break;
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_escaped_and_others_are_kept() {
        for (text, expected) in [
            ("é \u{1f600} \"x\"", "é \u{1f600} \"x\""),
            ("\u{1b}[2J\r\n", "\\u{1b}[2J\\r\\n"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("\u{202e}\u{2028}\u{61c}", "\\u{202e}\\u{2028}\\u{61c}"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn text_of_a_peer_is_cut_between_characters() {
        let long = |length| "a".repeat(length);
        for (text, expected) in [
            ("a\nb".to_owned(), "a\\nb".to_owned()),
            (long(MAX_PEER_TEXT), long(MAX_PEER_TEXT)),
            (long(MAX_PEER_TEXT + 1), long(MAX_PEER_TEXT) + "…"),
            (long(MAX_PEER_TEXT - 1) + "é", long(MAX_PEER_TEXT - 1) + "…"),
            (long(MAX_PEER_TEXT - 1) + "\n", long(MAX_PEER_TEXT - 1) + "…"),
            (long(MAX_PEER_TEXT - 2) + "\n", long(MAX_PEER_TEXT - 2) + "\\n"),
        ] {
            assert_eq!(peer_text(&text), expected);
            assert_eq!(peer_text(&expected), expected, "again");
        }
    }

    #[test]
    fn escaped_json_means_the_same() {
        let document = ["é\u{1b}[2J", "\u{9b}31m\u{7f}\n\u{202e}", "x"];
        let text = serde_json::to_string_pretty(&document).unwrap();
        let escaped = escape_json(&text);
        assert!(!escaped.contains(is_unsafe_in_json), "{escaped:?}");
        assert_eq!(serde_json::from_str::<[String; 3]>(&escaped).unwrap(), document);
    }

    #[test]
    fn a_shell_reads_one_word() {
        for (text, word) in
            [("db-upgrade", "db-upgrade"), ("two words", "'two words'"), ("it's", "'it'\\''s'"), ("", "''")]
        {
            assert_eq!(shell_word(text), word);
        }
    }
}
