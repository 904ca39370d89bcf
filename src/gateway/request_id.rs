//! `X-Request-Id`: names a request in the logs of the gateway and of the site behind it.

use std::borrow::Cow;
use std::cell::Cell;

use crate::http1::request::RequestHead;
use crate::upstream::X_REQUEST_ID;

/// The longest identifier that is kept, in bytes.
const MAX_LENGTH: usize = 128;

/// The identifiers that one thread makes: a random number, and then a count. They are unique, and cost no system call.
#[derive(Debug)]
pub(super) struct RequestIds {
    random: [u8; 16],
    made: Cell<u64>,
}

/// The identifier of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestId<'b> {
    /// The one that came with it.
    Kept(&'b [u8]),
    /// A new one, in hexadecimal.
    Made([u8; 32]),
}

impl RequestIds {
    pub(super) fn new() -> Self {
        // Without random numbers, identifiers are unique within the thread only.
        Self { random: hexadecimal(getrandom::u64().unwrap_or_default()), made: Cell::new(0) }
    }

    /// Returns the identifier that a request came with, if it is one of up to 128 visible ASCII characters; else a new one.
    pub(super) fn identify<'b>(&self, head: &RequestHead<'b>) -> RequestId<'b> {
        let mut values = head.values(X_REQUEST_ID);
        match (values.next(), values.next()) {
            (Some(value), None) if is_sane(value) => RequestId::Kept(value),
            _ => RequestId::Made(self.make()),
        }
    }

    fn make(&self) -> [u8; 32] {
        self.made.set(self.made.get().wrapping_add(1));
        let mut id = [0; 32];
        let (random, count) = id.split_at_mut(16);
        random.copy_from_slice(&self.random);
        count.copy_from_slice(&hexadecimal(self.made.get()));
        id
    }
}

fn hexadecimal(number: u64) -> [u8; 16] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let bytes = number.to_be_bytes();
    std::array::from_fn(|index| {
        let byte = bytes[index / 2];
        DIGITS[usize::from(if index % 2 == 0 { byte >> 4 } else { byte & 0xf })]
    })
}

fn is_sane(value: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
}

impl RequestId<'_> {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Kept(text) => text,
            Self::Made(text) => text,
        }
    }

    pub(super) fn as_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identify(ids: &RequestIds, fields: &[&str]) -> String {
        let fields: Vec<_> = fields.iter().map(|value| format!("X-Request-ID: {value}\r\n")).collect();
        let fields = fields.concat();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        ids.identify(&RequestHead::parse(head.as_bytes()).unwrap()).as_text().into_owned()
    }

    #[test]
    fn only_a_sane_identifier_is_kept() {
        let ids = RequestIds::new();
        let (long, longer) = ("x".repeat(MAX_LENGTH), "x".repeat(MAX_LENGTH + 1));
        for kept in ["a", "7b0e3c52-9a1f-4f6e-8f3c-d1b2a3c4d5e6", "\"<>\\", &long] {
            assert_eq!(identify(&ids, &[kept]), kept);
        }
        for fields in [&[][..], &[""], &["a b"], &["é"], &["a\tb"], &[longer.as_str()], &["a", "a"]] {
            let made = identify(&ids, fields);
            assert!(
                made.len() == 32 && made.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{fields:?}: {made}"
            );
            assert_ne!(made, identify(&ids, fields));
        }
    }
}
