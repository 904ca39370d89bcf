//! What `[site] upstream` names: where the requests that pass are sent.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// The longest path that a Unix socket can have: `sun_path` of unix(7), less its NUL.
const MAX_SOCKET_PATH: usize = 107;

/// An origin: the place of a server, without anything of a request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Upstream {
    /// A host and port, spoken to in the clear or over TLS.
    Tcp {
        /// Whether TLS is spoken.
        tls: bool,
        /// A name in lower case or an address; an IPv6 address is without brackets.
        host: String,
        /// From 1 to 65535.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl Upstream {
    /// Reads `http://host[:port]`, `https://host[:port]` or `unix:PATH`.
    ///
    /// A lone `/` behind the authority is allowed, since it says the same as none (RFC 3986 6.2.3).
    ///
    /// # Errors
    /// Whatever is of a request rather than an origin (a path, a query) is refused, and so is what cannot be
    /// connected to.
    pub fn parse(text: &str) -> Result<Self, UpstreamError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| UpstreamError::NoScheme(text.to_owned()))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(UpstreamError::Scheme(scheme.to_owned())),
        };
        let (host, port) = host_and_port(origin_only(scheme, rest)?)?;
        Ok(Self::Tcp { tls, host, port: port.unwrap_or(if tls { 443 } else { 80 }) })
    }

    /// The same upstream, with a relative socket path read as relative to `directory`.
    #[must_use]
    pub fn relative_to(self, directory: &Path) -> Self {
        match self {
            Self::Unix(path) => Self::Unix(directory.join(path)),
            tcp @ Self::Tcp { .. } => tcp,
        }
    }

    /// What a Host field says of it (RFC 9110 7.2), for a request that came without one.
    pub fn authority(&self) -> String {
        match self {
            Self::Tcp { tls, host, port } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let default = if *tls { 443 } else { 80 };
                if *port == default { host } else { format!("{host}:{port}") }
            }
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { tls, .. } => {
                write!(f, "{}://{}", if *tls { "https" } else { "http" }, self.authority())
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

fn unix(path: &str) -> Result<Upstream, UpstreamError> {
    if path.is_empty() || path.ends_with('/') {
        return Err(UpstreamError::NoSocket);
    }
    if path.len() > MAX_SOCKET_PATH || path.contains('\0') {
        return Err(UpstreamError::SocketPath);
    }
    Ok(Upstream::Unix(PathBuf::from(path)))
}

/// The authority of what stands behind `://`, if there is nothing else.
fn origin_only<'a>(scheme: &str, rest: &'a str) -> Result<&'a str, UpstreamError> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let bare = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let origin = format!("{scheme}://{bare}");
    if bare.len() < authority.len() {
        return Err(UpstreamError::UserInfo { origin });
    }
    let excess = match tail.as_bytes() {
        [] | [b'/'] => return Ok(authority),
        _ if tail.contains('#') => "fragment",
        _ if tail.contains('?') => "query",
        _ => "path",
    };
    Err(UpstreamError::Excess { excess, origin })
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), UpstreamError> {
    let (host, port) = split_port(authority)?;
    let port = match port {
        None => None,
        Some(digits) => Some(port_number(digits).ok_or_else(|| UpstreamError::Port(digits.to_owned()))?),
    };
    Ok((host, port))
}

fn split_port(authority: &str) -> Result<(String, Option<&str>), UpstreamError> {
    let bad_host = |host: &str| UpstreamError::Host(host.to_owned());
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
        return Err(UpstreamError::Brackets(authority.to_owned()));
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if host.is_empty() {
        return Err(UpstreamError::NoHost);
    }
    if !is_name_or_address(host) {
        return Err(bad_host(host));
    }
    Ok((host.to_ascii_lowercase(), port))
}

/// Digits only: `u16::from_str` would take `+80` too.
fn port_number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port != 0)
}

/// A name as RFC 1123 has it, and the underscore that container networks have in theirs. One whose last label
/// is a number is an address (WHATWG URL, 3.5), which must then be one.
fn is_name_or_address(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(is_label) && (!numeric || name.parse::<Ipv4Addr>().is_ok())
}

/// Why a text names no upstream. [`Display`](fmt::Display) says what is wrong, [`help`](Self::help) what to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamError {
    /// There is no `://`: the whole text.
    NoScheme(String),
    /// A scheme that is not spoken.
    Scheme(String),
    /// A path, query or fragment: which, and the text without it.
    Excess {
        /// `path`, `query` or `fragment`.
        excess: &'static str,
        /// What is left without it.
        origin: String,
    },
    /// A user name or password, and the text without it.
    UserInfo {
        /// What is left without it.
        origin: String,
    },
    /// No host.
    NoHost,
    /// Neither a name nor an address.
    Host(String),
    /// An IPv6 address without brackets.
    Brackets(String),
    /// Not a number from 1 to 65535.
    Port(String),
    /// `unix:` without the path of a file.
    NoSocket,
    /// A socket path that no system takes.
    SocketPath,
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScheme(_) => write!(f, "an upstream begins with http://, https:// or unix:"),
            Self::Scheme(scheme) => write!(f, "`{scheme}` is not a scheme that an upstream can have"),
            Self::Excess { excess, .. } => write!(f, "an upstream has no {excess}"),
            Self::UserInfo { .. } => write!(f, "an upstream has no user name or password"),
            Self::NoHost => write!(f, "the host is missing"),
            Self::Host(host) => write!(f, "`{host}` is neither a host name nor an address"),
            Self::Brackets(_) => write!(f, "an IPv6 address stands in brackets"),
            Self::Port(port) => write!(f, "`{port}` is not a port"),
            Self::NoSocket => write!(f, "the socket's path is missing"),
            Self::SocketPath => write!(f, "this cannot be the path of a socket"),
        }
    }
}

