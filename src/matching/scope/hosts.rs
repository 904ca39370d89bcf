//! The hosts of a scope.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::invalid_value::InvalidValue;
use crate::matching::request::{host_name, is_same_host, to_ascii};

/// A host of a scope: `shop.example.com`, or `*.example.org` for all hosts below `example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// In lower case, without trailing dot. For a wildcard, the part after the `*`, including its dot.
    name: String,
    wildcard: bool,
}

impl Host {
    /// Parses a name or an address, or `*.` and a name, without scheme, port and path.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::try_parse(text).ok_or_else(|| explain(text))
    }

    fn try_parse(text: &str) -> Option<Self> {
        let host = host_name(text);
        let name = host.strip_prefix('*').unwrap_or(host);
        let wildcard = name.len() < host.len();
        let labels = if wildcard { name.strip_prefix('.')? } else { name };
        let whole = host == text.strip_suffix('.').unwrap_or(text);
        let is_host = whole && (is_name(labels) || !wildcard && is_bracketed(name));
        is_host.then(|| Self { name: name.to_ascii_lowercase(), wildcard })
    }

    /// Returns true if it is `*.` and a name.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Returns what the host of a request must be, or for a wildcard, what it must end with: a dot and a name.
    pub(super) fn fixed_part(&self) -> &str {
        &self.name
    }

    /// Returns true if it matches the host of a request, given without port and trailing dot.
    pub fn covers(&self, host: &str) -> bool {
        if !self.wildcard {
            return is_same_host(host, &self.name);
        }
        let split = host.len().checked_sub(self.name.len()).filter(|at| *at > 0);
        let tail = split.and_then(|at| host.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(&self.name))
    }

    /// Returns true if a host exists that both match.
    pub fn meets(&self, other: &Self) -> bool {
        match (self.wildcard, other.wildcard) {
            (true, true) => self.name.ends_with(&other.name) || other.name.ends_with(&self.name),
            (true, false) => self.covers(&other.name),
            (false, _) => other.covers(&self.name),
        }
    }
}

/// Returns true for a host name or an IPv4 address. A name whose last label is a number must be an address.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_numeric = last.bytes().all(|byte| byte.is_ascii_digit());
    name.split('.').all(|label| !label.is_empty() && label.bytes().all(plain))
        && (!is_numeric || name.parse::<Ipv4Addr>().is_ok())
}

/// Returns true for an IPv6 address in brackets.
fn is_bracketed(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.wildcard { "*" } else { "" }, self.name)
    }
}

const EXAMPLE: &str = "for example `shop.example.com`, or `*.example.org` for all hosts below it";

/// Explains why a text is not a host, and suggests what was probably meant.
fn explain(text: &str) -> InvalidValue {
    let plain = text.trim();
    let without_scheme = plain.split_once("://").map_or(plain, |(_, rest)| rest);
    let host = host_name(without_scheme.split(['/', '?', '#']).next().unwrap_or_default());
    if plain.parse::<Ipv6Addr>().is_ok() {
        return invalid(text, "", format!("write `[{plain}]`"));
    }
    if plain == "*" {
        return invalid(text, "", "remove `hosts` to cover every host".into());
    }
    if plain.contains(['^', '$', '(', '\\', '|']) {
        return invalid(text, ": hosts are not regular expressions", EXAMPLE.into());
    }
    if !host.is_ascii() {
        return not_ascii(text, host);
    }
    let more = several_hosts(text, plain).or_else(|| more_than_a_host(text, plain, host));
    more.unwrap_or_else(|| misplaced_wildcard(text, host))
}

fn invalid(text: &str, reason: &str, help: String) -> InvalidValue {
    InvalidValue::new(format!("invalid host `{text}`{reason}"), help)
}

fn not_ascii(text: &str, host: &str) -> InvalidValue {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let ascii = to_ascii(name).filter(|ascii| is_name(ascii)).map(|ascii| host.replace(name, &ascii));
    let help = ascii.map_or(EXAMPLE.into(), |ascii| format!("write `{ascii}`"));
    invalid(text, ": requests contain the ASCII form", help)
}

