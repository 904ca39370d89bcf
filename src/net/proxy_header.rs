//! The header of the PROXY protocol, by which a proxy tells the address of its client (HAProxy's `proxy-protocol.txt`,
//! section 2).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use memchr::memchr;

use crate::http1::head::{PROXY_V1, PROXY_V2};

/// The most bytes that a header may have, with the additional values of version 2, which are ignored.
pub const MAX_PROXY_HEADER: usize = 4096;

/// The most bytes of a header of version 1, with its CR LF.
const MAX_LINE: usize = 107;
/// The length in bytes of what every header of version 2 has.
const FIXED: usize = 16;

const MALFORMED_LINE: MalformedProxyHeader = MalformedProxyHeader("version 1: the line is malformed");

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// Its length in bytes.
    pub length: usize,
    /// The address of the client. `None` if the proxy does not know it, if it is not an IP address, or if the connection is
    /// the proxy's own, such as a health check.
    pub client: Option<IpAddr>,
}

/// The reason why bytes do not begin with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedProxyHeader(&'static str);

impl fmt::Display for MalformedProxyHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for MalformedProxyHeader {}

impl ProxyHeader {
    /// Parses the header that a connection begins with. Returns `None` if it is incomplete.
    ///
    /// # Errors
    /// The bytes do not begin with a header, or with one that is longer than [`MAX_PROXY_HEADER`].
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, MalformedProxyHeader> {
        if begins_like(bytes, PROXY_V2) {
            version_2(bytes)
        } else if begins_like(bytes, PROXY_V1) {
            version_1(bytes)
        } else {
            Err(MalformedProxyHeader("it begins with something else"))
        }
    }
}

/// Returns true if one of the two begins with the other.
fn begins_like(bytes: &[u8], start: &[u8]) -> bool {
    bytes.iter().zip(start).all(|(byte, expected)| byte == expected)
}

/// Section 2.1.
fn version_1(bytes: &[u8]) -> Result<Option<ProxyHeader>, MalformedProxyHeader> {
    let line = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let Some(end) = memchr(b'\n', line) else {
        let too_long = MalformedProxyHeader("version 1: the line is longer than 107 bytes");
        return if line.len() < MAX_LINE { Ok(None) } else { Err(too_long) };
    };
    let words = line.get(PROXY_V1.len()..end).and_then(|rest| rest.strip_suffix(b"\r"));
    let client = line_client(words.ok_or(MALFORMED_LINE)?)?;
    Ok(Some(ProxyHeader { length: end + 1, client }))
}

/// Returns the client of a line, without its first word.
fn line_client(words: &[u8]) -> Result<Option<IpAddr>, MalformedProxyHeader> {
    let mut words = words.split(|byte| *byte == b' ');
    let client = match words.next() {
        // What follows is ignored.
        Some(b"UNKNOWN") => return Ok(None),
        Some(b"TCP4") => line_addresses(words, |text| text.parse().ok().map(IpAddr::V4)),
        Some(b"TCP6") => line_addresses(words, |text| text.parse().ok().map(IpAddr::V6)),
        _ => None,
    };
    client.map(Some).ok_or(MALFORMED_LINE)
}

/// Parses the addresses of the client and the proxy, and their ports. Returns the client's.
fn line_addresses<'w>(
    mut words: impl Iterator<Item = &'w [u8]>,
    parse: fn(&str) -> Option<IpAddr>,
) -> Option<IpAddr> {
    let mut address = || parse(str::from_utf8(words.next()?).ok()?);
    let (client, _) = (address()?, address()?);
    let _ports = (port(words.next()?)?, port(words.next()?)?);
    words.next().is_none().then_some(client)
}

