//! The client's address: the peer's, or the one that trusted proxies report.

use std::net::{IpAddr, SocketAddr};

use http::HeaderName;

/// The field with the addresses of the client and of the proxies, the client's first.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the client's address. If the peer is trusted, it is the rightmost address in all X-Forwarded-For `lines` that is not
/// `trusted`, or the leftmost one if all are. If not, it is the peer's address.
///
/// `peer` is `None` for a Unix socket. The result is `None` if there is no address, or if the deciding one is invalid.
/// IPv4-mapped IPv6 addresses become IPv4.
pub fn client_address<'a>(
    peer: Option<IpAddr>,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: impl Fn(IpAddr) -> bool,
    peer_trusted: bool,
) -> Option<IpAddr> {
    let mut client = peer.map(|peer| peer.to_canonical());
    if !peer_trusted {
        return client;
    }
    for line in lines.rev() {
        for element in line.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            // Empty elements are ignored (RFC 9110, section 5.6.1.2).
            if element.is_empty() {
                continue;
            }
            let address = address(element)?;
            if !trusted(address) {
                return Some(address);
            }
            client = Some(address);
        }
    }
    client
}

/// Parses `192.0.2.1`, `192.0.2.1:567`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:567`.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let address = text.parse::<IpAddr>().ok();
    address
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(bracketed)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> Option<String> {
        let lines = lines.iter().map(|line| line.as_bytes());
        let trusted = |address: IpAddr| address.is_loopback() || address.to_string().starts_with("10.");
        let peer: Option<IpAddr> = peer.parse().ok();
        let peer_trusted = peer.is_none_or(|peer| trusted(peer.to_canonical()));
        client_address(peer, lines, trusted, peer_trusted).map(|address| address.to_string())
    }

    #[test]
    fn the_client_is_the_rightmost_untrusted_address() {
        for (peer, lines, expected) in [
            ("192.0.2.9", &[][..], Some("192.0.2.9")),
            ("192.0.2.9", &["198.51.100.1"], Some("192.0.2.9")),
            ("::ffff:192.0.2.9", &["198.51.100.1"], Some("192.0.2.9")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &["198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["198.51.100.1, 198.51.100.2"], Some("198.51.100.2")),
            ("10.0.0.1", &["198.51.100.1, 10.0.0.7"], Some("198.51.100.1")),
            ("10.0.0.1", &["198.51.100.1", "198.51.100.2", "10.0.0.7"], Some("198.51.100.2")),
            ("10.0.0.1", &["10.0.0.9, 10.0.0.8"], Some("10.0.0.9")),
            ("10.0.0.1", &["10.0.0.9", "10.0.0.8"], Some("10.0.0.9")),
            ("10.0.0.1", &["garbage, 198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["198.51.100.1, garbage"], None),
            ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.7"], None),
            ("10.0.0.1", &["198.51.100.1 ,, "], Some("198.51.100.1")),
            ("10.0.0.1", &[""], Some("10.0.0.1")),
            ("10.0.0.1", &["198.51.100.1:567"], Some("198.51.100.1")),
            ("10.0.0.1", &["2001:db8::1"], Some("2001:db8::1")),
            ("10.0.0.1", &["[2001:db8::1]"], Some("2001:db8::1")),
            ("10.0.0.1", &["[2001:db8::1]:5"], Some("2001:db8::1")),
            ("10.0.0.1", &["::ffff:198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["198.51.100.1, ::ffff:10.0.0.7"], Some("198.51.100.1")),
            ("10.0.0.1", &["[198.51.100.1]"], None),
            ("10.0.0.1", &["198.51.100.1:99999"], None),
            ("10.0.0.1", &["fe80::1%eth0"], None),
            ("::1", &["198.51.100.1"], Some("198.51.100.1")),
            ("unix", &["198.51.100.1"], Some("198.51.100.1")),
            ("unix", &[], None),
        ] {
            assert_eq!(client(peer, lines).as_deref(), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn an_untrusted_unix_peer_has_no_address() {
        let lines = [&b"198.51.100.1"[..]];
        assert_eq!(client_address(None, lines.into_iter(), |_| false, false), None);
    }
}
