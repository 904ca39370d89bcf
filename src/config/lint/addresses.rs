//! Addresses on which the gateway cannot listen, or should not, and an upstream that is the gateway itself.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::Subject;
use crate::config::document::Texts;
use crate::config::{Listen, MANAGEMENT, Site};
use crate::upstream::Upstream;

pub(super) fn lint(subject: &Subject<'_>) {
    let places = places(subject);
    lint_overlaps(&places, subject);
    lint_management(subject);
    lint_upstream(&places, subject);
}

/// An address to listen on, where it is written, and for whom.
struct Place<'a> {
    listen: &'a Listen,
    span: Option<Range<usize>>,
    section: &'static str,
}

fn places<'a>(subject: &Subject<'a>) -> Vec<Place<'a>> {
    let spans = |list: &'a Texts| list.iter().flat_map(Spanned::get_ref).map(|text| Some(text.span()));
    let server = spans(&subject.document.server.listen).chain(std::iter::repeat(None));
    let server = subject.config.server.listen.iter().zip(server);
    let server = server.map(|(listen, span)| Place { listen, span, section: "[server]" });
    let section = subject.document.management.as_ref();
    let span = section.and_then(|section| section.listen.as_ref()).map(Spanned::span);
    let management = subject.config.management.iter();
    let management = management.map(|listen| Place { listen, span: span.clone(), section: "[management]" });
    server.chain(management).collect()
}

/// How an address is listened on: what a client may have as its target.
enum Reach<'a> {
    /// One address, or all of its family if it is the unspecified one.
    Tcp(SocketAddr),
    Unix(&'a Path),
}

/// The one place that has to know each kind of [`Listen`]; one that listens on both families reaches two.
fn reaches(listen: &Listen) -> Vec<Reach<'_>> {
    match listen {
        Listen::Tcp(address) => vec![Reach::Tcp(*address)],
        Listen::Unix(path) => vec![Reach::Unix(path)],
    }
}

/// The system lets no address be listened on beside all addresses of its family and port.
fn lint_overlaps(places: &[Place<'_>], subject: &Subject<'_>) {
    let mut wide: HashMap<(bool, u16), usize> = HashMap::new();
    let sockets: Vec<_> =
        places.iter().enumerate().flat_map(|(index, place)| sockets(index, place)).collect();
    for &(index, address) in sockets.iter().filter(|(_, address)| address.ip().is_unspecified()) {
        wide.entry(key(address)).or_insert(index);
    }
    for (index, address) in sockets {
        let Some(&other) = wide.get(&key(address)).filter(|&&other| other != index) else { continue };
        if let (Some(narrow), Some(wide)) = (places.get(index), places.get(other)) {
            warn_of_overlap(narrow, wide, index > other, subject);
        }
    }
}

/// The IP addresses of a place whose port is known.
fn sockets(index: usize, place: &Place<'_>) -> Vec<(usize, SocketAddr)> {
    let address = |reach| match reach {
        Reach::Tcp(address) if address.port() != 0 => Some((index, address)),
        _ => None,
    };
    reaches(place.listen).into_iter().filter_map(address).collect()
}

fn key(address: SocketAddr) -> (bool, u16) {
    (address.is_ipv4(), address.port())
}

fn warn_of_overlap(narrow: &Place<'_>, wide: &Place<'_>, is_later: bool, subject: &Subject<'_>) {
    let (later, earlier) = if is_later { (narrow, wide) } else { (wide, narrow) };
    let Some(span) = later.span.as_ref().or(earlier.span.as_ref()) else { return };
    let message = format!(
        "the gateway cannot start: `{}` of {} is every address of its port, `{}` among them",
        wide.listen, wide.section, narrow.listen
    );
    let help = if narrow.section == wide.section {
        format!("remove `{}`", narrow.listen)
    } else {
        format!("write another port for {}", later.section)
    };
    subject.warn(span.clone(), message, help);
}

fn lint_management(subject: &Subject<'_>) {
    let written = subject.document.management.as_ref().and_then(|section| section.listen.as_ref());
    let (Some(written), Some(listen)) = (written, &subject.config.management) else { return };
    let everywhere =
        |reach: &Reach<'_>| matches!(reach, Reach::Tcp(address) if address.ip().is_unspecified());
    if reaches(listen).iter().any(everywhere) {
        let message =
            "operators' status and metrics are on every interface: whoever reaches this port may read them";
        let help = format!(
            "write `{MANAGEMENT}` or an address of a private network, unless a firewall or the container keeps the port in"
        );
        subject.warn(written.span(), message, help);
    }
}

fn lint_upstream(places: &[Place<'_>], subject: &Subject<'_>) {
    let (Some(written), Site::Upstream(site)) = (&subject.document.site.upstream, &subject.config.site)
    else {
        return;
    };
    let own = places.iter().find(|place| reaches(place.listen).iter().any(|own| is_at(&site.upstream, own)));
    let Some(own) = own else { return };
    let message = if own.section == "[server]" {
        "this is the gateway's own address: each request would come back to it until it can open no more connections"
    } else {
        "this is the gateway's own address, that of [management]: visitors would get what is for operators"
    };
    subject.warn(written.span(), message, "write the address of the site itself");
}

/// Returns true if a connection to the upstream surely ends at the gateway's own socket.
fn is_at(upstream: &Upstream, own: &Reach<'_>) -> bool {
    match (upstream, own) {
        (Upstream::Unix(path), Reach::Unix(own)) => path.components().eq(own.components()),
        (Upstream::Tcp { host, port, .. }, Reach::Tcp(own)) => *port == own.port() && names(host, own.ip()),
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
            ("http://192.0.2.1", "0.0.0.0:80", false),
            ("http://localhost:8503", "192.0.2.1:8503", false),
            ("http://127.0.0.2:8503", "127.0.0.1:8503", false),
            ("http://127.0.0.1:8503", "[::]:8503", false),
            ("http://127.0.0.1:8000", "127.0.0.1:8503", false),
            ("http://app:8503", "0.0.0.0:8503", false),
        ] {
            let own = Listen::Tcp(own.parse().unwrap());
            let upstream = Upstream::parse(upstream).unwrap();
            let found = reaches(&own).iter().any(|own| is_at(&upstream, own));
            assert_eq!(found, expected, "{upstream} {own}");
        }
    }
}
