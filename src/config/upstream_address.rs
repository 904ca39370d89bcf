//! The address of an upstream: `[site] upstream`.

mod error;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

pub use self::error::UpstreamAddressError;
use crate::http1::scheme::Scheme;

/// The longest path of a Unix socket, in bytes: `sun_path` of unix(7) without its NUL.
pub(super) const MAX_SOCKET_PATH: usize = 107;

/// The origin of an HTTP server: scheme, host and port, or a Unix socket.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum UpstreamAddress {
    /// A host and port.
    Tcp {
        /// The scheme.
        scheme: UpstreamScheme,
        /// A name in lower case, or an IP address without brackets.
        host: String,
        /// From 1 to 65535.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// The scheme of an upstream with a host.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UpstreamScheme {
    /// `http`: HTTP/1.1 in clear text.
    Http,
    /// `https`: HTTP/1.1 over TLS, or HTTP/2 for gRPC.
    Https,
    /// `h2c`: HTTP/2 in clear text, by prior knowledge (RFC 9113, section 3.3).
    H2c,
}

impl UpstreamScheme {
    /// The scheme as in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2c => "h2c",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http | Self::H2c => 80,
            Self::Https => 443,
        }
    }
}

impl UpstreamAddress {
    /// Parses `http://host[:port]`, `https://host[:port]`, `h2c://host[:port]` or `unix:PATH`.
    ///
    /// A `/` after the authority is allowed: it is equivalent to an empty path (RFC 3986, section 6.2.3).
    ///
    /// # Errors
    /// A path, a query, a fragment and user information are refused, since they belong to requests.
    pub fn parse(text: &str) -> Result<Self, UpstreamAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| UpstreamAddressError::NoScheme(text.to_owned()))?;
        let parsed = match scheme.to_ascii_lowercase().as_str() {
            "http" => UpstreamScheme::Http,
            "https" => UpstreamScheme::Https,
            "h2c" => UpstreamScheme::H2c,
            _ => {
                return Err(UpstreamAddressError::Scheme {
                    scheme: scheme.to_owned(),
                    rest: rest.to_owned(),
                });
            }
        };
        if let Some(path) = rest.strip_prefix("unix:") {
            let path = path.split(':').next().unwrap_or_default();
            return Err(UpstreamAddressError::UnixUrl(path.to_owned()));
        }
        let (host, port) = host_and_port(origin_only(scheme, rest)?)?;
        Ok(Self::Tcp { scheme: parsed, host, port: port.unwrap_or(parsed.default_port()) })
    }

    /// Returns the same address, with the path of a socket relative to `directory`.
    #[must_use]
    pub fn relative_to(self, directory: &Path) -> Self {
        match self {
            Self::Unix(path) => Self::Unix(directory.join(path)),
            tcp @ Self::Tcp { .. } => tcp,
        }
    }

    /// The scheme of the requests to it.
    pub fn http_scheme(&self) -> Scheme {
        match self {
            Self::Tcp { scheme: UpstreamScheme::Https, .. } => Scheme::Https,
            Self::Tcp { .. } | Self::Unix(_) => Scheme::Http,
        }
    }

    /// Returns the value of `Host` (RFC 9110, section 7.2) for a request that has none.
    pub fn authority(&self) -> String {
        match self {
            Self::Tcp { scheme, host, port } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                if *port == scheme.default_port() { host } else { format!("{host}:{port}") }
            }
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { scheme, .. } => write!(f, "{}://{}", scheme.as_str(), self.authority()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Returns true for a text that is probably the path of a socket, without `unix:`.
pub(super) fn resembles_socket(text: &str) -> bool {
    let has_ending = |path: &str| [".sock", ".socket"].iter().any(|ending| path.ends_with(ending));
    let is_path = ["/", "./", "../"].iter().any(|start| text.starts_with(start))
        || !text.contains(':') && text.split('?').next().is_some_and(has_ending);
    // No socket ends with a slash, and `~` and variables are not expanded.
    is_path && !text.ends_with('/') && !text.starts_with('~') && !text.contains('$')
}

fn unix(path: &str) -> Result<UpstreamAddress, UpstreamAddressError> {
    if path.is_empty() || path.ends_with('/') {
        return Err(UpstreamAddressError::NoSocket);
    }
    if path.len() > MAX_SOCKET_PATH || path.contains('\0') {
        return Err(UpstreamAddressError::SocketPath);
    }
    Ok(UpstreamAddress::Unix(PathBuf::from(path)))
}

/// Returns the authority of `rest`, which follows `://`, if it has no other part.
fn origin_only<'a>(scheme: &str, rest: &'a str) -> Result<&'a str, UpstreamAddressError> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let bare = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let origin = format!("{scheme}://{bare}");
    if authority.is_empty() && !tail.trim_matches('/').is_empty() && tail.starts_with('/') {
        return Err(UpstreamAddressError::ThirdSlash(format!("{scheme}://{}", tail.trim_start_matches('/'))));
    }
    if bare.len() < authority.len() {
        return Err(UpstreamAddressError::UserInfo { origin });
    }
    let excess = match tail.as_bytes() {
        [] | [b'/'] => return Ok(authority),
        _ if tail.contains('#') => "fragment",
        _ if tail.contains('?') => "query",
        _ => "path",
    };
    Err(UpstreamAddressError::Excess { excess, origin })
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), UpstreamAddressError> {
    let (host, port) = split_port(authority)?;
    let port = match port {
        None => None,
        Some(digits) => {
            Some(port_number(digits).ok_or_else(|| UpstreamAddressError::Port(digits.to_owned()))?)
        }
    };
    Ok((host, port))
}