fn several_hosts(text: &str, plain: &str) -> Option<InvalidValue> {
    let parts: Vec<_> = plain.split([',', ' ', ';']).filter(|part| !part.is_empty()).collect();
    let are_hosts = parts.iter().all(|part| Host::try_parse(part).is_some() && part.contains('.'));
    let help = || format!("write each in quotes: `\"{}\"`", parts.join("\", \""));
    (parts.len() > 1 && are_hosts)
        .then(|| InvalidValue::new(format!("`{text}` is more than one host"), help()))
}

/// Explains a host with spaces, a scheme, a port or a path.
fn more_than_a_host(text: &str, plain: &str, host: &str) -> Option<InvalidValue> {
    if host == text {
        return None;
    }
    Host::try_parse(host)?;
    let has_spaces = host == plain;
    let reason =
        if has_spaces { ": it begins or ends with a space" } else { ": a host has no scheme, port or path" };
    Some(invalid(text, reason, format!("write `{host}`")))
}

fn misplaced_wildcard(text: &str, host: &str) -> InvalidValue {
    let below = host.trim_start_matches(['*', '.']);
    if below.len() < host.len() && is_name(below) {
        return invalid(text, "", format!("did you mean `*.{below}`?"));
    }
    let reason = if host.contains('*') { ": a `*` can only be the first label" } else { "" };
    invalid(text, reason, EXAMPLE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_meet_if_one_name_matches_both() {
        for (one, other, meet) in [
            ("a.example", "A.example.", true),
            ("a.example", "b.example", false),
            ("a.example", "b.a.example", false),
            ("*.example", "a.example", true),
            ("*.example", "a.b.example", true),
            ("*.example", "example", false),
            ("*.example", "*.example", true),
            ("*.example", "*.a.example", true),
            ("*.a.example", "*.b.example", false),
        ] {
            let hosts = [one, other].map(|text| Host::parse(text).unwrap());
            assert_eq!(hosts[0].meets(&hosts[1]), meet, "{one} {other}");
            assert_eq!(hosts[1].meets(&hosts[0]), meet, "{other} {one}");
        }
    }

    #[test]
    fn a_host_is_displayed_in_lower_case() {
        for (text, shown) in [("Shop.example.", "shop.example"), ("*.Example", "*.example")] {
            assert_eq!(Host::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn an_error_suggests_the_host_that_was_meant() {
        const EXAMPLE: &str = "for example `shop.example.com`, or `*.example.org` for all hosts below it";
        for (text, help) in [
            ("https://example.com/", "write `example.com`"),
            ("example.com:80", "write `example.com`"),
            ("example.com/shop", "write `example.com`"),
            (" example.com", "write `example.com`"),
            ("bücher.example", "write `xn--bcher-kva.example`"),
            ("*.bücher.example", "write `*.xn--bcher-kva.example`"),
            ("https://bücher.example/", "write `xn--bcher-kva.example`"),
            ("*example.com", "did you mean `*.example.com`?"),
            (".example.com", "did you mean `*.example.com`?"),
            ("*..example.com", "did you mean `*.example.com`?"),
            ("*", "remove `hosts` to cover every host"),
            ("::1", "write `[::1]`"),
            ("a.example, b.example", "write each in quotes: `\"a.example\", \"b.example\"`"),
            ("^shop\\.example\\.com$", EXAMPLE),
            ("", EXAMPLE),
            ("a.*.example.com", EXAMPLE),
            ("*.", EXAMPLE),
            ("a..b", EXAMPLE),
            ("[::1", EXAMPLE),
            ("[app]", EXAMPLE),
            ("192.0.2", EXAMPLE),
            ("192.0.2.256", EXAMPLE),
            ("exa mple.com", EXAMPLE),
            ("shop example", EXAMPLE),
        ] {
            let fault = Host::parse(text).unwrap_err();
            assert_eq!(fault.help, help, "{text:?}: {}", fault.message);
        }
    }
}
