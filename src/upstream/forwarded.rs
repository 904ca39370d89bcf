//! X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host: what the upstream learns about the client.

use http::header::{Entry, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Route;
use crate::http1::fields::is_read_as;
use crate::matching::client_address::X_FORWARDED_FOR;
use crate::matching::request::X_FORWARDED_HOST;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Returns true for the names, in any case, of fields in which proxies name the client (RFC 7239 and its predecessors) and
/// the original target.
pub(super) fn is_forwarding(name: &str) -> bool {
    is_read_as_forwarding(name) && has_plain_name(name)
}

/// Returns true for names that a site may mistake for one of those.
pub(super) fn is_look_alike(name: &str) -> bool {
    !has_plain_name(name) && is_read_as_forwarding(name)
}

fn is_read_as_forwarding(name: &str) -> bool {
    let starts = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| is_read_as(start, prefix));
    match name.as_bytes().first() {
        Some(b'x' | b'X') => {
            starts("x-forwarded-") || is_read_as(name, "x-original-url") || is_read_as(name, "x-rewrite-url")
        }
        Some(b'f' | b'F') => is_read_as(name, "forwarded"),
        _ => false,
    }
}

/// Returns true if a name has no character that some servers read as another.
fn has_plain_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Sets the fields, after those of an untrusted peer were removed.
pub(super) fn set(headers: &mut HeaderMap, route: &Route<'_>) {
    let host = headers.get(HOST).cloned();
    let ours = [
        (X_FORWARDED_FOR, route.peer.forwarded_for.clone()),
        (X_FORWARDED_PROTO, Some(HeaderValue::from_static(route.scheme.as_str()))),
        (X_FORWARDED_HOST, host),
    ];
    for (name, value) in ours {
        let Some(value) = value else { continue };
        match headers.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) if *entry.key() == X_FORWARDED_FOR => {
                if let Some(list) = append(entry.iter(), &value) {
                    entry.insert(list);
                }
            }
            Entry::Occupied(_) => {}
        }
    }
}

fn append<'a>(before: impl Iterator<Item = &'a HeaderValue>, peer: &'a HeaderValue) -> Option<HeaderValue> {
    let addresses: Vec<&[u8]> = before.chain([peer]).map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&addresses.join(&b", "[..])).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Peer, Route, Scheme, headers::strip_request};
    use super::*;
    use crate::config::upstream_address::UpstreamAddress;

    fn sent(
        peer: Option<&str>,
        trusted: bool,
        lines: &[(&'static str, &'static str)],
    ) -> [Option<String>; 3] {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("shop.example"))]);
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let upstream = UpstreamAddress::parse("http://127.0.0.1:8000").expect("valid");
        let route = Route {
            upstream: &upstream,
            connect_timeout: Duration::MAX,
            response_timeout: Duration::MAX,
            peer: &Peer::new(peer.map(|peer| peer.parse().expect("an address"))),
            trusted,
            scheme: Scheme::Https,
        };
        strip_request(&mut headers, trusted);
        set(&mut headers, &route);
        [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST]
            .map(|name| Some(headers.get(name)?.to_str().expect("text").to_owned()))
    }

    #[test]
    fn the_fields_name_the_peer_and_what_trusted_peers_report() {
        const FOR: &str = "x-forwarded-for";
        let forged = &[(FOR, "192.0.2.66"), ("x-forwarded-proto", "http"), ("x-forwarded-host", "evil")][..];
        for (peer, trusted, lines, expected) in [
            (Some("192.0.2.1"), false, &[][..], [Some("192.0.2.1"), Some("https"), Some("shop.example")]),
            (Some("192.0.2.1"), false, forged, [Some("192.0.2.1"), Some("https"), Some("shop.example")]),
            (None, false, forged, [None, Some("https"), Some("shop.example")]),
            (Some("192.0.2.1"), true, &[], [Some("192.0.2.1"), Some("https"), Some("shop.example")]),
            (Some("192.0.2.1"), true, forged, [Some("192.0.2.66, 192.0.2.1"), Some("http"), Some("evil")]),
            (None, true, forged, [Some("192.0.2.66"), Some("http"), Some("evil")]),
            (
                Some("::ffff:192.0.2.1"),
                true,
                &[(FOR, "a, b"), (FOR, "c")],
                [Some("a, b, c, 192.0.2.1"), Some("https"), Some("shop.example")],
            ),
            (
                Some("192.0.2.1"),
                false,
                &[("connection", "x-forwarded-for, x-forwarded-proto")],
                [Some("192.0.2.1"), Some("https"), Some("shop.example")],
            ),
        ] {
            let said = sent(peer, trusted, lines);
            assert_eq!(said.each_ref().map(Option::as_deref), expected, "{peer:?} {trusted} {lines:?}");
        }
    }

    #[test]
    fn a_name_is_forwarding_or_similar_or_neither() {
        for (name, forwarding, look_alike) in [
            ("X-Forwarded-For", true, false),
            ("x-forwarded-anything", true, false),
            ("Forwarded", true, false),
            ("X-Original-URL", true, false),
            ("x-rewrite-url", true, false),
            ("X_Forwarded_For", false, true),
            ("X.Forwarded.For", false, true),
            ("X-Forwarded.Proto", false, true),
            ("X-Forwarded~For", false, true),
            ("x!forwarded!host", false, true),
            ("X-Forwarded-For_", false, true),
            ("X.Original-URL", false, true),
            ("X_Rewrite_URL", false, true),
            ("X-Original-URL-", false, false),
            ("X-Forwarded", false, false),
            ("Forwarded-", false, false),
            ("Forwarded_", false, false),
            ("X-Real_IP", false, false),
            ("Accept", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_forwarding(name), is_look_alike(name)), (forwarding, look_alike), "{name}");
        }
    }
}
