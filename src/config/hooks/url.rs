//! The URLs of webhooks. Chat servers put a secret into the path, so no message and no log shows it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::uri::PathAndQuery;

use crate::config::upstream_address::UpstreamAddress;
use crate::http1::scheme::Scheme;
use crate::invalid_value::InvalidValue;

const EXAMPLE: &str = "such as `https://hooks.example.com/x`";
/// Addresses of metadata services that are not link-local: of Amazon and Google over IPv6, Alibaba and Oracle.
const METADATA: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// The URL of a webhook. [`Display`](fmt::Display) and [`Debug`] leave out the path.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WebhookUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    target: String,
}

impl WebhookUrl {
    /// Parses `https://host[:port][/path][?query]`; also `http`, if the host is `localhost` or a loopback address.
    ///
    /// # Errors
    /// Neither the message nor the help shows any part of the URL.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            let help = "percent-encode it, and write a host in its ASCII form";
            return Err(InvalidValue::new(
                "invalid URL: it has a space or a character outside of ASCII",
                help,
            ));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            let message = "invalid URL: it does not begin with https://";
            return Err(InvalidValue::new(message, format!("write the whole URL, {EXAMPLE}")));
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(InvalidValue::new("unknown scheme", format!("use https, {EXAMPLE}"))),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = host_and_port(scheme, authority)?;
        let url = Self { scheme, host, port, target: parse_target(target)? };
        url.check_host()?;
        Ok(url)
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a name in lower case, or an IP address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, from 1 to 65535.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path and query of a request.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the value of `Host` (RFC 9110, section 7.2).
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let default = if self.scheme == Scheme::Https { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }

    /// Returns true if messages may be sent to this address, which is the one of the host now. Over http, only this machine
    /// may get them. Over https, a name must not lead to link-local addresses, those of metadata services, multicast, broadcast and
    /// reserved ranges, in any form that leads to IPv4. Private addresses may be those of a chat server.
    pub fn may_lead_to(&self, address: IpAddr) -> bool {
        // Packets to other forms of a loopback address may leave the machine.
        if address.to_canonical().is_loopback() {
            return true;
        }
        let is_receiver = |address| !is_odd(address) && !METADATA.contains(&address);
        self.scheme == Scheme::Https
            && is_receiver(address)
            && embedded(address).is_none_or(|v4| is_receiver(v4.into()))
    }

    fn check_host(&self) -> Result<(), InvalidValue> {
        let address: Option<IpAddr> = self.host.parse().ok();
        let is_here =
            self.host == "localhost" || address.is_some_and(|address| address.to_canonical().is_loopback());
        if self.scheme == Scheme::Http && !is_here {
            let message = "http is for receivers on this machine only: messages to other machines could be read or changed on the way";
            return Err(InvalidValue::new(
                message,
                "write `https://`, or the address of a proxy on 127.0.0.1",
            ));
        }
        if address.is_some_and(|address| !self.may_lead_to(address)) {
            let message =
                "no receiver has this address: it is link-local, of a metadata service, or reserved";
            return Err(InvalidValue::new(message, "write the address of the receiver"));
        }
        Ok(())
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.scheme.prefix(), self.authority())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self}/…)")
    }
}

/// Returns true if no receiver has this address, even if it is not that of a metadata service.
fn is_odd(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.octets()[0] == 0 || v4.octets()[0] >= 224,
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast(),
    }
}

/// Returns the IPv4 address to which an IPv6 address may lead: one that is
///
/// - IPv4-mapped, `::ffff:0:0/96`, or IPv4-compatible, `::/96` (RFC 4291, section 2.5.5)
/// - translated by SIIT: `::ffff:0:0:0/96` (RFC 2765, section 2.1)
/// - translated by NAT64: `64:ff9b::/96` (RFC 6052, section 2.1), and prefixes of any length within `64:ff9b:1::/48` (RFC 8215)
/// - of 6to4, `2002::/16` (RFC 3056, section 2)
/// - of Teredo, `2001::/32`, where the bits of the client's address are inverted (RFC 4380, section 4)
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let [.., a, b, c, d] = v6.octets();
    let octets = match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            [a, b, c, d]
        }
        [0x64, 0xff9b, 1, ..] => in_local_nat64(v6),
        [0x2002, ..] => {
            let [_, _, a, b, c, d, ..] = v6.octets();
            [a, b, c, d]
        }
        [0x2001, 0, ..] => [!a, !b, !c, !d],
        _ => return None,
    };
    Some(octets.into())
}

