//! Removes hop-by-hop fields, and prepares the target and fields of a request for an upstream (RFC 9110, section 7.6.1;
//! RFC 9112, section 3.2).

use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version};

use super::forwarded;

/// Removes the hop-by-hop fields of a request, and the forwarding fields of a peer that is not `trusted`.
pub(super) fn strip_request(headers: &mut HeaderMap, trusted: bool) {
    let trailers = accepts_trailers(headers);
    strip(headers, |name| {
        is_hop_by_hop(name.as_str())
            || forwarded::is_look_alike(name.as_str())
            || (!trusted && forwarded::is_forwarding(name.as_str()))
    });
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

/// Returns true if a message has no transfer coding, or only `chunked`. Any other would be lost, and with it the meaning of
/// the body (RFC 9112, section 6.1).
pub(super) fn is_plainly_coded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let plain = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    plain && codings.next().is_none()
}

/// Removes Content-Length from a chunked response (RFC 9112, section 6.3). Returns true if there was one.
pub(super) fn drop_overridden_length(headers: &mut HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) && headers.remove(CONTENT_LENGTH).is_some()
}

/// Returns true if a response with this status never has a body, so that it needs no length (RFC 9110, section 8.6).
pub(super) const fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Parses Content-Length lines; `None` unless all give the same length (RFC 9110, section 8.6).
pub(super) fn length<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<u64> {
    let mut lengths = lines.flat_map(|line| line.split(|byte| *byte == b',')).map(decimal);
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

fn decimal(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii();
    let is_decimal = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|_| is_decimal)
}

/// Merges the Content-Length lines of a response into one. Returns false if they differ or are malformed.
pub(super) fn unify_length(headers: &mut HeaderMap) -> bool {
    if !headers.contains_key(CONTENT_LENGTH) {
        return true;
    }
    let length = length(headers.get_all(CONTENT_LENGTH).iter().map(HeaderValue::as_bytes));
    length.is_some_and(|length| headers.insert(CONTENT_LENGTH, length.into()).is_some())
}

/// Removes the hop-by-hop fields of a response.
pub(super) fn strip_response(headers: &mut HeaderMap) {
    strip(headers, |name| is_hop_by_hop(name.as_str()));
}

/// Inserts the fields that ask for, or confirm, a switch to `protocols`.
pub(super) fn insert_upgrade(headers: &mut HeaderMap, protocols: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocols);
}

/// Returns true if the list field `name` contains this token, in any case.
pub(super) fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().flat_map(tokens).any(|other| other.eq_ignore_ascii_case(token))
}

/// The elements of a list field that are valid text.
pub(super) fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|token| !token.is_empty())
}

fn strip(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    let mut names: Vec<HeaderName> =
        headers.get_all(CONNECTION).iter().flat_map(tokens).filter_map(connection_option).collect();
    names.extend(headers.keys().filter(|name| unwanted(name)).cloned());
    for name in names {
        headers.remove(name);
    }
}

/// Returns the field that a connection option removes, if it may.
///
/// Host stays. So do forwarding fields: otherwise a client could remove those of a trusted proxy (CVE-2024-45410), and
/// those of others are removed anyway.
fn connection_option(token: &str) -> Option<HeaderName> {
    let not_fields = ["keep-alive", "close", "upgrade", "te"];
    if not_fields.iter().any(|option| token.eq_ignore_ascii_case(option)) {
        return None;
    }
    let name = HeaderName::from_bytes(token.as_bytes()).ok()?;
    (name != HOST && !forwarded::is_forwarding(name.as_str())).then_some(name)
}

/// Returns true if a field of this name, in any case, is hop-by-hop.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
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

fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.contains_key(TE) && has_token(headers, TE, "trailers")
}

/// Changes the target to origin form and sets Host to its authority, if it has one (RFC 9112, section 3.2.2). A request
/// without either is for the upstream itself. Returns false if the target has no path.
pub(super) fn set_target<B>(request: &mut Request<B>, upstream: impl FnOnce() -> String) -> bool {
    let Some(authority) = request.uri().authority() else {
        if !request.headers().contains_key(HOST) {
            insert_host(request.headers_mut(), &upstream());
        }
        return request.uri().path_and_query().is_some();
    };
    let host = without_user_info(authority).to_owned();
    let Some(target) = origin_form(request.method(), request.uri()) else { return false };
    insert_host(request.headers_mut(), &host);
    *request.uri_mut() = target;
    true
}

/// `OPTIONS http://host` asks about the whole server (RFC 9112, section 3.2.4).
fn origin_form(method: &Method, uri: &Uri) -> Option<Uri> {
    let target = uri.path_and_query()?;
    if method == Method::OPTIONS && target.as_str().is_empty() {
        return Some(Uri::from_static("*"));
    }
    Some(Uri::from(target.clone()))
}

fn insert_host(headers: &mut HeaderMap, host: &str) {
    if let Ok(host) = HeaderValue::from_str(host) {
        headers.insert(HOST, host);
    }
}

fn without_user_info(authority: &Authority) -> &str {
    authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host)
}

