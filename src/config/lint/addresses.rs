//! Warns of a management address that anyone can reach, and an upstream that is the gateway itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::LintInput;
use crate::config::upstream_address::UpstreamAddress;
use crate::config::{DEFAULT_MANAGEMENT, Listen, Site};

pub(super) fn lint(input: &LintInput<'_>) {
    lint_management(input);
    lint_upstream(input);
}

/// A target at which clients can reach a listener.
enum ListenReach<'a> {
    /// One address, or every address of its family if it is unspecified.
    Tcp(SocketAddr),
    Unix(&'a Path),
}

/// Returns every target at which a listener can be reached: two for one that listens on both families.
fn reaches(listen: &Listen) -> Vec<ListenReach<'_>> {
    match listen {
        Listen::Tcp(address) => vec![ListenReach::Tcp(*address)],
        Listen::AllAddresses(port) => {
            let all: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
            all.map(|address| ListenReach::Tcp(SocketAddr::new(address, *port))).into()
        }
        Listen::Unix(path, _) => vec![ListenReach::Unix(path)],
    }
}

fn lint_management(input: &LintInput<'_>) {
    let value = input.document.management.as_ref().and_then(|section| section.listen.as_ref());
    let (Some(value), Some(management)) = (value, &input.config.management) else { return };
    let is_unspecified =
        |reach: &ListenReach<'_>| matches!(reach, ListenReach::Tcp(address) if address.ip().is_unspecified());
    if reaches(&management.listen).iter().any(is_unspecified) {
        let message = "[management] listens on every interface: anyone who can reach this port can read status and metrics";
        let help = format!(
            "write `{DEFAULT_MANAGEMENT}` or a private address, unless a firewall or the container protects the port"
        );
        input.warn(value.span(), message, help);
    }
}

fn lint_upstream(input: &LintInput<'_>) {
    let (Some(value), Site::Upstream(site)) = (&input.document.site.upstream, &input.config.site) else {
        return;
    };
    let is_own = |listen: &Listen| reaches(listen).iter().any(|own| is_at(&site.upstream, own));
    let config = input.config;
    let message = if config.server.addresses().any(is_own) {
        "this is the gateway's own address: each request would come back to it, and get status 508 (Loop Detected)"
    } else if config.management.as_ref().is_some_and(|management| is_own(&management.listen)) {
        "this is the gateway's own address in [management]: visitors would see the operators' status"
    } else {
        return;
    };
    input.warn(value.span(), message, "write the address of the site itself");
}

/// Returns true if a connection to the upstream certainly reaches the gateway's own socket.
fn is_at(upstream: &UpstreamAddress, own: &ListenReach<'_>) -> bool {
    match (upstream, own) {
        (UpstreamAddress::Unix(path), ListenReach::Unix(own)) => path.components().eq(own.components()),
        (UpstreamAddress::Tcp { host, port, .. }, ListenReach::Tcp(own)) => {
            *port == own.port() && is_reached_as(host, own.ip())
        }
        _ => false,
    }
}

/// Returns true if connecting to `host` reaches a listener on `own`.
fn is_reached_as(host: &str, own: IpAddr) -> bool {
    if host == "localhost" || host.ends_with(".localhost") {
        return own.is_loopback() || own.is_unspecified();
    }
    let Ok(address) = host.parse::<IpAddr>() else { return false };
    // The system treats a connection to the unspecified address as one to itself.
    let local = address.is_loopback() || address.is_unspecified();
    address.is_ipv4() == own.is_ipv4()
        && (address == own || own.is_unspecified() && local || address.is_unspecified() && own.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_the_gateway_itself_if_it_names_a_listen_address() {
        for (upstream, own, expected) in [
            ("http://127.0.0.1:8503", "127.0.0.1:8503", true),
            ("http://localhost:8503", "127.0.0.1:8503", true),
            ("http://localhost:8503", "[::1]:8503", true),
            ("http://localhost:8503", "0.0.0.0:8503", true),
            ("http://127.0.0.1:8503", "0.0.0.0:8503", true),
            ("http://127.0.0.53", "0.0.0.0:80", true),
            ("http://0.0.0.0:8503", "127.0.0.1:8503", true),
            ("http://[::1]:8503", "[::]:8503", true),
            ("http://[::]:8503", "[::1]:8503", true),
            ("https://192.0.2.1", "192.0.2.1:443", true),
            ("http://127.0.0.1:8503", ":8503", true),
            ("http://[::1]:8503", ":8503", true),
            ("http://192.0.2.1:8503", ":8503", false),
            ("http://192.0.2.1", "0.0.0.0:80", false),
            ("http://localhost:8503", "192.0.2.1:8503", false),
            ("http://127.0.0.2:8503", "127.0.0.1:8503", false),
            ("http://127.0.0.1:8503", "[::]:8503", false),
            ("http://127.0.0.1:8000", "127.0.0.1:8503", false),
            ("http://app:8503", "0.0.0.0:8503", false),
        ] {
            let own = match own.strip_prefix(':') {
                Some(port) => Listen::AllAddresses(port.parse().unwrap()),
                None => Listen::Tcp(own.parse().unwrap()),
            };
            let upstream = UpstreamAddress::parse(upstream).unwrap();
            let found = reaches(&own).iter().any(|own| is_at(&upstream, own));
            assert_eq!(found, expected, "{upstream} {own}");
        }
    }
}