/// Returns the octets after a prefix of 48, 56, 64 or 96 bits, without octet 8 (RFC 6052, section 2.2). The zeros at the end tell
/// the length: no host has the address that the longer prefixes would leave.
fn in_local_nat64(address: Ipv6Addr) -> [u8; 4] {
    match address.octets() {
        [_, _, _, _, _, _, a, b, _, c, d, 0, 0, 0, 0, 0]
        | [_, _, _, _, _, _, _, a, _, b, c, d, 0, 0, 0, 0]
        | [_, _, _, _, _, _, _, _, _, a, b, c, d, 0, 0, 0]
        | [.., a, b, c, d] => [a, b, c, d],
    }
}

fn host_and_port(scheme: Scheme, authority: &str) -> Result<(String, u16), InvalidValue> {
    if authority.contains('@') {
        let message = "the URL of a webhook cannot have a user name or a password";
        return Err(InvalidValue::new(message, "remove them: the receiver checks the signature"));
    }
    if let Ok(UpstreamAddress::Tcp { host, port, .. }) =
        UpstreamAddress::parse(&format!("{}{authority}", scheme.prefix()))
    {
        return Ok((host, port));
    }
    let help = format!("write a name or an address, and a port from 1 to 65535 if needed, {EXAMPLE}");
    Err(InvalidValue::new("invalid host or port in the URL", help))
}