fn split_port(authority: &str) -> Result<(String, Option<&str>), UpstreamAddressError> {
    let bad_host = |host: &str| UpstreamAddressError::Host(host.to_owned());
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or_else(|| bad_host(authority))?;
        let address: Ipv6Addr = host.parse().map_err(|_| bad_host(host))?;
        let port = match port.strip_prefix(':') {
            None if !port.is_empty() => return Err(bad_host(authority)),
            port => port,
        };
        return Ok((address.to_string(), port));
    }
    if authority.matches(':').count() > 1 {
        return Err(colons(authority));
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if host.is_empty() {
        return Err(UpstreamAddressError::NoHost);
    }
    if !is_name_or_address(host) {
        return Err(bad_host(host));
    }
    Ok((host.to_ascii_lowercase(), port))
}

/// Explains several colons: an IPv6 address without brackets, or two ports.
fn colons(authority: &str) -> UpstreamAddressError {
    let without_port = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    if authority.parse::<Ipv6Addr>().is_ok() || without_port.parse::<Ipv6Addr>().is_ok() {
        return UpstreamAddressError::Brackets(authority.to_owned());
    }
    let mut parts = authority.split(':');
    let (host, port) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    UpstreamAddressError::Ports { host: host.to_owned(), port: port.to_owned() }
}

/// Parses a port from 1 to 65535. Only digits are allowed: `u16::from_str` accepts `+80` too.
fn port_number(digits: &str) -> Option<u16> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_plain && *port != 0)
}

