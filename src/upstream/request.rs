//! The head of a request, as it goes to the upstream.

use std::cell::Cell;

use super::max_forwards::max_forwards;
use super::tunnel::offered_protocols;
use super::{Route, via};
use crate::http1::content_length::write_length;
use crate::http1::fields::{FieldFilter, FieldLine, Sender, tokens, write_field, write_received};
use crate::http1::framing::{Framing, TransferCoding};
use crate::http1::request::{RequestHead, Version};
use crate::matching::bypass::{carries_secret, is_field as is_bypass_field, without_secret};
use crate::matching::client_address::X_FORWARDED_FOR;
use crate::matching::request::X_FORWARDED_HOST;

/// Names a request in the logs of each server that it passes.
pub const X_REQUEST_ID: &str = "x-request-id";

const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Returns the coding of a request's body, as it goes to the upstream.
pub(super) fn coding(framing: &Framing) -> TransferCoding {
    match framing {
        Framing::Chunked(_) => TransferCoding::Chunked,
        Framing::Length(_) | Framing::UntilClose => TransferCoding::Identity,
    }
}

/// Appends the head that the upstream gets: in origin form, with the fields that pass, and with those that name the client
/// and this gateway. `received_version` is as in Via.
pub(super) fn write(out: &mut Vec<u8>, head: &RequestHead<'_>, route: &Route<'_>, received_version: &str) {
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    head.target.write(out);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    match head.host {
        Some(host) => write_field(out, "host", &[host.as_bytes()]),
        // A request without a host is for the upstream itself.
        None => write_field(out, "host", &[route.site.upstream.authority().as_bytes()]),
    }
    write_fields(out, head, route);
    write_framing(out, head);
    write_forwarding(out, head, route);
    write_field(out, X_REQUEST_ID, &[route.request_id]);
    via::write(out, received_version);
    out.extend_from_slice(b"\r\n");
}

fn write_fields(out: &mut Vec<u8>, head: &RequestHead<'_>, route: &Route<'_>) {
    let filter = route.filter(head);
    let max_forwards = max_forwards(head).ok().flatten();
    let has_secret = Cell::new(false);
    let holds_secret = |field: &FieldLine<'_>| {
        let holds_one = carries_secret(field.name, field.value);
        has_secret.set(has_secret.get() || holds_one);
        holds_one
    };
    let passes = |field: &&FieldLine<'_>| {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let is_written_elsewhere = match field.name.len() {
            4 => is("host"),
            6 => is("expect") && head.version == Version::Http10 || holds_secret(field),
            12 => max_forwards.is_some() && is("max-forwards") || is(X_REQUEST_ID),
            14 => is("content-length"),
            15 => is(X_FORWARDED_FOR.as_str()) || is_bypass_field(field.name),
            _ => false,
        };
        !is_written_elsewhere && filter.passes(field.name)
    };
    write_received(out, head.bytes, head.fields.iter().filter(passes));
    // The secret of a bypass is for the gateway, whether it is right or not.
    if has_secret.get() {
        write_other_cookies(out, head, filter);
    }
    if let Some(left) = max_forwards {
        write_field(out, "max-forwards", &[left.saturating_sub(1).to_string().as_bytes()]);
    }
}

/// Appends the Cookie fields that hold the secret of a bypass, without it.
fn write_other_cookies(out: &mut Vec<u8>, head: &RequestHead<'_>, filter: FieldFilter<'_>) {
    for field in head.fields.iter().filter(|field| carries_secret(field.name, field.value)) {
        let others = without_secret(field.value);
        if !others.is_empty() && filter.passes(field.name) {
            write_field(out, field.name, &[&others]);
        }
    }
}