/// Parses a port: digits without leading zeros.
fn port(digits: &[u8]) -> Option<u16> {
    let is_canonical = digits == b"0" || !digits.starts_with(b"0");
    let is_number = is_canonical && digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

/// Section 2.2.
fn version_2(bytes: &[u8]) -> Result<Option<ProxyHeader>, MalformedProxyHeader> {
    const VERSION_AND_COMMAND: usize = PROXY_V2.len();
    let is_local = match bytes.get(VERSION_AND_COMMAND) {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(MalformedProxyHeader("version 2: unknown version or command")),
    };
    let Some([.., family, high, low]) = bytes.first_chunk::<FIXED>() else { return Ok(None) };
    let length = FIXED + usize::from(u16::from_be_bytes([*high, *low]));
    if length > MAX_PROXY_HEADER {
        return Err(MalformedProxyHeader("version 2: it is longer than 4096 bytes"));
    }
    let family = if is_local { AddressFamily::Other(0) } else { AddressFamily::parse(*family)? };
    if length < FIXED + family.length() {
        return Err(MalformedProxyHeader("version 2: the addresses are incomplete"));
    }
    let Some(addresses) = bytes.get(FIXED..length) else { return Ok(None) };
    Ok(Some(ProxyHeader { length, client: family.client(addresses) }))
}

/// What the addresses of a header of version 2 are.
enum AddressFamily {
    V4,
    V6,
    /// None that is an IP address, in this many bytes.
    Other(usize),
}

impl AddressFamily {
    /// Reads the byte for the family and the transport.
    fn parse(byte: u8) -> Result<Self, MalformedProxyHeader> {
        match byte {
            0x00 => Ok(Self::Other(0)),
            0x11 | 0x12 => Ok(Self::V4),
            0x21 | 0x22 => Ok(Self::V6),
            0x31 | 0x32 => Ok(Self::Other(216)),
            _ => Err(MalformedProxyHeader("version 2: unknown address family or transport")),
        }
    }

    /// The length of both addresses with their ports, in bytes.
    fn length(&self) -> usize {
        match self {
            Self::V4 => 12,
            Self::V6 => 36,
            Self::Other(length) => *length,
        }
    }

    fn client(&self, addresses: &[u8]) -> Option<IpAddr> {
        match self {
            Self::V4 => addresses.first_chunk().map(|octets| Ipv4Addr::from_octets(*octets).into()),
            Self::V6 => addresses.first_chunk().map(|octets| Ipv6Addr::from_octets(*octets).into()),
            Self::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2 with this version and command, family and transport, and content.
    fn binary(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [PROXY_V2, &[command, family], &length, content].concat()
    }

    /// Asserts that a header is found once it is complete, whatever follows, and returns its client.
    fn client(header: &[u8]) -> Option<String> {
        for length in 0..header.len() {
            assert_eq!(ProxyHeader::parse(&header[..length]), Ok(None), "{length} bytes of {header:?}");
        }
        let found = ProxyHeader::parse(header).unwrap().unwrap();
        assert_eq!(found.length, header.len());
        assert_eq!(ProxyHeader::parse(&[header, b"GET / HTTP/1.1\r\n"].concat()), Ok(Some(found)));
        found.client.map(|address| address.to_string())
    }

    fn assert_malformed(bytes: &[u8]) {
        let found = ProxyHeader::parse(bytes);
        assert!(found.is_err(), "{found:?}: {}", bytes.escape_ascii());
    }

    #[test]
    fn a_line_tells_the_address_of_the_client() {
        let long = format!("PROXY UNKNOWN {}\r\n", "f".repeat(MAX_LINE - 16));
        for (line, expected) in [
            ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", Some("192.0.2.1")),
            ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Some("255.255.255.255")),
            ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", Some("0.0.0.0")),
            ("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Some("2001:db8::1")),
            ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", Some("::ffff:192.0.2.1")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN 192.0.2.1 what ever\r\n", None),
            (&long, None),
        ] {
            assert_eq!(client(line.as_bytes()).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn a_line_in_any_other_form_is_malformed() {
        for line in [
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 1 \r\n",
            "PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 2001:db8::1 1 2\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
            "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
            "PROXY tcp4 192.0.2.1 198.51.100.1 1 2\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY \r\n",
            "PROXY  UNKNOWN\r\n",
            "PROXY\r\n",
            "proxy UNKNOWN\r\n",
            " PROXY UNKNOWN\r\n",
            "GET / HTTP/1.1\r\n",
            "P\0",
        ] {
            assert_malformed(line.as_bytes());
        }
        assert_malformed(format!("PROXY UNKNOWN {}\r\n", "f".repeat(MAX_LINE - 15)).as_bytes());
        assert_malformed(format!("PROXY UNKNOWN {}", "f".repeat(MAX_LINE - 14)).as_bytes());
    }

    #[test]
    fn a_binary_header_tells_the_address_of_the_client() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0, 1, 1, 187];
        let v6 = [&[0x20, 1, 0xd, 0xb8], &[0; 11][..], &[1], &[0; 20]].concat();
        let with_values = [&v4[..], &[4, 0, 1, 0]].concat();
        let longest = [&v4[..], &[0; MAX_PROXY_HEADER - FIXED - 12]].concat();
        for (header, expected) in [
            (binary(0x21, 0x11, &v4), Some("192.0.2.1")),
            (binary(0x21, 0x12, &v4), Some("192.0.2.1")),
            (binary(0x21, 0x11, &with_values), Some("192.0.2.1")),
            (binary(0x21, 0x11, &longest), Some("192.0.2.1")),
            (binary(0x21, 0x21, &v6), Some("2001:db8::1")),
            (binary(0x21, 0x22, &v6), Some("2001:db8::1")),
            (binary(0x21, 0x31, &[b'/'; 216]), None),
            (binary(0x21, 0x00, &[]), None),
            (binary(0x21, 0x00, &v4), None),
            (binary(0x20, 0x00, &[]), None),
            // The family of a local connection has no meaning.
            (binary(0x20, 0x11, &v4), None),
            (binary(0x20, 0x11, &[]), None),
            (binary(0x20, 0xff, &[]), None),
        ] {
            assert_eq!(client(&header).as_deref(), expected, "{header:?}");
        }
    }

    #[test]
    fn a_binary_header_in_any_other_form_is_malformed() {
        for (command, family, length) in [
            (0x22, 0x11, 12),
            (0x11, 0x11, 12),
            (0x31, 0x11, 12),
            (0x00, 0x00, 0),
            (0x21, 0x10, 12),
            (0x21, 0x13, 12),
            (0x21, 0x41, 12),
            (0x21, 0x11, 11),
            (0x21, 0x21, 35),
            (0x21, 0x31, 215),
            (0x21, 0x11, MAX_PROXY_HEADER - FIXED + 1),
            (0x20, 0x00, 65535),
        ] {
            assert_malformed(&binary(command, family, &vec![0; length]));
        }
        assert_malformed(b"\r\n\r\n\0\r\nQUIT\r");
        assert_malformed(b"\r\nGET / HTTP/1.1\r\n");
    }
}
