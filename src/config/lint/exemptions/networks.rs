//! Warns of exempt networks that have everybody in them, or nobody, or are in others.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use toml::Spanned;

use super::{RuleText, warn_of_covered};
use crate::config::lint::LintInput;
use crate::config::{Listen, ServerConfig};
use crate::matching::exempt::Rule;
use crate::matching::network;

pub(super) fn lint(rules: &[RuleText<'_>], input: &LintInput<'_>) {
    lint_cover(rules, input);
    lint_peers(rules, input);
}

fn lint_cover(rules: &[RuleText<'_>], input: &LintInput<'_>) {
    let mut first: HashMap<IpNet, &Rule> = HashMap::new();
    let parsed: Vec<_> =
        rules.iter().filter_map(|&(text, rule)| Some((text, rule, network::parse(&rule.text)?))).collect();
    for &(_, rule, network) in &parsed {
        first.entry(network).or_insert(rule);
    }
    for (value, everyone) in
        [everyone_together(&parsed, true), everyone_together(&parsed, false)].into_iter().flatten()
    {
        let message = format!("together with other entries, this exempts {everyone}: no period affects them");
        input.warn(value.span(), message, "list only your own network, such as `192.0.2.0/24`");
    }
    for (value, rule, network) in parsed {
        let wider = std::iter::successors(Some(network), IpNet::supernet).filter(|net| net.prefix_len() > 0);
        let mut covering =
            wider.filter_map(|net| first.get(&net)).filter(|other| !std::ptr::eq(**other, rule));
        if network.prefix_len() == 0 {
            let message =
                format!("this exempts {}: no period affects them", everyone(network.addr().is_ipv4()));
            input.warn(value.span(), message, "list only your own network, such as `192.0.2.0/24`");
        } else if let Some(other) = covering.next() {
            warn_of_covered(value, other, input);
        }
    }
}

fn everyone(is_ipv4: bool) -> &'static str {
    if is_ipv4 { "every IPv4 client" } else { "every IPv6 client" }
}

/// Returns the widest network of a family, and its clients, if the networks are all of them together, and none alone is.
fn everyone_together<'a>(
    networks: &[(&'a Spanned<String>, &Rule, IpNet)],
    is_ipv4: bool,
) -> Option<(&'a Spanned<String>, &'static str)> {
    let of_family = || networks.iter().filter(|(_, _, network)| network.addr().is_ipv4() == is_ipv4);
    let (value, _, widest) = of_family().min_by_key(|(_, _, network)| network.prefix_len())?;
    let share: f64 = of_family().map(|(_, _, network)| (-f64::from(network.prefix_len())).exp2()).sum();
    // Joining them takes longer.
    if widest.prefix_len() == 0 || share < 1.0 {
        return None;
    }
    let joined = IpNet::aggregate(&of_family().map(|(_, _, network)| *network).collect());
    joined.iter().any(|network| network.prefix_len() == 0).then(|| (*value, everyone(is_ipv4)))
}

/// Warns of networks if every connection comes from a peer on this host that is not trusted: the gateway then knows no
/// other client address.
fn lint_peers(rules: &[RuleText<'_>], input: &LintInput<'_>) {
    let server = &input.config.server;
    if !server.addresses().all(|listen| is_local_and_untrusted(listen, server)) {
        return;
    }
    let proxies: Vec<_> = server.addresses().map(peer).collect();
    let help = format!(
        "if a proxy sends X-Forwarded-For, write `trusted_proxies = [{}]` in [server]; if not, listen on an address that clients connect to",
        join(proxies)
    );
    let of_peer = |rule: &Rule| {
        let network = network::parse(&rule.text);
        server
            .addresses()
            .any(|listen| network.is_some_and(|net| net.prefix_len() > 0 && has_peer(net, listen)))
    };
    let mut first = [None, None];
    for (value, rule) in rules {
        if network::parse(&rule.text).is_some_and(|network| network.prefix_len() > 0)
            && let Some(first) = first.get_mut(usize::from(of_peer(rule)))
        {
            first.get_or_insert(*value);
        }
    }
    let messages = [
        "no client can match: the gateway accepts only local connections and trusts no proxy",
        "behind a proxy on this host, this exempts every client: the gateway trusts no proxy to report client addresses",
    ];
    for (value, message) in first.into_iter().zip(messages).filter_map(|(first, text)| Some((first?, text))) {
        input.warn(value.span(), message, help.as_str());
    }
}

fn is_local_and_untrusted(listen: &Listen, server: &ServerConfig) -> bool {
    let sets = [&server.trusted_proxies, &server.proxy_protocol];
    match listen {
        Listen::Tcp(address) => {
            let mut networks = sets.iter().flat_map(|set| &set.networks);
            address.ip().is_loopback() && !networks.any(|net| has_peer(*net, listen))
        }
        Listen::AllAddresses(_) => false,
        Listen::Unix(..) => !sets.iter().any(|set| set.unix),
    }
}

/// Returns true if a network contains peers of a listener on a loopback address.
fn has_peer(network: IpNet, listen: &Listen) -> bool {
    let Listen::Tcp(address) = listen else { return false };
    match (network, address.ip()) {
        (IpNet::V4(network), IpAddr::V4(_)) if network.addr().is_loopback() => true,
        (network, address) => network.contains(&address),
    }
}

fn peer(listen: &Listen) -> &'static str {
    match listen {
        Listen::Tcp(address) if address.is_ipv4() => "\"127.0.0.1/32\"",
        Listen::Tcp(_) | Listen::AllAddresses(_) => "\"::1/128\"",
        Listen::Unix(..) => "\"unix:\"",
    }
}

fn join(mut peers: Vec<&str>) -> String {
    peers.sort_unstable();
    peers.dedup();
    peers.join(", ")
}