fn write_framing(out: &mut Vec<u8>, head: &RequestHead<'_>) {
    match &head.framing {
        Framing::Chunked(_) => write_field(out, "transfer-encoding", &[b"chunked"]),
        Framing::Length(length) if *length > 0 || head.values("content-length").next().is_some() => {
            write_length(out, *length);
        }
        Framing::Length(_) | Framing::UntilClose => {}
    }
    let accepts_trailers =
        head.values("te").flat_map(tokens).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
    let protocols = offered_protocols(head);
    if accepts_trailers {
        write_field(out, "te", &[b"trailers"]);
    }
    match (accepts_trailers, protocols.is_empty()) {
        (true, true) => write_field(out, "connection", &[b"te"]),
        (false, false) => write_field(out, "connection", &[b"upgrade"]),
        (true, false) => write_field(out, "connection", &[b"te", b"upgrade"]),
        (false, true) => {}
    }
    if !protocols.is_empty() {
        write_field(out, "upgrade", &protocols);
    }
}

/// Appends the fields that name the client: those that a trusted proxy has sent, completed.
fn write_forwarding(out: &mut Vec<u8>, head: &RequestHead<'_>, route: &Route<'_>) {
    let is_trusted = route.sender() == Sender::TrustedProxy;
    let sent = |name: &'static str| head.values(name).filter(|_| is_trusted);
    let name = X_FORWARDED_FOR;
    let addresses = sent("x-forwarded-for").chain(route.peer.address_text().map(str::as_bytes));
    if is_trusted {
        let addresses: Vec<&[u8]> = addresses.collect();
        if !addresses.is_empty() {
            write_field(out, name.as_str(), &addresses);
        }
    } else if let Some(address) = route.peer.address_text() {
        write_field(out, name.as_str(), &[address.as_bytes()]);
    }
    if sent(X_FORWARDED_PROTO).next().is_none() {
        write_field(out, X_FORWARDED_PROTO, &[route.peer.scheme().as_str().as_bytes()]);
    }
    if let Some(host) = head.host.filter(|_| sent("x-forwarded-host").next().is_none()) {
        write_field(out, X_FORWARDED_HOST.as_str(), &[host.as_bytes()]);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::upstream_address::UpstreamAddress;
    use crate::config::{Limits, UpstreamSite, WhenUnreachable};
    use crate::http1::scheme::Scheme;
    use crate::net::peer::Peer;

    /// The lines that the upstream gets, without X-Request-Id and Via.
    fn sent(peer: Option<&str>, trusted: bool, head: &str) -> Vec<String> {
        let site = UpstreamSite {
            upstream: UpstreamAddress::parse("http://upstream.example").unwrap(),
            tls: None,
            when_unreachable: WhenUnreachable::Error,
            connect_timeout: Duration::MAX,
            response_timeout: Duration::MAX,
        };
        let route = Route {
            site: &site,
            limits: &Limits::default(),
            is_watched: false,
            is_private: false,
            request_id: b"1",
            peer: &Peer::new(peer.map(|peer| peer.parse().unwrap())).over(Scheme::Https),
            trusted,
        };
        let head = format!("{}\r\n\r\n", head.replace('|', "\r\n"));
        let mut out = Vec::new();
        write(&mut out, &RequestHead::parse(head.as_bytes()).unwrap(), &route, "1.1");
        let text = String::from_utf8(out).unwrap();
        let is_named = |line: &&str| !line.starts_with("x-request-id: ") && !line.starts_with("via: ");
        text.trim_end().split("\r\n").filter(is_named).map(str::to_owned).collect()
    }

    #[test]
    fn the_fields_name_the_peer_and_what_trusted_peers_report() {
        let forged = "|X-Forwarded-For: 192.0.2.66|X-Forwarded-Proto: http|X-Forwarded-Host: evil";
        let named = "|Connection: x-forwarded-for, x-forwarded-proto";
        for (peer, trusted, fields, expected) in [
            (Some("192.0.2.1"), false, "", [Some("192.0.2.1"), Some("https"), Some("a")]),
            (Some("192.0.2.1"), false, forged, [Some("192.0.2.1"), Some("https"), Some("a")]),
            (None, false, forged, [None, Some("https"), Some("a")]),
            (Some("192.0.2.1"), true, "", [Some("192.0.2.1"), Some("https"), Some("a")]),
            (Some("192.0.2.1"), true, forged, [Some("192.0.2.66, 192.0.2.1"), Some("http"), Some("evil")]),
            (None, true, forged, [Some("192.0.2.66"), Some("http"), Some("evil")]),
            (
                Some("::ffff:192.0.2.1"),
                true,
                "|X-Forwarded-For: b, c|X-Forwarded-For: d",
                [Some("b, c, d, 192.0.2.1"), Some("https"), Some("a")],
            ),
            (Some("192.0.2.1"), false, named, [Some("192.0.2.1"), Some("https"), Some("a")]),
        ] {
            let lines = sent(peer, trusted, &format!("GET / HTTP/1.1|Host: a{fields}"));
            let found = ["for", "proto", "host"].map(|name| {
                let name = format!("x-forwarded-{name}");
                let lines = lines.iter().filter_map(|line| line.split_once(": "));
                lines
                    .into_iter()
                    .find_map(|(other, value)| other.eq_ignore_ascii_case(&name).then_some(value))
            });
            assert_eq!(found, expected, "{peer:?} {trusted} {fields}");
        }
    }

    #[test]
    fn the_head_is_framed_again() {
        let ours = ["x-forwarded-proto: https", "x-forwarded-host: a"];
        for (head, expected) in [
            ("GET /?q HTTP/1.1|Host: a", &["GET /?q HTTP/1.1", "host: a"][..]),
            ("GET http://a/x HTTP/1.1|Host: b", &["GET /x HTTP/1.1", "host: a"]),
            (
                "POST / HTTP/1.1|Host: a|Content-Length: 0",
                &["POST / HTTP/1.1", "host: a", "content-length: 0"],
            ),
            (
                "POST / HTTP/1.1|Host: a|Content-Length: 5|Content-Length: 5|Expect: 100-continue",
                &["POST / HTTP/1.1", "host: a", "Expect: 100-continue", "content-length: 5"],
            ),
            (
                "POST / HTTP/1.0|Host: a|Content-Length: 5|Expect: 100-continue",
                &["POST / HTTP/1.1", "host: a", "content-length: 5"],
            ),
            (
                "POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked",
                &["POST / HTTP/1.1", "host: a", "transfer-encoding: chunked"],
            ),
            (
                "GET / HTTP/1.1|Host: a|TE: gzip, Trailers",
                &["GET / HTTP/1.1", "host: a", "te: trailers", "connection: te"],
            ),
            ("GET / HTTP/1.1|Host: a|Upgrade: x", &["GET / HTTP/1.1", "host: a"]),
            (
                "GET / HTTP/1.1|Host: a|Upgrade: x, h2c|Connection: upgrade",
                &["GET / HTTP/1.1", "host: a", "connection: upgrade", "upgrade: x"],
            ),
            (
                "OPTIONS / HTTP/1.1|Host: a|Max-Forwards: 5",
                &["OPTIONS / HTTP/1.1", "host: a", "max-forwards: 4"],
            ),
            (
                "OPTIONS / HTTP/1.1|Host: a|Max-Forwards: +5",
                &["OPTIONS / HTTP/1.1", "host: a", "Max-Forwards: +5"],
            ),
            ("GET / HTTP/1.1|Host: a|Max-Forwards: 5", &["GET / HTTP/1.1", "host: a", "Max-Forwards: 5"]),
        ] {
            assert_eq!(sent(None, false, head), [expected, &ours[..]].concat(), "{head}");
        }
        let without_host = sent(None, false, "GET / HTTP/1.0|X: y");
        assert_eq!(without_host, ["GET / HTTP/1.1", "host: upstream.example", "X: y", ours[0]]);
    }
}
