//! The Via field, by which a gateway recognizes requests that it has forwarded before (RFC 9110, section 7.6.3).

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use crate::http1::fields::tokens;
use crate::http1::request::{RequestHead, Version};
use crate::net::client::ClientConnection;

/// The name of this process. It is random, so that several gateways can be in a row.
static PSEUDONYM: LazyLock<String> = LazyLock::new(|| {
    let number = RandomState::new().hash_one(std::process::id());
    format!("downtime-{:08x}", number >> 32)
});

/// Returns true if this process has forwarded the request before.
pub fn is_loop(head: &RequestHead<'_>) -> bool {
    let is_ours = |element: &[u8]| {
        let mut words = element.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.nth(1) == Some(PSEUDONYM.as_bytes())
    };
    head.values("via").flat_map(tokens).any(is_ours)
}

/// The version in which a client has sent its request.
pub(super) fn version(client: &ClientConnection) -> &'static str {
    match client.version() {
        _ if client.is_http2() => "2.0",
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
    }
}

/// Appends a Via for a message that was received in this version, such as `1.1`.
pub(super) fn write(out: &mut Vec<u8>, version: &str) {
    for part in ["via: ", version, " ", &PSEUDONYM, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_this_process_is_a_loop() {
        let ours = &*PSEUDONYM;
        for (via, expected) in [
            (format!("Via: 1.1 {ours}"), true),
            (format!("Via: 1.1 other, HTTP/1.0  {ours} (comment)"), true),
            (format!("Via: 1.1 other\r\nvia: 1.1 {ours}"), true),
            (format!("Via: 1.1 {ours}0"), false),
            ("Via: 1.1 downtime".to_owned(), false),
            ("X: y".to_owned(), false),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{via}\r\n\r\n");
            assert_eq!(is_loop(&RequestHead::parse(head.as_bytes()).unwrap()), expected, "{via}");
        }
    }
}
