//! The URLs of webhooks. Chat servers put a secret into the path, so no message and no log shows it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::uri::PathAndQuery;

use crate::config::upstream_address::UpstreamAddress;
use crate::http1::scheme::Scheme;
use crate::invalid_value::InvalidValue;

const EXAMPLE: &str = "such as `https://hooks.example.com/x`";
/// Addresses of metadata services that are not link-local: of Amazon over IPv6, Alibaba and Oracle.
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];
/// The prefix of IPv6 addresses that lead to an IPv4 address (RFC 6052, section 2.1).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

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
    /// reserved ranges. Private addresses may be those of a chat server.
    pub fn may_lead_to(&self, address: IpAddr) -> bool {
        let address = embedded(address);
        if address.is_loopback() {
            return true;
        }
        let is_odd = match address {
            IpAddr::V4(v4) => v4.is_link_local() || v4.octets()[0] == 0 || v4.octets()[0] >= 224,
            IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast(),
        };
        self.scheme == Scheme::Https && !is_odd && !METADATA.contains(&address)
    }

    fn check_host(&self) -> Result<(), InvalidValue> {
        let address: Option<IpAddr> = self.host.parse().ok();
        let is_here =
            self.host == "localhost" || address.is_some_and(|address| embedded(address).is_loopback());
        if self.scheme == Scheme::Http && !is_here {
            let message =
                "http is for receivers on this machine only: others could be read or changed on the way";
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

/// Returns the IPv4 address that an IPv6 address stands for, else the address itself.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let segments = v6.segments();
    if segments.starts_with(&NAT64) {
        let [.., a, b, c, d] = v6.octets();
        return Ipv4Addr::new(a, b, c, d).into();
    }
    address.to_canonical()
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
            ("64:ff9b::a9fe:a9fe", false, false),
            ("64:ff9b::c000:201", true, false),
            ("fe80::1", false, false),
            ("febf::1", false, false),
            ("fd00:ec2::254", false, false),
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
