//! Content-Length (RFC 9110, section 8.6).

use super::fields::write_field;

/// The length that the Content-Length lines of a message give.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum ContentLength {
    /// None: the message has no such line.
    #[default]
    Absent,
    /// All lines give this length.
    Length(u64),
    /// A line is malformed, or they differ.
    Invalid,
}

impl ContentLength {
    /// Adds a line.
    pub fn add(&mut self, line: &[u8]) {
        *self = match (*self, list_length(line)) {
            (Self::Absent, Some(length)) => Self::Length(length),
            (Self::Length(other), Some(length)) if length == other => Self::Length(length),
            _ => Self::Invalid,
        };
    }
}

fn list_length(line: &[u8]) -> Option<u64> {
    if let Some(length) = digits(line) {
        return Some(length);
    }
    let mut lengths = line.split(|byte| *byte == b',').map(decimal);
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

/// Parses a number of digits only, which may have white space around it.
pub fn decimal(text: &[u8]) -> Option<u64> {
    digits(text.trim_ascii())
}

/// Parses a number of digits only.
pub fn digits(text: &[u8]) -> Option<u64> {
    let add = |value: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    };
    if text.is_empty() { None } else { text.iter().try_fold(0, add) }
}

/// Appends a Content-Length.
pub fn write_length(out: &mut Vec<u8>, length: u64) {
    let mut digits = [0; 20];
    let (mut rest, mut start) = (length, digits.len());
    loop {
        start -= 1;
        // A remainder of ten is a digit.
        digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    write_field(out, "content-length", &[digits.get(start..).unwrap_or_default()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_in_decimal() {
        for length in [0, 9, 10, 1234, u64::MAX] {
            let mut out = Vec::new();
            write_length(&mut out, length);
            assert_eq!(String::from_utf8(out).unwrap(), format!("content-length: {length}\r\n"));
        }
    }

    #[test]
    fn equal_lengths_are_one() {
        for (lines, expected) in [
            (&["5"][..], Some(5)),
            (&["5, 5"], Some(5)),
            (&["5", "5"], Some(5)),
            (&["05"], Some(5)),
            (&["18446744073709551615"], Some(u64::MAX)),
            (&["18446744073709551616"], None),
            (&["5", "6"], None),
            (&["5,6"], None),
            (&["+5"], None),
            (&["-1"], None),
            (&[""], None),
            (&["5,"], None),
            (&["5 5"], None),
            (&["0x5"], None),
        ] {
            let mut length = ContentLength::default();
            for line in lines {
                length.add(line.as_bytes());
            }
            assert_eq!(length, expected.map_or(ContentLength::Invalid, ContentLength::Length), "{lines:?}");
        }
    }
}
