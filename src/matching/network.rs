//! Networks of client addresses.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::invalid_value::InvalidValue;

/// Parses a CIDR block (RFC 4632) or a single address. IPv4-mapped IPv6 becomes IPv4, and host bits are dropped.
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

/// Explains why [`parse`] refuses a text, and suggests what was probably meant.
pub fn explain(text: &str) -> InvalidValue {
    const EXAMPLE: &str = "write an address or CIDR block, such as `192.0.2.0/24`";
    let invalid = |help: String| InvalidValue::new(format!("invalid network `{text}`"), help);
    let plain = text.trim();
    let host = plain.split_once("://").map_or(plain, |(_, rest)| rest);
    if let Some(range) = plain.split_once('-').filter(|(from, _)| from.trim().parse::<IpAddr>().is_ok()) {
        return invalid(range_help(range.0.trim(), range.1.trim()));
    }
    let several: Vec<_> = plain.split([',', ';', ' ']).filter(|part| !part.is_empty()).collect();
    if several.len() > 1 && several.iter().all(|part| parse(part).is_some()) {
        let message = format!("invalid network `{text}`: this is more than one network");
        return InvalidValue::new(message, format!("write each in quotes: `\"{}\"`", several.join("\", \"")));
    }
    if let Some((address, prefix)) = plain.split_once('/')
        && address.parse::<IpAddr>().is_ok()
    {
        return prefix_error(text, address, prefix);
    }
    if let Some(net) =
        extract_address(host).or_else(|| expand_short(plain)).filter(|net| parse(net).is_some())
    {
        return invalid(format!("did you mean `{net}`?"));
    }
    match plain.to_ascii_lowercase().as_str() {
        "localhost" | "loopback" => invalid("write `127.0.0.0/8` and `::1`".into()),
        "*" | "all" | "any" | "everyone" => invalid("write `0.0.0.0/0` and `::/0`".into()),
        "private" | "private_ranges" | "lan" => {
            invalid("write `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16` and `fc00::/7`".into())
        }
        _ if host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains([':', '/', ' ']) => {
            invalid("host names are not resolved: write the address or CIDR block of the clients".into())
        }
        _ => invalid(EXAMPLE.into()),
    }
}

/// Extracts an address that has a port, brackets, a zone or leading zeros.
fn extract_address(text: &str) -> Option<String> {
    let text = text.trim_end_matches('/');
    let in_brackets =
        text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    let before_port =
        text.rsplit_once(':').filter(|(host, _)| host.contains('.')).map(|(address, _)| address);
    let before_zone = text.split_once('%').map(|(address, _)| address);
    let unpadded = || {
        let parts: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
        let [a, b, c, d] = parts?[..] else { return None };
        Some(format!("{a}.{b}.{c}.{d}"))
    };
    let found = in_brackets
        .or(before_port)
        .or(before_zone)
        .or(Some(text))
        .filter(|found| found.parse::<IpAddr>().is_ok());
    found.map(str::to_owned).or_else(unpadded)
}

/// Expands `192.168.1`, `192.168.1.*` or `10.*` to a CIDR block.
fn expand_short(text: &str) -> Option<String> {
    let parts: Vec<_> = text.trim_end_matches('.').split('.').take_while(|part| *part != "*").collect();
    let rest = text.trim_end_matches('.').split('.').skip(parts.len());
    let numbers = parts.iter().all(|part| part.parse::<u8>().is_ok());
    let given = parts.len();
    if !numbers
        || !(1..4).contains(&given)
        || rest.clone().any(|part| part != "*")
        || text.parse::<u8>().is_ok()
    {
        return None;
    }
    let zeros = std::iter::repeat_n("0", 4 - given);
    let address = parts.iter().copied().chain(zeros).collect::<Vec<_>>().join(".");
    Some(format!("{address}/{}", given * 8))
}

fn prefix_error(text: &str, address: &str, prefix: &str) -> InvalidValue {
    let max = if address.contains(':') { 128 } else { 32 };
    if let Some(length) = prefix.parse().ok().and_then(|mask: std::net::Ipv4Addr| {
        let bits = u32::from(mask);
        (bits.leading_ones() + bits.trailing_zeros() == 32 || bits == 0).then(|| bits.leading_ones())
    }) {
        return InvalidValue::new(
            format!("invalid network `{text}`: this is a netmask, not a prefix length"),
            format!("write `{address}/{length}`"),
        );
    }
    let message = format!("invalid network `{text}`: the prefix is not a number from 0 to {max}");
    let help = if prefix.is_empty() {
        format!("write `{address}` for that address alone")
    } else {
        format!("for example `{address}/{}`", if max == 32 { 24 } else { 64 })
    };
    InvalidValue::new(message, help)
}

