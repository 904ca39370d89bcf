//! What the names of fields mean for forwarding.

/// Returns true if a field of this name, in any case, is meant for one connection only.
pub fn is_hop_by_hop(name: &str) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    match name.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b'c') => is("connection"),
        Some(b'h') => is("http2-settings"),
        Some(b'k') => is("keep-alive"),
        // `Proxy` is not a standard field, but CGI turns it into HTTP_PROXY (CVE-2016-5385).
        Some(b'p') => is("proxy") || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("proxy-")),
        Some(b't') => is("te") || is("transfer-encoding"),
        Some(b'u') => is("upgrade"),
        _ => false,
    }
}

/// The Cache-Control of a response that is for one client only; other fields that [control caches](controls_cache) are left out.
pub const PRIVATE: &str = "private, no-store";

/// Returns true for the names, in any case, of fields that tell caches how long to keep a response: those of RFC 9111, the
/// targeted ones of RFC 9213, and those that only some caches know.
pub fn controls_cache(name: &str) -> bool {
    const OTHERS: [&str; 4] = ["expires", "surrogate-control", "x-accel-expires", "edge-control"];
    const CACHE_CONTROL: &str = "cache-control";
    let start = name.len().wrapping_sub(CACHE_CONTROL.len());
    name.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(CACHE_CONTROL))
        || OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Returns true for the names, in any case, of fields in which proxies name the client (RFC 7239 and its predecessors) and
/// the original target.
pub fn is_forwarding(name: &str) -> bool {
    is_read_as_forwarding(name) && has_plain_name(name)
}

/// Returns true for names that a site may mistake for one of those, or for a field that frames the message.
pub(super) fn is_look_alike(name: &str) -> bool {
    !has_plain_name(name) && (is_read_as_forwarding(name) || is_read_as_framing(name))
}

fn is_read_as_framing(name: &str) -> bool {
    is_read_as(name, "transfer-encoding") || is_read_as(name, "content-length")
}

pub(super) fn is_read_as_forwarding(name: &str) -> bool {
    let starts = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| is_read_as(start, prefix));
    match name.as_bytes().first() {
        Some(b'x' | b'X') => {
            starts("x-forwarded-") || is_read_as(name, "x-original-url") || is_read_as(name, "x-rewrite-url")
        }
        Some(b'f' | b'F') => is_read_as(name, "forwarded"),
        _ => false,
    }
}

/// Returns true if a site may read `name` as the field `field`, given in lower case. Case is ignored, and CGI replaces each
/// character that is not a letter or digit with `_` (`-` in RFC 3875, section 4.1.18; the others in some servers).
pub fn is_read_as(name: &str, field: &str) -> bool {
    let folded = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.len() == field.len() && name.bytes().map(folded).eq(field.bytes())
}

/// Returns true if a name has no character that some servers read as another.
fn has_plain_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns true for the names of fields that a connection option cannot remove (CVE-2024-45410).
pub(super) fn is_protected(name: &str) -> bool {
    const VALIDATORS: [&str; 2] = ["etag", "last-modified"];
    is_for_everybody(name)
        || is_forwarding(name)
        || VALIDATORS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Returns true for the names of fields that frame, route or describe a message, authenticate its sender, modify a request, or
/// control how a response is kept, in each spelling that a site may accept. They are for everybody on the way, so that a connection
/// option cannot name them (RFC 9110, section 7.6.1); and they must be in the head, not in trailers (section 6.5.1).
pub(super) fn is_for_everybody(name: &str) -> bool {
    const NAMES: [&str; 31] = [
        "accept",
        "age",
        "allow",
        "authorization",
        "cookie",
        "date",
        "early-data",
        "expect",
        "from",
        "host",
        "location",
        "max-forwards",
        "origin",
        "pragma",
        "prefer",
        "priority",
        "range",
        "referer",
        "refresh",
        "retry-after",
        "set-cookie",
        "strict-transport-security",
        "te",
        "trailer",
        "transfer-encoding",
        "user-agent",
        "vary",
        "via",
        "warning",
        "www-authenticate",
        "x-request-id",
    ];
    const BEGINNINGS: [&str; 6] = ["accept-", "access-control-", "content-", "cross-origin-", "if-", "sec-"];
    // RFC 9530: computed while the content is sent.
    const DIGEST: &str = "content-digest";
    let begins = |begin: &&str| name.get(..begin.len()).is_some_and(|start| is_read_as(start, begin));
    NAMES.iter().any(|other| is_read_as(name, other))
        || BEGINNINGS.iter().any(begins) && !name.eq_ignore_ascii_case(DIGEST)
        || controls_cache(name)
        || is_method_override(name)
}

/// Returns true for the names, in any case, of fields that override the method of a request.
pub fn is_method_override(name: &str) -> bool {
    // This runs for each field of each request, and most differ in length.
    match name.len() {
        22 => is_read_as(name, "x-http-method-override"),
        17 => is_read_as(name, "x-method-override"),
        13 => is_read_as(name, "x-http-method"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("Content_Length", false, true),
            ("Content-Length", false, false),
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

    #[test]
    fn each_field_that_some_site_honors_overrides_the_method() {
        for (name, expected) in [
            ("X-HTTP-Method-Override", true),
            ("x-method-override", true),
            ("X-HTTP-METHOD", true),
            ("X_HTTP_Method.Override", true),
            ("X-HTTP-Methods", false),
            ("X-HTTP-Method-Override-", false),
            ("Method", false),
        ] {
            assert_eq!(is_method_override(name), expected, "{name}");
        }
    }
}
