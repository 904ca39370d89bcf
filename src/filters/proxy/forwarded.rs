//! What the upstream is told of the client: X-Forwarded-For, -Proto and -Host.

use http::header::{Entry, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Route;
use crate::client::X_FORWARDED_FOR;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whether a field, its name in any case, is one in which proxies say whom they speak for (RFC 7239, and its
/// forerunners).
pub(super) fn is_forwarding(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'x' | b'X') => name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("x-forwarded-")),
        Some(b'f' | b'F') => name.eq_ignore_ascii_case("forwarded"),
        _ => false,
    }
}

/// Whether a field becomes one of those where `-` and `_` are the same, as in CGI and WSGI.
pub(super) fn is_look_alike(name: &str) -> bool {
    name.contains('_') && is_forwarding(&name.replace('_', "-"))
}

/// Says whom the request is from, after everything that must not be believed has been taken out.
pub(super) fn set(headers: &mut HeaderMap, route: &Route<'_>) {
    let host = headers.get(HOST).cloned();
    let ours = [
        (X_FORWARDED_FOR, route.peer.written.clone()),
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
                if let Some(chain) = chain(entry.iter(), &value) {
                    entry.insert(chain);
                }
            }
            Entry::Occupied(_) => {}
        }
    }
}

fn chain<'a>(before: impl Iterator<Item = &'a HeaderValue>, peer: &'a HeaderValue) -> Option<HeaderValue> {
    let addresses: Vec<&[u8]> = before.chain([peer]).map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&addresses.join(&b", "[..])).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Peer, Route, Scheme, headers::strip_request};
    use super::*;
    use crate::upstream::Upstream;

    fn sent(
        peer: Option<&str>,
        trusted: bool,
        lines: &[(&'static str, &'static str)],
    ) -> [Option<String>; 3] {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("shop.example"))]);
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let upstream = Upstream::parse("http://127.0.0.1:8000").expect("valid");
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
    fn the_upstream_is_told_the_truth_and_what_trusted_peers_say() {
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
}
