//! Checks the host of operators' requests.
//!
//! A web page can make its own name resolve to the address of this listener (DNS rebinding), and the browser then lets
//! the page read the responses. But the page cannot make the browser send any other host than that name.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{StatusCode, Version};

use crate::matching::request::host_name;
use crate::matching::scope::Host;

/// Accepts a request whose host is `localhost`, an IP address or one of `hosts`. Both the host of the target (as in
/// HTTP/2) and the `Host` field must be accepted, and there must be one of them. The error is a status and a text for
/// operators.
pub(super) fn check(head: &Parts, hosts: &[Host]) -> Result<(), (StatusCode, &'static str)> {
    let mut fields = head.headers.get_all(HOST).iter();
    let (field, second) = (fields.next(), fields.next());
    let target = head.uri.authority();
    if second.is_some() || field.is_none() && head.version == Version::HTTP_11 {
        return Err((StatusCode::BAD_REQUEST, "the request must have exactly one Host field\n"));
    }
    let field = field.map(|field| Authority::try_from(field.as_bytes()).ok());
    let authorities: Vec<_> = field.into_iter().chain(target.map(|target| Some(target.clone()))).collect();
    let is_accepted =
        |authority: &Option<Authority>| authority.as_ref().is_some_and(|authority| accepts(authority, hosts));
    if !authorities.is_empty() && authorities.iter().all(is_accepted) {
        Ok(())
    } else {
        let text = "host not accepted: use `localhost` or an IP address, or add the name to `hosts` in [management]\n";
        Err((StatusCode::MISDIRECTED_REQUEST, text))
    }
}

fn accepts(authority: &Authority, hosts: &[Host]) -> bool {
    let name = host_name(authority.as_str());
    let in_brackets = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_address =
        name.parse::<Ipv4Addr>().is_ok() || in_brackets.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok());
    let is_name = name.eq_ignore_ascii_case("localhost") || hosts.iter().any(|host| host.covers(name));
    is_port(authority.as_str().strip_prefix(name).unwrap_or("?")) && (is_address || is_name)
}

/// Returns true if `rest`, the text after the host, is empty or a port.
fn is_port(rest: &str) -> bool {
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    rest.is_empty()
        || rest.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn status(version: Version, target: &str, fields: &[&str]) -> u16 {
        let hosts = [Host::parse("Ops.example.com").unwrap()];
        let mut request = Request::builder().version(version).uri(target);
        for field in fields {
            request = request.header(HOST, *field);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head, &hosts).map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn only_a_host_that_no_web_page_can_have_is_accepted() {
        for (host, expected) in [
            ("localhost", 200),
            ("LocalHost:9503", 200),
            ("localhost.", 200),
            ("127.0.0.1", 200),
            ("127.0.0.1:9503", 200),
            ("10.1.2.3:80", 200),
            ("[::1]", 200),
            ("[2001:db8::1]:9503", 200),
            ("ops.example.com", 200),
            ("OPS.example.com.:9503", 200),
            ("", 421),
            ("evil.example", 421),
            ("evil.example:9503", 421),
            ("xops.example.com", 421),
            ("ops.example.com.evil.example", 421),
            ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example", 421),
            ("a.localhost", 421),
            ("::1", 421),
            ("127.1", 421),
            ("[::1", 421),
            ("[::1]evil.example", 421),
            ("[evil.example]", 421),
            ("evil.example@localhost", 421),
            ("localhost@evil.example", 421),
            ("localhost/", 421),
            ("localhost evil.example", 421),
            ("localhost, evil.example", 421),
        ] {
            assert_eq!(status(Version::HTTP_11, "/status", &[host]), expected, "{host}");
            assert_eq!(status(Version::HTTP_10, "/status", &[host]), expected, "{host}");
        }
    }

    #[test]
    fn each_host_of_a_request_must_be_accepted() {
        let (localhost, evil) = ("http://localhost:9503/status", "http://evil.example/status");
        for (version, target, fields, expected) in [
            (Version::HTTP_2, localhost, &[][..], 200),
            (Version::HTTP_2, evil, &[], 421),
            (Version::HTTP_2, localhost, &["evil.example"], 421),
            (Version::HTTP_2, evil, &["localhost"], 421),
            (Version::HTTP_2, "/status", &[], 421),
            (Version::HTTP_11, evil, &["localhost"], 421),
            (Version::HTTP_11, localhost, &["evil.example"], 421),
            (Version::HTTP_11, localhost, &["localhost"], 200),
            (Version::HTTP_11, "/status", &[], 400),
            (Version::HTTP_11, "/status", &["localhost", "localhost"], 400),
            (Version::HTTP_10, "/status", &[], 421),
        ] {
            assert_eq!(status(version, target, fields), expected, "{version:?} {target} {fields:?}");
        }
    }
}
