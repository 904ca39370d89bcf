//! Reads bytes as the header of the PROXY protocol. It is the one that a simple reader finds, once it is complete, whatever
//! follows.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use downtime::net::proxy_header::{MAX_PROXY_HEADER, ProxyHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let found = ProxyHeader::parse(input);
    let header = found.ok().flatten();
    assert_eq!(header.map(|header| (header.length, header.client)), read(input));
    if let Some(header) = header {
        assert!(header.length <= MAX_PROXY_HEADER);
        for length in 0..header.length {
            assert_eq!(ProxyHeader::parse(&input[..length]), Ok(None));
        }
        assert_eq!(ProxyHeader::parse(&input[..header.length]), Ok(Some(header)));
    }
    if found == Ok(None) {
        assert!(input.len() < MAX_PROXY_HEADER);
    }
});

/// Returns the length and the client of a whole header.
fn read(input: &[u8]) -> Option<(usize, Option<IpAddr>)> {
    read_line(input).or_else(|| read_binary(input))
}

fn read_line(input: &[u8]) -> Option<(usize, Option<IpAddr>)> {
    let length = input.iter().position(|byte| *byte == b'\n')? + 1;
    let line = input[..length].strip_suffix(b"\r\n").filter(|_| length <= 107)?;
    if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        return Some((length, None));
    }
    let words: Vec<_> = str::from_utf8(line).ok()?.split(' ').collect();
    let ["PROXY", family, client, proxy, client_port, proxy_port] = words[..] else { return None };
    let addresses: [IpAddr; 2] = [client.parse().ok()?, proxy.parse().ok()?];
    let is_family = addresses.iter().all(|address| address.is_ipv4() == (family == "TCP4"));
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    let is_valid =
        ["TCP4", "TCP6"].contains(&family) && is_family && is_port(client_port) && is_port(proxy_port);
    is_valid.then_some((length, Some(addresses[0])))
}

fn read_binary(input: &[u8]) -> Option<(usize, Option<IpAddr>)> {
    let rest = input.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n")?;
    let [command, family, high, low, content @ ..] = rest else { return None };
    let length = usize::from(*high) * 256 + usize::from(*low);
    let content = content.get(..length).filter(|_| length + 16 <= MAX_PROXY_HEADER)?;
    let client = match (command, family) {
        (0x20, _) | (0x21, 0) => None,
        (0x21, 0x11 | 0x12) if length >= 12 => {
            Some(Ipv4Addr::from_octets(content[..4].try_into().ok()?).into())
        }
        (0x21, 0x21 | 0x22) if length >= 36 => {
            Some(Ipv6Addr::from_octets(content[..16].try_into().ok()?).into())
        }
        (0x21, 0x31 | 0x32) if length >= 216 => None,
        _ => return None,
    };
    Some((length + 16, client))
}
