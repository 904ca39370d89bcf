//! Operators' addresses that anyone reaches, and an upstream that is the gateway itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::LintInput;
use crate::config::upstream_address::UpstreamAddress;
use crate::config::{Listen, MANAGEMENT, Site};

pub(super) fn lint(subject: &LintInput<'_>) {
    lint_management(subject);
    lint_upstream(subject);
}

/// How an address is listened on: what a client may have as its target.
enum ListenReach<'a> {
    /// One address, or all of its family if it is the unspecified one.
    Tcp(SocketAddr),
    Unix(&'a Path),
}

/// The one place that has to know each kind of [`Listen`]; one that listens on both families reaches two.
fn reaches(listen: &Listen) -> Vec<ListenReach<'_>> {
    match listen {
        Listen::Tcp(address) => vec![ListenReach::Tcp(*address)],
        Listen::AllAddresses(port) => {
            let all: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
            all.map(|address| ListenReach::Tcp(SocketAddr::new(address, *port))).into()
        }
        Listen::Unix(path) => vec![ListenReach::Unix(path)],
    }
}

fn lint_management(subject: &LintInput<'_>) {
    let written = subject.document.management.as_ref().and_then(|section| section.listen.as_ref());
    let (Some(written), Some(management)) = (written, &subject.config.management) else { return };
    let everywhere =
        |reach: &ListenReach<'_>| matches!(reach, ListenReach::Tcp(address) if address.ip().is_unspecified());
    if reaches(&management.listen).iter().any(everywhere) {
        let message = "operators' status and metrics are on every interface: anyone who reaches this port can read them";
        let help = format!(
            "write `{MANAGEMENT}` or an address of a private network, unless a firewall or the container keeps the port in"
        );
        subject.warn(written.span(), message, help);
    }
}

fn lint_upstream(subject: &LintInput<'_>) {
    let (Some(written), Site::Upstream(site)) = (&subject.document.site.upstream, &subject.config.site)
    else {
        return;
    };
    let is_own = |listen: &Listen| reaches(listen).iter().any(|own| is_at(&site.upstream, own));
    let config = subject.config;
    let message = if config.server.listen.iter().any(is_own) {
        "this is the gateway's own address: each request would come back to it until it can open no more connections"
    } else if config.management.as_ref().is_some_and(|management| is_own(&management.listen)) {
        "this is the gateway's own address, that of [management]: visitors would get what is for operators"
    } else {
        return;
    };
    subject.warn(written.span(), message, "write the address of the site itself");
}

/// Returns true if a connection to the upstream surely ends at the gateway's own socket.
fn is_at(upstream: &UpstreamAddress, own: &ListenReach<'_>) -> bool {
    match (upstream, own) {
        (UpstreamAddress::Unix(path), ListenReach::Unix(own)) => path.components().eq(own.components()),
        (UpstreamAddress::Tcp { host, port, .. }, ListenReach::Tcp(own)) => {
            *port == own.port() && names(host, own.ip())
        }
        _ => false,
    }
}

/// Returns true if a host of an upstream is this address that is listened on.
fn names(host: &str, own: IpAddr) -> bool {
    if host == "localhost" || host.ends_with(".localhost") {
        return own.is_loopback() || own.is_unspecified();
    }
    let Ok(address) = host.parse::<IpAddr>() else { return false };
    // The system takes a connection to the unspecified address for one to itself.
    let local = address.is_loopback() || address.is_unspecified();
    address.is_ipv4() == own.is_ipv4()
        && (address == own || own.is_unspecified() && local || address.is_unspecified() && own.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_the_gateway_itself_where_it_names_what_is_listened_on() {
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
