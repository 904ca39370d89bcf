//! Networks that are wider than they seem to be, or than anybody can trust.

use ipnet::IpNet;
use toml::Spanned;

use super::LintInput;
use crate::matching::network;

/// Nobody has a network with shorter prefixes than these: 10.0.0.0/8 and fc00::/7 are the widest private ones.
const MIN_PREFIX: (u8, u8) = (8, 7);

pub(super) fn lint(subject: &LintInput<'_>) {
    let trusted = &subject.document.server.trusted_proxies;
    let trusted: Vec<_> = trusted.iter().flat_map(Spanned::get_ref).collect();
    let exempt = subject.document.exempt.networks.iter().flat_map(Spanned::get_ref);
    lint_trusted(&trusted, subject);
    for written in trusted.into_iter().chain(exempt) {
        lint_host_bits(written, subject);
    }
}

/// Warns of networks that, alone or together, trust more peers than one operator can have.
fn lint_trusted(written: &[&Spanned<String>], subject: &LintInput<'_>) {
    let networks: Vec<_> =
        written.iter().filter_map(|text| Some((text.span(), network::parse(text.get_ref())?))).collect();
    let joined = IpNet::aggregate(&networks.iter().map(|(_, network)| *network).collect());
    for wide in joined.into_iter().filter(|network| is_too_wide(*network)) {
        let inside = networks.iter().filter(|(_, network)| wide.contains(network));
        let Some((span, widest)) = inside.min_by_key(|(_, network)| network.prefix_len()) else { continue };
        let what =
            if *widest == wide { "this trusts" } else { "together with others in the list, this trusts" };
        let message = format!(
            "{what} {}: each may claim any address in X-Forwarded-For, and so be inside `networks`",
            peers(wide)
        );
        subject.warn(span.clone(), message, "write the addresses of your proxies, such as `127.0.0.1/32`");
    }
}

fn is_too_wide(network: IpNet) -> bool {
    let min = if network.addr().is_ipv4() { MIN_PREFIX.0 } else { MIN_PREFIX.1 };
    network.prefix_len() < min
}

fn peers(network: IpNet) -> String {
    match network.prefix_len() {
        0 if network.addr().is_ipv4() => "every IPv4 peer".into(),
        0 => "every IPv6 peer".into(),
        _ => format!("every peer in {network}"),
    }
}

/// Warns of a network that is written by an address in it.
fn lint_host_bits(written: &Spanned<String>, subject: &LintInput<'_>) {
    let text = written.get_ref();
    let Ok(network) = text.parse::<IpNet>() else { return };
    if network.prefix_len() > 0 && network.addr() != network.network() {
        let whole = network.trunc();
        let message = || format!("`{text}` is the network {whole}, and not one address");
        let help = || format!("write `{whole}`, or `{}` for that address alone", network.addr());
        subject.warn_with(written.span(), || (message(), help()));
    }
}
