//! Warns of networks that are wider than they look, or too wide to be trusted.

use ipnet::IpNet;
use toml::Spanned;

use super::LintInput;
use crate::matching::network;

/// Prefix lengths of the widest private networks, 10.0.0.0/8 and fc00::/7. Nobody owns a wider one.
const MIN_PREFIX: (u8, u8) = (8, 7);

pub(super) fn lint(input: &LintInput<'_>) {
    let server = &input.document.server;
    let [trusted, senders] = [&server.trusted_proxies, &server.proxy_protocol]
        .map(|field| field.iter().flat_map(Spanned::get_ref).collect::<Vec<_>>());
    let admin = input.document.admin.iter().flat_map(|section| &section.trusted_proxies);
    let of_admin: Vec<_> = admin.flat_map(Spanned::get_ref).collect();
    let exempt = input.document.exempt.networks.iter().flat_map(Spanned::get_ref);
    lint_trusted(&trusted, "X-Forwarded-For", input);
    lint_trusted(&senders, "a PROXY header", input);
    lint_trusted(&of_admin, "X-Forwarded-For", input);
    for value in trusted.into_iter().chain(senders).chain(of_admin).chain(exempt) {
        lint_host_bits(value, input);
    }
}

/// Warns of networks that, alone or together, trust more peers than any operator has.
fn lint_trusted(values: &[&Spanned<String>], by: &str, input: &LintInput<'_>) {
    let networks: Vec<_> =
        values.iter().filter_map(|text| Some((text.span(), network::parse(text.get_ref())?))).collect();
    let joined = IpNet::aggregate(&networks.iter().map(|(_, network)| *network).collect());
    for wide in joined.into_iter().filter(|network| is_too_wide(*network)) {
        let inside = networks.iter().filter(|(_, network)| wide.contains(network));
        let Some((span, widest)) = inside.min_by_key(|(_, network)| network.prefix_len()) else { continue };
        let what = if *widest == wide { "this trusts" } else { "together with other entries, this trusts" };
        let message =
            format!("{what} {}: each can claim any address in {by}, even one in `networks`", peers(wide));
        input.warn(span.clone(), message, "list only your proxies, such as `127.0.0.1/32`");
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

/// Warns of a network that is written as an address inside it with a prefix length.
fn lint_host_bits(value: &Spanned<String>, input: &LintInput<'_>) {
    let text = value.get_ref();
    let Ok(network) = text.parse::<IpNet>() else { return };
    if network.prefix_len() > 0 && network.addr() != network.network() {
        let whole = network.trunc();
        let message = || format!("`{text}` is all of {whole}, not a single address");
        let help = || format!("write `{whole}`, or `{}` for that address only", network.addr());
        input.warn_with(value.span(), || (message(), help()));
    }
}