impl std::error::Error for UpstreamError {}

impl UpstreamError {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::NoScheme(text) => scheme_help(text),
            Self::Scheme(_) => "http, https and unix are spoken: http://127.0.0.1:8000".to_owned(),
            Self::Excess { origin, .. } => {
                format!(
                    "write {origin}: the path and query that the client asked for are passed on as they are"
                )
            }
            Self::UserInfo { origin } => {
                format!("write {origin}: the client's own Authorization field is passed on")
            }
            Self::NoHost => "write http://127.0.0.1:8000".to_owned(),
            Self::Host(host) if !host.is_ascii() => {
                "write the name's ASCII form, which begins with xn--".to_owned()
            }
            Self::Host(_) => {
                "write a name or an address: http://app.internal:8000, http://127.0.0.1:8000".to_owned()
            }
            Self::Brackets(_) => "write http://[::1]:8000".to_owned(),
            Self::Port(_) => "write a number from 1 to 65535".to_owned(),
            Self::NoSocket => "write unix:/run/app.sock".to_owned(),
            Self::SocketPath => format!("a socket's path has at most {MAX_SOCKET_PATH} bytes"),
        }
    }
}

fn scheme_help(text: &str) -> String {
    if text.starts_with(['/', '.']) {
        return format!("write unix:{text}");
    }
    match host_and_port(text) {
        Ok(_) => format!("write http://{text}"),
        Err(_) => "write http://127.0.0.1:8000".to_owned(),
    }
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
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:app.sock", "unix:app.sock"),
        ] {
            assert_eq!(
                Upstream::parse(text).map(|upstream| upstream.to_string()).as_deref(),
                Ok(shown),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused_with_the_remedy() {
        for (text, message, help) in [
            ("", "begins with http://", "write http://127.0.0.1:8000"),
            ("127.0.0.1:8000", "begins with http://", "write http://127.0.0.1:8000"),
            ("localhost:3000", "begins with http://", "write http://localhost:3000"),
            ("/run/app.sock", "begins with http://", "write unix:/run/app.sock"),
            ("h2c://app", "`h2c` is not a scheme", "http, https and unix"),
            ("://app", "`` is not a scheme", "http, https and unix"),
            ("http://app/v1", "no path", "write http://app:"),
            ("http://app/?a", "no query", "write http://app:"),
            ("http://app?a", "no query", "write http://app:"),
            ("http://app#a", "no fragment", "write http://app:"),
            ("https://me:secret@app/x", "no user name", "write https://app:"),
            ("http://", "host is missing", "write http://"),
            ("http://:80", "host is missing", "write http://"),
            ("http://a b", "`a b` is neither", "write a name"),
            ("http://a..b", "`a..b` is neither", "write a name"),
            ("http://-a", "`-a` is neither", "write a name"),
            ("http://127.0.0.256", "`127.0.0.256` is neither", "write a name"),
            ("http://bücher.example", "neither", "xn--"),
            ("http://::1:80", "brackets", "http://[::1]:8000"),
            ("http://[::1", "neither", "write a name"),
            ("http://[::1]80", "neither", "write a name"),
            ("http://[app]", "`app` is neither", "write a name"),
            ("http://app:", "`` is not a port", "1 to 65535"),
            ("http://app:0", "`0` is not a port", "1 to 65535"),
            ("http://app:+80", "`+80` is not a port", "1 to 65535"),
            ("http://app:65536", "`65536` is not a port", "1 to 65535"),
            ("unix:", "path is missing", "unix:/run/app.sock"),
            ("unix:/run/", "path is missing", "unix:/run/app.sock"),
            ("unix:/a\0b", "cannot be the path", "107 bytes"),
        ] {
            let error = Upstream::parse(text).expect_err(text);
            assert!(error.to_string().contains(message), "{text}: {error}");
            assert!(error.help().contains(help), "{text}: {}", error.help());
        }
    }

    #[test]
    fn a_socket_path_is_as_long_as_the_system_takes() {
        let longest = format!("unix:/{}", "a".repeat(MAX_SOCKET_PATH - 1));
        assert!(Upstream::parse(&longest).is_ok());
        assert_eq!(Upstream::parse(&format!("{longest}a")), Err(UpstreamError::SocketPath));
    }

    #[test]
    fn a_relative_socket_is_beside_the_file() {
        let shown =
            |text| Upstream::parse(text).expect("valid").relative_to(Path::new("/etc/dt")).to_string();
        assert_eq!(shown("unix:app.sock"), "unix:/etc/dt/app.sock");
        assert_eq!(shown("unix:/run/app.sock"), "unix:/run/app.sock");
        assert_eq!(shown("http://app"), "http://app");
    }
}