/// Suggests the CIDR blocks of a range, if they are few.
fn range_help(from: &str, to: &str) -> String {
    const HELP: &str = "write a range as CIDR blocks, such as `192.0.2.0/24`";
    let last = |from: std::net::Ipv4Addr| {
        let [a, b, c, _] = from.octets();
        to.parse().ok().or_else(|| Some(std::net::Ipv4Addr::new(a, b, c, to.parse().ok()?)))
    };
    let blocks = from.parse().ok().and_then(|from| {
        let blocks: Vec<_> = ipnet::Ipv4Subnets::new(from, last(from)?, 0).take(5).collect();
        Some(blocks.iter().map(|net| format!("`{net}`")).collect::<Vec<_>>())
    });
    match blocks.as_deref() {
        Some([one]) => format!("write {one}"),
        Some([rest @ .., last]) if rest.len() < 4 => format!("write {} and {last}", rest.join(", ")),
        _ => HELP.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_suggests_the_network_that_was_meant() {
        const EXAMPLE: &str = "write an address or CIDR block, such as `192.0.2.0/24`";
        for (text, help) in [
            ("192.168.1", "did you mean `192.168.1.0/24`?"),
            ("192.168.1.*", "did you mean `192.168.1.0/24`?"),
            ("10.*.*.*", "did you mean `10.0.0.0/8`?"),
            ("10.*", "did you mean `10.0.0.0/8`?"),
            ("10.*.3.*", EXAMPLE),
            ("192.168.1.0/255.255.255.0", "write `192.168.1.0/24`"),
            ("10.0.0.0/0.0.0.0", "write `10.0.0.0/0`"),
            ("10.0.0.0/255.0.255.0", "for example `10.0.0.0/24`"),
            ("192.0.2.0/33", "for example `192.0.2.0/24`"),
            ("2001:db8::/129", "for example `2001:db8::/64`"),
            ("192.0.2.1/", "write `192.0.2.1` for that address alone"),
            ("192.0.2.0-192.0.2.255", "write `192.0.2.0/24`"),
            ("192.0.2.1 - 192.0.2.3", "write `192.0.2.1/32` and `192.0.2.2/31`"),
            ("192.0.2.0-7", "write `192.0.2.0/29`"),
            ("192.0.2.1-192.0.2.254", "write a range as CIDR blocks, such as `192.0.2.0/24`"),
            ("192.0.2.9-192.0.2.1", "write a range as CIDR blocks, such as `192.0.2.0/24`"),
            ("2001:db8::1-2001:db8::9", "write a range as CIDR blocks, such as `192.0.2.0/24`"),
            ("192.0.2.1:80", "did you mean `192.0.2.1`?"),
            ("http://192.0.2.1:80/", "did you mean `192.0.2.1`?"),
            ("[2001:db8::1]:80", "did you mean `2001:db8::1`?"),
            ("[::1]", "did you mean `::1`?"),
            ("fe80::1%eth0", "did you mean `fe80::1`?"),
            ("010.001.000.001", "did you mean `10.1.0.1`?"),
            (" 192.0.2.1", "did you mean `192.0.2.1`?"),
            ("localhost", "write `127.0.0.0/8` and `::1`"),
            ("*", "write `0.0.0.0/0` and `::/0`"),
            (
                "office.example.com",
                "host names are not resolved: write the address or CIDR block of the clients",
            ),
            ("", EXAMPLE),
            ("192.0.2.0/24, 10.0.0.0/8", "write each in quotes: `\"192.0.2.0/24\", \"10.0.0.0/8\"`"),
            ("7", EXAMPLE),
        ] {
            assert_eq!(parse(text), None, "{text}");
            assert_eq!(explain(text).help, help, "{text}");
            assert!(explain(text).message.starts_with(&format!("invalid network `{text}`")));
        }
    }

    #[test]
    fn every_usual_form_of_a_network_is_accepted() {
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