/// Makes a request HTTP/1.1. Joins Cookie fields, which HTTP/2 may split (RFC 9113, section 8.2.3).
pub(super) fn set_version<B>(request: &mut Request<B>) {
    if request.version() == Version::HTTP_2 {
        join_cookies(request.headers_mut());
    }
    *request.version_mut() = Version::HTTP_11;
}

fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[&str]) -> HeaderMap {
        let pairs = lines.iter().map(|line| line.split_once(": ").expect("name: value"));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        headers
    }

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn hop_by_hop_fields_of_a_request_are_removed() {
        for (sent, passed) in [
            (&["Connection: keep-alive", "Keep-Alive: 5", "Accept: a"][..], &["accept: a"][..]),
            (&["Connection: X-Mine, close", "X-Mine: 1", "X-Other: 2"], &["x-other: 2"]),
            (&["Connection: a", "Connection: b", "A: 1", "B: 2", "C: 3"], &["c: 3"]),
            (&["Proxy-Connection: close", "Proxy-Authorization: a", "Proxy-Foo: b", "Proxy: c"], &[]),
            (&["Proxyx: 1"], &["proxyx: 1"]),
            (&["Transfer-Encoding: chunked", "Upgrade: h2c", "HTTP2-Settings: AA"], &[]),
            (&["TE: gzip"], &[]),
            (&["TE: gzip, Trailers"], &["connection: te", "te: trailers"]),
            (&["Trailer: Expires"], &["trailer: Expires"]),
            (&["Connection: host", "Host: a"], &["host: a"]),
            (&["Connection: b\u{e9}d, ,@", "Accept: a"], &["accept: a"]),
            (&["Set-Cookie: a", "Set-Cookie: b"], &["set-cookie: a", "set-cookie: b"]),
        ] {
            let mut headers = map(sent);
            strip_request(&mut headers, true);
            assert_eq!(lines(&headers), passed, "{sent:?}");
        }
    }

    #[test]
    fn hop_by_hop_fields_of_a_response_are_removed() {
        let mut headers = map(&[
            "Connection: X",
            "X: 1",
            "Proxy-Authenticate: a",
            "Upgrade: h2",
            "ETag: e",
            "TE: trailers",
        ]);
        strip_response(&mut headers);
        assert_eq!(lines(&headers), ["etag: e"]);
    }

    #[test]
    fn a_connection_option_does_not_remove_forwarding_fields() {
        let sent =
            ["Connection: X-Forwarded-For, Forwarded", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=a"];
        let mut headers = map(&sent);
        strip_request(&mut headers, true);
        assert_eq!(lines(&headers), ["forwarded: for=a", "x-forwarded-for: 192.0.2.1"]);
    }

    #[test]
    fn forwarding_fields_of_an_untrusted_peer_are_removed() {
        let sent = [
            "X-Forwarded-For: a",
            "X-Forwarded-Proto: a",
            "X-Forwarded-Port: a",
            "Forwarded: a",
            "X_Forwarded_For: a",
            "X-Forwarded_Host: a",
            "X_Real: kept",
        ];
        let mut headers = map(&sent);
        strip_request(&mut headers, false);
        assert_eq!(lines(&headers), ["x_real: kept"]);
        let mut headers = map(&sent);
        strip_request(&mut headers, true);
        let kept = [
            "forwarded: a",
            "x-forwarded-for: a",
            "x-forwarded-port: a",
            "x-forwarded-proto: a",
            "x_real: kept",
        ];
        assert_eq!(lines(&headers), kept);
    }

    #[test]
    fn the_target_keeps_its_bytes_and_an_authority_sets_the_host() {
        for (method, target, host, sent, as_host) in [
            ("GET", "/a/../b//%2f;x?q=%zz&", "a", "/a/../b//%2f;x?q=%zz&", "a"),
            ("GET", "/?", "a", "/?", "a"),
            ("OPTIONS", "*", "a", "*", "a"),
            ("GET", "http://b:81/x?y", "a", "/x?y", "b:81"),
            ("GET", "http://me@b/x", "a", "/x", "b"),
            ("GET", "http://b", "a", "/", "b"),
            ("GET", "http://b?q", "a", "/?q", "b"),
            ("GET", "/", "", "/", "upstream:80"),
        ] {
            let mut request = Request::builder().method(method).uri(target).body(()).expect(target);
            if !host.is_empty() {
                insert_host(request.headers_mut(), host);
            }
            assert!(set_target(&mut request, || "upstream:80".to_owned()), "{target}");
            assert_eq!(request.uri().to_string(), sent, "{target}");
            assert_eq!(request.headers()[HOST], as_host, "{target}");
        }
    }

    #[test]
    fn a_target_without_a_path_is_refused() {
        let mut request = Request::builder().uri("example.com:80").body(()).expect("authority form");
        assert!(!set_target(&mut request, String::new));
    }

    #[test]
    fn cookie_fields_are_joined() {
        let mut request = Request::builder().version(Version::HTTP_2).body(()).expect("valid");
        *request.headers_mut() = map(&["Cookie: a=1", "Cookie: b=2"]);
        set_version(&mut request);
        assert_eq!(lines(request.headers()), ["cookie: a=1; b=2"]);
        assert_eq!(request.version(), Version::HTTP_11);
    }
}
