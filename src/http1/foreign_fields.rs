//! Fields of responses whose names are not ASCII. Some sites send one, and nginx passes it on.

use super::response::MAX_HEAD;
use super::token::is_token_byte;

/// The head of a response without such fields.
#[derive(Debug)]
pub struct AsciiHead {
    /// The rest of the head.
    pub bytes: Vec<u8>,
    /// The length of the whole head in bytes.
    pub length: usize,
    /// The name of the first such field.
    pub name: String,
}

/// What a head has of such fields.
#[derive(Debug)]
pub enum ForeignFields {
    /// None, as far as it was received.
    None,
    /// Some, and the head is incomplete.
    Incomplete,
    /// Some, which were left out.
    LeftOut(AsciiHead),
}

impl ForeignFields {
    /// Finds them in the head that `received` begins with, which may be split anywhere.
    pub fn find(received: &[u8]) -> Self {
        let (mut head, mut name) = (AsciiHead { bytes: Vec::new(), length: 0, name: String::new() }, None);
        let mut has_begun = false;
        for line in received.split_inclusive(|byte| *byte == b'\n') {
            head.length += line.len();
            // The name itself may be incomplete.
            let found = foreign_name(line).or_else(|| is_foreign(line).then_some(line));
            match found.filter(|_| has_begun) {
                Some(found) => name = name.or(Some(found)),
                None => head.bytes.extend_from_slice(line),
            }
            let is_empty = matches!(line, b"\r\n" | b"\n");
            if !is_empty {
                // Empty lines before the head are no part of it.
                has_begun = true;
            } else if has_begun {
                let Some(name) = name else { return Self::None };
                head.name = String::from_utf8_lossy(name).into_owned();
                return Self::LeftOut(head);
            }
        }
        if name.is_none() || received.len() >= MAX_HEAD { Self::None } else { Self::Incomplete }
    }
}

/// Returns the name of a field if the field would be valid, were all bytes of its name ASCII.
fn foreign_name(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    let is_valid = value.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t');
    (is_foreign(name) && is_valid).then_some(name)
}

fn is_foreign(name: &[u8]) -> bool {
    !name.is_ascii() && name.iter().all(|byte| is_token_byte(*byte) || !byte.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_foreign_names_are_left_out_of_a_whole_head() {
        for (head, rest, name) in [
            (
                "HTTP/1.1 200 OK\r\nCaf\u{e9}: 1\r\nA: 2\r\n\r\n",
                "HTTP/1.1 200 OK\r\nA: 2\r\n\r\n",
                "Caf\u{e9}",
            ),
            ("\r\n\nHTTP/1.1 200 OK\n\u{e9}: a\tb\u{e9}\n\n", "\r\n\nHTTP/1.1 200 OK\n\n", "\u{e9}"),
            ("HTTP/1.1 200 \u{e9}: a\n\u{fc}:\n\u{e9}: b\n\n", "HTTP/1.1 200 \u{e9}: a\n\n", "\u{fc}"),
        ] {
            let begin = head.find(name).unwrap() + name.find(|letter: char| !letter.is_ascii()).unwrap();
            for end in 0..head.len() {
                let found = ForeignFields::find(&head.as_bytes()[..end]);
                let is_expected = match found {
                    ForeignFields::None => end <= begin,
                    ForeignFields::Incomplete => end > begin,
                    ForeignFields::LeftOut(_) => false,
                };
                assert!(is_expected, "{head:?} {end}: {found:?}");
            }
            let more = format!("{head}hello");
            let ForeignFields::LeftOut(found) = ForeignFields::find(more.as_bytes()) else {
                panic!("{head:?}")
            };
            assert_eq!(String::from_utf8(found.bytes).unwrap(), rest);
            assert_eq!((found.length, found.name.as_str()), (head.len(), name), "{head:?}");
        }
    }

    #[test]
    fn other_malformed_lines_stay() {
        for line in [
            "A: b",
            "A\u{e9} : b",
            "\u{e9} a: b",
            " \u{e9}: b",
            "\u{e9}",
            ": b",
            "A\0\u{e9}: b",
            "\u{e9}: a\0b",
            "\u{e9}: a\rA: b",
            "\u{e9}: a\r",
            "\u{e9}: \u{7f}",
        ] {
            let head = format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n");
            assert!(matches!(ForeignFields::find(head.as_bytes()), ForeignFields::None), "{line:?}");
        }
    }
}
