//! The facts of a request that rules and scopes look at.

use std::net::IpAddr;

use http::Method;

use crate::path::RequestPath;

/// The facts of one request that a decision rests on.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The host that it names, with the port if there is one.
    pub authority: Option<&'a str>,
    /// The path of its target.
    pub path: RequestPath<'a>,
    /// The client, where it is known.
    pub client: Option<IpAddr>,
}

/// The host of an authority (RFC 3986 3.2): without user info, port and trailing dot.
pub fn host_name(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let end = match host.rfind(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    let host = host.get(..end).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_without_port_and_trailing_dot() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("example.com:8503", "example.com"),
            ("example.com.", "example.com"),
            ("example.com.:80", "example.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("user@example.com:80", "example.com"),
            ("", ""),
        ] {
            assert_eq!(host_name(authority), host, "{authority}");
        }
    }
}
