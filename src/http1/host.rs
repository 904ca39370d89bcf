//! The host that a request is for (RFC 9110, section 7.2; RFC 3986, section 3.2).

use std::net::Ipv6Addr;

use memchr::memchr;

use super::content_length::digits;

/// Returns the text of a host with an optional port, if it is valid: a name of at least one character other than a dot, an
/// IPv4 address, or an IPv6 address in brackets. User information is not allowed, and no percent-encoding: some servers
/// decode it, so they would see another host than the decision. Browsers never send it.
pub fn parse_host(authority: &[u8]) -> Option<&str> {
    let port = if let Some(rest) = authority.strip_prefix(b"[") {
        let end = memchr(b']', rest)?;
        let address = std::str::from_utf8(rest.get(..end)?).ok()?;
        address.parse::<Ipv6Addr>().is_ok().then_some(rest.get(end + 1..)?)?
    } else {
        port_after_name(authority)?
    };
    if is_port(port) { std::str::from_utf8(authority).ok() } else { None }
}

/// The characters of a name: `unreserved` and `sub-delims` (RFC 3986, section 3.2.2).
static IS_PLAIN: [bool; 256] = {
    let plain = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~!$&'()*+,;=";
    let (mut table, mut at) = ([false; 256], 0);
    while at < plain.len() {
        table[plain[at] as usize] = true;
        at += 1;
    }
    table
};

/// Returns what comes after a valid name: nothing, or a colon and more.
fn port_after_name(authority: &[u8]) -> Option<&[u8]> {
    let end = authority.iter().position(|byte| !IS_PLAIN[usize::from(*byte)]).unwrap_or(authority.len());
    let (name, rest) = authority.split_at_checked(end)?;
    name.iter().any(|byte| *byte != b'.').then_some(rest)
}

/// Returns true for the text after the host: nothing, a colon, or a colon and a port.
pub fn is_port(text: &[u8]) -> bool {
    match text {
        [] | [b':'] => true,
        [b':', port @ ..] => digits(port).is_some_and(|port| u16::try_from(port).is_ok()),
        _ => false,
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
            "a%20b",
            "%61",
            "a%2eexample",
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
