//! Client addresses and the networks that rules name.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Reads a network in CIDR form (RFC 4632), or a single address. IPv4-mapped IPv6 ones become IPv4, host bits are
/// dropped.
pub fn parse(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(unmapped(net).trunc())
}

fn unmapped(net: IpNet) -> IpNet {
    let v4 = |net: &IpNet| match net.addr() {
        IpAddr::V6(address) if net.prefix_len() >= 96 => {
            Ipv4Net::new(address.to_ipv4_mapped()?, net.prefix_len() - 96).ok()
        }
        _ => None,
    };
    v4(&net).map_or(net, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_in_every_usual_form() {
        for (text, net) in [
            ("192.0.2.0/24", Some("192.0.2.0/24")),
            ("192.0.2.7/24", Some("192.0.2.0/24")),
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("::1", Some("::1/128")),
            ("::ffff:192.0.2.0/120", Some("192.0.2.0/24")),
            ("::ffff:192.0.2.1", Some("192.0.2.1/32")),
            ("::ffff:0:0/95", Some("::fffe:0:0/95")),
            ("192.0.2.0/33", None),
            ("192.0.2", None),
            ("localhost", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|n| n.to_string()).as_deref(), net, "{text}");
        }
    }
}
