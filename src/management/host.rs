//! Which hosts operators may ask by.
//!
//! A web page can have its own name resolve to the address of this listener (DNS rebinding), and a browser then lets the
//! page read what is answered. The page cannot make the browser send another name than that.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{StatusCode, Version};

use crate::matching::request::host_name;
use crate::matching::scope::Host;

/// Refuses a request that is for another host than `localhost`, an IP address or one of `hosts`, or for none: with the
/// status and a text for operators. The host that the target names, as over HTTP/2, counts as well as `Host`.
pub(super) fn check(head: &Parts, hosts: &[Host]) -> Result<(), (StatusCode, &'static str)> {
    let mut fields = head.headers.get_all(HOST).iter();
    let (field, second) = (fields.next(), fields.next());
    let target = head.uri.authority();
    if second.is_some() || field.is_none() && head.version == Version::HTTP_11 {
        return Err((StatusCode::BAD_REQUEST, "the request must have one Host\n"));
    }
    let field = field.map(|field| Authority::try_from(field.as_bytes()).ok());
    let named: Vec<_> = field.into_iter().chain(target.map(|target| Some(target.clone()))).collect();
    let is_accepted = |named: &Option<Authority>| named.as_ref().is_some_and(|name| accepts(name, hosts));
    if !named.is_empty() && named.iter().all(is_accepted) {
        Ok(())
    } else {
        let text = "this host is not accepted here: ask by `localhost` or an IP address, or add the name to `hosts` in [management]\n";
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

/// Whether nothing but a port follows a host.
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
    fn a_host_is_accepted_if_no_page_can_have_it() {
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
    fn all_that_names_a_host_must_be_accepted() {
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