/// Returns true for a host name (RFC 1123), in which `_` is allowed for container networks. If its last label is a number,
/// it must be an IPv4 address (WHATWG URL Standard, section 3.5).
fn is_name_or_address(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_numeric =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(is_label) && (!is_numeric || name.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_an_origin_or_a_socket() {
        for (text, shown) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
            ("HTTP://App.Internal", "http://app.internal"),
            ("http://app_1:80", "http://app_1"),
            ("https://example.com", "https://example.com"),
            ("https://example.com:443", "https://example.com"),
            ("https://example.com:80", "https://example.com:80"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("https://[2001:DB8:0::1]", "https://[2001:db8::1]"),
            ("http://host:65535", "http://host:65535"),
            ("h2c://app:50051", "h2c://app:50051"),
            ("H2C://app:80", "h2c://app"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:app.sock", "unix:app.sock"),
        ] {
            assert_eq!(
                UpstreamAddress::parse(text).map(|upstream| upstream.to_string()).as_deref(),
                Ok(shown),
                "{text}"
            );
        }
    }

    #[test]
    fn an_invalid_upstream_is_refused_with_a_help() {
        for (text, message, help) in [
            ("", "does not begin with http://", "for example `http://127.0.0.1:8000`"),
            ("127.0.0.1:8000", "`127.0.0.1:8000`: it does not begin", "write `http://127.0.0.1:8000`"),
            ("localhost:3000", "does not begin", "write `http://localhost:3000`"),
            ("localhost:3000/app", "does not begin", "did you mean `http://localhost:3000`?"),
            ("8000", "does not begin", "did you mean `http://127.0.0.1:8000`?"),
            (":8000", "does not begin", "did you mean `http://127.0.0.1:8000`?"),
            ("http:/app", "does not begin", "did you mean `http://app`?"),
            ("http//app:80", "does not begin", "did you mean `http://app:80`?"),
            ("https:app", "does not begin", "did you mean `https://app`?"),
            (
                "/run/app.sock",
                "does not begin",
                "write `unix:/run/app.sock` for a socket, or `root = \"/run/app.sock\"` for a directory of files",
            ),
            ("/srv/www/", "does not begin", "write `root = \"/srv/www/\"` for a directory of files"),
            ("app.sock", "does not begin", "did you mean `unix:app.sock`?"),
            ("run/app.socket", "does not begin", "did you mean `unix:run/app.socket`?"),
            ("${UPSTREAM}", "does not begin", "environment variables are not expanded"),
            ("http://$HOST:80", "invalid host `$HOST`", "environment variables are not expanded"),
            (
                "http://unix:/run/app.sock:/",
                "a Unix socket is not a URL",
                "did you mean `unix:/run/app.sock`?",
            ),
            ("http://unix:/run/app.sock", "a Unix socket is not a URL", "did you mean `unix:/run/app.sock`?"),
            ("ws://app:80", "unknown scheme `ws`", "did you mean `http://app:80`?"),
            ("grpc://app", "unknown scheme `grpc`", "did you mean `h2c://app`?"),
            ("fcgi://app", "unknown scheme `fcgi`", "use http, https, h2c or unix"),
            ("://app", "unknown scheme ``", "use http, https, h2c or unix"),
            ("http://app/v1", "cannot have a path", "write `http://app`:"),
            ("http://app/?a", "cannot have a query", "write `http://app`:"),
            ("http://app?a", "cannot have a query", "write `http://app`:"),
            ("http://app#a", "cannot have a fragment", "write `http://app`:"),
            ("https://me:secret@app/x", "user name", "write `https://app`:"),
            ("http://", "host is missing", "for example `http://"),
            ("http://:80", "host is missing", "for example `http://"),
            ("http://a b", "invalid host `a b`", "write a name"),
            ("http://a..b", "invalid host `a..b`", "write a name"),
            ("http://-a", "invalid host `-a`", "write a name"),
            ("http://127.0.0.256", "invalid host `127.0.0.256`", "write a name"),
            ("http://bücher.example", "invalid host `bücher.example`", "write `xn--bcher-kva.example`"),
            ("http://::1", "without brackets", "did you mean `http://[::1]`?"),
            ("http://::1:80", "without brackets", "did you mean `http://[::1:80]` or `http://[::1]:80`?"),
            ("http://2001:db8::1", "without brackets", "did you mean `http://[2001:db8::1]`?"),
            ("http://localhost:80:80", "two ports", "did you mean `http://localhost:80`?"),
            ("http://a:b:c", "two ports", "for example"),
            ("http://[::1", "invalid host", "write a name"),
            ("http://[::1]80", "invalid host", "write a name"),
            ("http://[app]", "invalid host `app`", "write a name"),
            ("http://app:", "invalid port ``", "1 to 65535"),
            ("http://app:0", "invalid port `0`", "1 to 65535"),
            ("http://app:+80", "invalid port `+80`", "1 to 65535"),
            ("http://app:65536", "invalid port `65536`", "1 to 65535"),
            ("unix:", "path of the socket is missing", "unix:/run/app.sock"),
            ("unix:/run/", "path of the socket is missing", "unix:/run/app.sock"),
            ("unix:/a\0b", "invalid path of a socket", "107 bytes"),
        ] {
            let error = UpstreamAddress::parse(text).expect_err(text);
            assert!(error.to_string().contains(message), "{text}: {error}");
            assert!(error.help().contains(help), "{text}: {}", error.help());
        }
    }

    #[test]
    fn a_socket_path_has_at_most_107_bytes() {
        let longest = format!("unix:/{}", "a".repeat(MAX_SOCKET_PATH - 1));
        assert!(UpstreamAddress::parse(&longest).is_ok());
        assert_eq!(UpstreamAddress::parse(&format!("{longest}a")), Err(UpstreamAddressError::SocketPath));
    }

    #[test]
    fn a_relative_socket_path_is_relative_to_the_config_file() {
        let shown =
            |text| UpstreamAddress::parse(text).expect("valid").relative_to(Path::new("/etc/dt")).to_string();
        assert_eq!(shown("unix:app.sock"), "unix:/etc/dt/app.sock");
        assert_eq!(shown("unix:/run/app.sock"), "unix:/run/app.sock");
        assert_eq!(shown("http://app"), "http://app");
    }
}
