//! Checks the host of operators' requests.
//!
//! A web page can make its own name resolve to the address of their listener (DNS rebinding), and the browser then lets
//! the page read the responses. But the page cannot make the browser send any other host than that name.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::http1::host::is_port;
use crate::http1::request::RequestHead;
use crate::matching::request::host_name;
use crate::matching::scope::Host;

/// Returns true if the host of a request is `localhost`, an IP address or one of `hosts`. Both the host of the target and the
/// `Host` field must be accepted, and there must be one of them.
pub fn is_for_own_host(head: &RequestHead<'_>, hosts: &[Host]) -> bool {
    let field = head.values("host").map(|value| std::str::from_utf8(value).unwrap_or_default());
    let mut authorities = field.chain(head.target.authority).peekable();
    authorities.peek().is_some() && authorities.all(|authority| is_own_host(authority, hosts))
}

/// Returns true if a host, possibly with a port, is `localhost`, an IP address or one of `hosts`.
pub fn is_own_host(authority: &str, hosts: &[Host]) -> bool {
    let name = host_name(authority);
    let in_brackets = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_address =
        name.parse::<Ipv4Addr>().is_ok() || in_brackets.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok());
    let is_name = name.eq_ignore_ascii_case("localhost") || hosts.iter().any(|host| host.covers(name));
    let port = authority.strip_prefix(name).map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    port.is_some_and(|port| is_port(port.as_bytes())) && (is_address || is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(version: &str, target: &str, fields: &[&str]) -> u16 {
        let hosts = [Host::parse("Ops.example.com").unwrap()];
        let fields = fields.iter().map(|field| format!("Host: {field}\r\n")).collect::<Vec<_>>().concat();
        let head = format!("GET {target} {version}\r\n{fields}\r\n");
        let checked = RequestHead::parse(head.as_bytes()).map(|head| is_for_own_host(&head, &hosts));
        checked.map_or_else(|refusal| refusal.status.as_u16(), |is_own| if is_own { 200 } else { 421 })
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
            ("", 400),
            ("evil.example", 421),
            ("evil.example:9503", 421),
            ("xops.example.com", 421),
            ("ops.example.com.evil.example", 421),
            ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example", 421),
            ("a.localhost", 421),
            ("::1", 400),
            ("127.1", 421),
            ("[::1", 400),
            ("[::1]evil.example", 400),
            ("[evil.example]", 400),
            ("evil.example@localhost", 400),
            ("localhost@evil.example", 400),
            ("localhost/", 400),
            ("localhost evil.example", 400),
            ("localhost, evil.example", 400),
            ("localhost,evil.example", 421),
        ] {
            assert_eq!(status("HTTP/1.1", "/status", &[host]), expected, "{host}");
            assert_eq!(status("HTTP/1.0", "/status", &[host]), expected, "{host}");
        }
    }

    #[test]
    fn each_host_of_a_request_must_be_accepted() {
        let (localhost, evil) = ("http://localhost:9503/status", "http://evil.example/status");
        for (version, target, fields, expected) in [
            ("HTTP/1.1", evil, &["localhost"][..], 421),
            ("HTTP/1.1", localhost, &["evil.example"], 421),
            ("HTTP/1.1", localhost, &["localhost"], 200),
            ("HTTP/1.1", "/status", &[], 400),
            ("HTTP/1.1", "/status", &["localhost", "localhost"], 400),
            ("HTTP/1.0", "/status", &[], 421),
            ("HTTP/1.0", localhost, &[], 200),
        ] {
            assert_eq!(status(version, target, fields), expected, "{version} {target} {fields:?}");
        }
    }
}
