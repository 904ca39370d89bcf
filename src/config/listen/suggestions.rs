//! Suggestions for texts that are not addresses to listen on.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::parse_port;
use crate::config::DEFAULT_LISTEN;
use crate::config::upstream_address::resembles_socket;

/// The help for a text that resembles no address.
pub(super) const EXAMPLES: &str = "write an IP address and a port, such as `127.0.0.1:8503` or `[::1]:80`, a port on all addresses, such as `:80`, or `unix:/run/downtime.sock`";

/// The help for a link-local address.
pub(super) const LINK_LOCAL: &str = "a link-local address is not enough, since several interfaces can have it: write another address of this host, or a port on all addresses, such as `:80`";

/// Returns what to write instead of `text`.
pub(super) fn help(text: &str) -> String {
    let plain = text.trim();
    let plain = plain.split_once("://").map_or(plain, |(_, rest)| rest).trim_end_matches('/');
    let without_star = plain.strip_prefix('*').unwrap_or(plain);
    if let Some(port) = parse_port(without_star.strip_prefix(':').unwrap_or(without_star)) {
        return format!(
            "write `:{port}` for all addresses, or `127.0.0.1:{port}` behind a proxy on this host"
        );
    }
    if text.trim().starts_with("https://") {
        return "TLS is for the addresses in [server] only: write the address alone".to_owned();
    }
    if let Ok(ip) = plain.parse::<IpAddr>() {
        return match with_brackets(plain) {
            Some(bracketed) => {
                format!("did you mean `{bracketed}` or `[{plain}]:{}`?", DEFAULT_LISTEN.port())
            }
            None => format!("add a port, such as `{}`", SocketAddr::new(ip, DEFAULT_LISTEN.port())),
        };
    }
    if plain.len() < text.len() && plain.parse::<SocketAddr>().is_ok() {
        return format!("write `{plain}`");
    }
    socket_help(text).or_else(|| host_and_port_help(plain)).unwrap_or_else(|| EXAMPLES.to_owned())
}

/// Returns what to write instead of a text that resembles the path of a socket.
pub(in crate::config) fn socket_help(text: &str) -> Option<String> {
    let text = text.trim();
    resembles_socket(text).then(|| format!("did you mean `unix:{text}`?"))
}

/// Returns what to write instead of a host and port, if one of the two is the mistake.
fn host_and_port_help(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    if parse_port(port).is_none() {
        let is_number = port.parse::<u64>().is_ok();
        return is_number.then(|| "a port is a number from 1 to 65535; 0 stands for any free one".to_owned());
    }
    if host.starts_with("[fe80:") {
        return Some(LINK_LOCAL.to_owned());
    }
    if host == "localhost" {
        return Some(format!("write `127.0.0.1:{port}`"));
    }
    if let Some(bracketed) = with_brackets(text) {
        return Some(format!("did you mean `{bracketed}`?"));
    }
    let is_name = host.contains(|c: char| c.is_ascii_alphabetic());
    is_name.then(|| {
        format!("names are not looked up: write `127.0.0.1:{port}`, or another address of this host")
    })
}

/// Returns an IPv6 address and port with the brackets that are missing.
fn with_brackets(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    (host.parse::<Ipv6Addr>().is_ok() && parse_port(port).is_some()).then(|| format!("[{host}]:{port}"))
}
