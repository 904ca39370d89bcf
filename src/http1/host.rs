//! The host that a request is for (RFC 9110, section 7.2; RFC 3986, section 3.2).

use std::net::Ipv6Addr;

/// Returns the text of a host with an optional port, if it is valid: a name of at least one character other than a dot, an
/// IPv4 address, or an IPv6 address in brackets. User information is not allowed.
pub fn parse_host(authority: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(authority).ok()?;
    let port = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().is_ok().then_some(port)?
    } else {
        let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        is_name(name).then_some(port)?
    };
    is_port(port).then_some(text)
}

fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_encoded =
        |at: usize| bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    let is_valid = |(at, byte): (usize, &u8)| match byte {
        b'%' => is_encoded(at),
        _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte),
    };
    bytes.iter().any(|byte| *byte != b'.') && bytes.iter().enumerate().all(is_valid)
}

/// Returns true for the text after the host: nothing, a colon, or a colon and a port.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        None => text.is_empty(),
        Some("") => true,
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_with_an_optional_port_is_valid() {
        for host in [
            "a",
            "a.example",
            "a.example.",
            "A-b_c.example:80",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:80",
            "a:",
            "a:0",
            "a:65535",
            "a%20b",
            "xn--a",
        ] {
            assert_eq!(parse_host(host.as_bytes()), Some(host));
        }
        for host in [
            "",
            ".",
            "..",
            ":80",
            ":",
            "a:b",
            "a:-1",
            "a:+1",
            "a:65536",
            "a:80:80",
            "a b",
            "a@b",
            "u:p@b",
            "a/b",
            "a?b",
            "a#b",
            "a%2",
            "a%zz",
            "[::1].",
            "[::1]x",
            "extra[::1]:98",
            "[::1",
            "::1",
            "[a]",
            "[v1.a]",
            "b\u{fc}cher",
            "a\\b",
            "a\"b",
        ] {
            assert_eq!(parse_host(host.as_bytes()), None, "{host}");
        }
        assert_eq!(parse_host(b"caf\xe9"), None);
    }
}
