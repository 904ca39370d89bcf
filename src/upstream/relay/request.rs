//! The head of a plain request, for the upstream.

use httparse::Header;

use super::super::forwarded::{is_forwarding, is_look_alike};
use super::super::headers::is_hop_by_hop;
use super::super::{Peer, Scheme};

/// The head of a plain request: a GET or HEAD over HTTP/1.1 in origin form, of one host, without a body, whose
/// `Connection` names no field, and without `TE` and `Upgrade`.
#[derive(Clone, Copy, Debug)]
pub struct PlainRequest<'a> {
    /// `GET` or `HEAD`.
    pub method: &'a str,
    /// The path and query.
    pub target: &'a str,
    /// The Host field.
    pub host: &'a str,
    /// All fields.
    pub fields: &'a [Header<'a>],
}

/// Writes the head that [`Proxy::forward`](super::super::Proxy::forward) would send.
pub(super) fn write(out: &mut Vec<u8>, head: &PlainRequest<'_>, peer: &Peer, trusted: bool, scheme: Scheme) {
    out.clear();
    for part in [head.method, " ", head.target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let (mut has_proto, mut has_host) = (false, false);
    for field in head.fields {
        let name = field.name;
        if is_hop_by_hop(name) || is_look_alike(name) {
            continue;
        }
        if is_forwarding(name) {
            if !trusted || name.eq_ignore_ascii_case(FOR) {
                continue;
            }
            has_proto |= name.eq_ignore_ascii_case(PROTO);
            has_host |= name.eq_ignore_ascii_case(HOST);
        }
        put(out, name, &[field.value]);
    }
    let addresses = || {
        let lines = head.fields.iter().filter(|field| trusted && field.name.eq_ignore_ascii_case(FOR));
        lines.map(|field| field.value).chain(peer.forwarded_for.as_ref().map(http::HeaderValue::as_bytes))
    };
    if addresses().next().is_some() {
        put(out, FOR, &addresses().collect::<Vec<_>>());
    }
    if !has_proto {
        put(out, PROTO, &[scheme.as_str().as_bytes()]);
    }
    if !has_host {
        put(out, HOST, &[head.host.as_bytes()]);
    }
    out.extend_from_slice(b"\r\n");
}

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";

/// Writes a field with a list of elements, its name in lower case.
pub(super) fn put(out: &mut Vec<u8>, name: &str, value: &[&[u8]]) {
    out.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
    let mut before: &[u8] = b": ";
    for element in value {
        out.extend_from_slice(before);
        out.extend_from_slice(element);
        before = b", ";
    }
    out.extend_from_slice(b"\r\n");
}