fn parse_target(target: &str) -> Result<String, InvalidValue> {
    if target.contains('#') {
        return Err(InvalidValue::new(
            "the URL of a webhook cannot have a fragment",
            "remove the part from `#` on",
        ));
    }
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    match PathAndQuery::try_from(&target) {
        Ok(_) => Ok(target),
        Err(_) => {
            Err(InvalidValue::new("invalid path in the URL", "percent-encode what is not a letter or digit"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_a_host_over_https_or_to_this_machine() {
        for (text, expected) in [
            ("https://hooks.example.com/x", ("hooks.example.com", 443, "/x")),
            ("HTTPS://Hooks.Example.Com", ("hooks.example.com", 443, "/")),
            ("https://hooks.example.com:8443/a/b?c=d", ("hooks.example.com:8443", 8443, "/a/b?c=d")),
            ("https://hooks.example.com?c", ("hooks.example.com", 443, "/?c")),
            ("https://10.0.0.1/x", ("10.0.0.1", 443, "/x")),
            ("https://[2001:db8::1]:444/x", ("[2001:db8::1]:444", 444, "/x")),
            ("http://127.0.0.1:8080/x", ("127.0.0.1:8080", 8080, "/x")),
            ("http://[::1]/x", ("[::1]", 80, "/x")),
            ("http://localhost/x", ("localhost", 80, "/x")),
        ] {
            let url = WebhookUrl::parse(text).unwrap();
            assert_eq!((url.authority().as_str(), url.port(), url.target()), expected, "{text}");
        }
    }

    #[test]
    fn an_error_shows_no_part_of_the_url() {
        for (text, words) in [
            ("", "does not begin with https://"),
            ("hooks.example.com/secret", "does not begin with https://"),
            ("https:/hooks.example.com/secret", "does not begin with https://"),
            ("ftp://hooks.example.com/secret", "unknown scheme"),
            ("http://hooks.example.com/secret", "http is for receivers on this machine only"),
            ("http://192.168.0.1/secret", "http is for receivers on this machine only"),
            ("http://[64:ff9b::7f00:1]/secret", "http is for receivers on this machine only"),
            ("http://[::ffff:10.0.0.1]/secret", "http is for receivers on this machine only"),
            ("http://localhost.example.com/secret", "http is for receivers on this machine only"),
            ("https://user:secret@hooks.example.com/", "cannot have a user name"),
            ("https:///secret", "invalid host or port"),
            ("https://hooks.example.com:0/secret", "invalid host or port"),
            ("https://hooks.example.com:secret/", "invalid host or port"),
            ("https://hooks.example.com/#secret", "cannot have a fragment"),
            ("https://hooks.example.com/my secret", "a space"),
            ("https://höoks.example.com/secret", "outside of ASCII"),
            ("https://hooks.example.com/\"secret\"<>", "invalid path"),
            ("https://169.254.169.254/secret", "no receiver has this address"),
            ("https://[fe80::1]/secret", "no receiver has this address"),
            ("https://0.0.0.0/secret", "no receiver has this address"),
        ] {
            let InvalidValue { message, help } = WebhookUrl::parse(text).unwrap_err();
            assert!(message.contains(words), "{text}: {message}");
            assert!(![&message, &help].iter().any(|text| text.contains("secret")), "{message}: {help}");
        }
        let url = WebhookUrl::parse("https://hooks.example.com:444/secret?secret").unwrap();
        assert_eq!(url.to_string(), "https://hooks.example.com:444");
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn a_name_must_not_lead_to_what_is_not_a_receiver() {
        let [https, http] =
            ["https://example.com/", "http://localhost/"].map(|url| WebhookUrl::parse(url).unwrap());
        for (address, over_https, over_http) in [
            ("192.0.2.1", true, false),
            ("2001:db8::1", true, false),
            ("10.0.0.1", true, false),
            ("172.16.0.1", true, false),
            ("192.168.1.1", true, false),
            ("100.64.0.1", true, false),
            ("fd12:3456::1", true, false),
            ("127.0.0.1", true, true),
            ("127.255.255.255", true, true),
            ("::1", true, true),
            ("::ffff:127.0.0.1", true, true),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("::", false, false),
            ("169.254.169.254", false, false),
            ("169.254.0.1", false, false),
            ("::ffff:169.254.169.254", false, false),
            // IPv4-mapped
            ("::ffff:127.255.255.255", true, true),
            ("::ffff:100.100.100.200", false, false),
            ("::ffff:192.0.2.1", true, false),
            // IPv4-compatible
            ("::127.0.0.1", true, false),
            ("::169.254.169.254", false, false),
            ("::192.0.2.1", true, false),
            // SIIT
            ("::ffff:0:169.254.169.254", false, false),
            ("::ffff:0:127.0.0.1", true, false),
            ("::ffff:0:192.0.2.1", true, false),
            // NAT64
            ("64:ff9b::a9fe:a9fe", false, false),
            ("64:ff9b::6464:64c8", false, false),
            ("64:ff9b::7f00:1", true, false),
            ("64:ff9b::c000:201", true, false),
            // NAT64 with a local prefix of 96, 64, 56 and 48 bits
            ("64:ff9b:1::a9fe:a9fe", false, false),
            ("64:ff9b:1:ffff:ffff:ffff:a9fe:a9fe", false, false),
            ("64:ff9b:1:ffff:a9:fea9:fe00:0", false, false),
            ("64:ff9b:1:ffa9:fe:a9fe::", false, false),
            ("64:ff9b:1:a9fe:a9:fe00::", false, false),
            ("64:ff9b:1::7f00:1", true, false),
            ("64:ff9b:1::c000:201", true, false),
            ("64:ff9b:1:ffff:c0:2:100:0", true, false),
            // 6to4
            ("2002:a9fe:a9fe::", false, false),
            ("2002:a9fe:a9fe::1", false, false),
            ("2002:7f00:1::", true, false),
            ("2002:c000:201::1", true, false),
            // Teredo
            ("2001::5601:5601", false, false),
            ("2001:0:c000:201::5601:5601", false, false),
            ("2001::80ff:fffe", true, false),
            ("2001::3fff:fdfe", true, false),
            ("2001:1::5601:5601", true, false),
            ("fe80::1", false, false),
            ("febf::1", false, false),
            ("fd00:ec2::254", false, false),
            ("fd20:ce::254", false, false),
            ("fd20:ce::253", true, false),
            ("100.100.100.200", false, false),
            ("192.0.0.192", false, false),
            ("224.0.0.1", false, false),
            ("239.255.255.255", false, false),
            ("240.0.0.1", false, false),
            ("255.255.255.255", false, false),
            ("ff02::1", false, false),
        ] {
            let ip = address.parse().unwrap();
            assert_eq!([https.may_lead_to(ip), http.may_lead_to(ip)], [over_https, over_http], "{address}");
        }
    }
}
