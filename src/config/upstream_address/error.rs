//! The errors of an upstream's address, and their help.

use std::fmt;
use std::net::Ipv6Addr;

use super::{MAX_SOCKET_PATH, UpstreamAddress, is_name_or_address, port_number, resembles_socket};
use crate::matching::request::to_ascii;

/// An error in the address of an upstream. [`Display`](fmt::Display) gives the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamAddressError {
    /// No scheme: the whole text.
    NoScheme(String),
    /// An unknown scheme.
    Scheme {
        /// The part before `://`.
        scheme: String,
        /// The part after `://`.
        rest: String,
    },
    /// A path, a query or a fragment.
    Excess {
        /// Its name: `path`, `query` or `fragment`.
        excess: &'static str,
        /// The upstream without it.
        origin: String,
    },
    /// A user name or a password.
    UserInfo {
        /// The upstream without it.
        origin: String,
    },
    /// No host.
    NoHost,
    /// A third slash after the scheme: the upstream without it.
    ThirdSlash(String),
    /// A host that is neither a name nor an IP address.
    Host(String),
    /// An IPv6 address without brackets, possibly with a port.
    Brackets(String),
    /// Two ports.
    Ports {
        /// The part before the first colon.
        host: String,
        /// The part between the colons.
        port: String,
    },
    /// A Unix socket in the syntax of nginx, `http://unix:/run/app.sock:/`: its path.
    UnixUrl(String),
    /// A port that is not a number from 1 to 65535.
    Port(String),
    /// `unix:` without the path of a socket.
    NoSocket,
    /// A socket path that is too long or has a NUL.
    SocketPath,
}

impl fmt::Display for UpstreamAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScheme(text) => {
                write!(
                    f,
                    "invalid upstream `{text}`: it does not begin with http://, https://, h2c:// or unix:"
                )
            }
            Self::Scheme { scheme, .. } => write!(f, "unknown scheme `{scheme}`"),
            Self::Excess { excess, .. } => write!(f, "an upstream cannot have a {excess}"),
            Self::UserInfo { .. } => write!(f, "an upstream cannot have a user name or password"),
            Self::NoHost => write!(f, "the host is missing"),
            Self::ThirdSlash(_) => write!(f, "there is a third `/` before the host"),
            Self::Host(host) => write!(f, "invalid host `{host}`"),
            Self::Brackets(text) => write!(f, "`{text}` is an IPv6 address without brackets"),
            Self::Ports { .. } => write!(f, "this upstream has two ports"),
            Self::UnixUrl(_) => write!(f, "a Unix socket is not a URL"),
            Self::Port(port) => write!(f, "invalid port `{port}`"),
            Self::NoSocket => write!(f, "the path of the socket is missing"),
            Self::SocketPath => write!(f, "invalid path of a socket"),
        }
    }
}

impl std::error::Error for UpstreamAddressError {}

impl UpstreamAddressError {
    /// Returns the help: what to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::NoScheme(text) => scheme_help(text),
            Self::Scheme { scheme, rest } => match scheme.as_str() {
                "ws" | "tcp" => did_you_mean(&format!("http://{rest}")),
                "grpc" | "h2" => did_you_mean(&format!("h2c://{rest}")),
                "wss" | "tls" | "ssl" => did_you_mean(&format!("https://{rest}")),
                _ => format!("use http, https, h2c or unix, {EXAMPLE}"),
            },
            Self::Excess { origin, .. } => {
                format!("write `{origin}`: each request is forwarded with its own path and query")
            }
            Self::UserInfo { origin } => {
                format!("write `{origin}`: the Authorization field of each client is forwarded")
            }
            Self::NoHost => EXAMPLE.to_owned(),
            Self::ThirdSlash(meant) => did_you_mean(meant),
            Self::Host(host) => host_help(host),
            Self::Brackets(text) => bracket_help(text),
            Self::Ports { host, port } => did_you_mean(&format!("http://{host}:{port}")),
            Self::UnixUrl(path) => did_you_mean(&format!("unix:{path}")),
            Self::Port(_) => "write a number from 1 to 65535".to_owned(),
            Self::NoSocket => "for example `unix:/run/app.sock`".to_owned(),
            Self::SocketPath => format!("a socket's path has at most {MAX_SOCKET_PATH} bytes, and no NUL"),
        }
    }
}

const EXAMPLE: &str = "for example `http://127.0.0.1:8000`";

/// Asks whether `text` was meant, if it is valid.
fn did_you_mean(text: &str) -> String {
    UpstreamAddress::parse(text).map_or(EXAMPLE.to_owned(), |_| format!("did you mean `{text}`?"))
}

fn scheme_help(text: &str) -> String {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if text.contains('$') {
        return format!("environment variables are not expanded: write the address, {EXAMPLE}");
    }
    if text.starts_with(['/', '.']) && !text.ends_with('/') {
        return format!("write `unix:{text}` for a socket, or `root = \"{text}\"` for a directory of files");
    }
    if text.starts_with(['/', '.']) {
        return format!("write `root = \"{text}\"` for a directory of files");
    }
    if resembles_socket(text) {
        return did_you_mean(&format!("unix:{text}"));
    }
    // `http:/host`, `http//host`, `https:host`
    for scheme in ["https", "http"] {
        let rest = lower.strip_prefix(scheme).and_then(|rest| rest.strip_prefix([':', '/']));
        if let Some(rest) = rest {
            return did_you_mean(&format!("{scheme}://{}", rest.trim_start_matches(['/', ':'])));
        }
    }
    if let Some(port) = port_number(text.trim_start_matches(':')) {
        return format!("did you mean `http://127.0.0.1:{port}`?");
    }
    match UpstreamAddress::parse(&format!("http://{text}")) {
        Ok(_) => format!("write `http://{text}`"),
        Err(UpstreamAddressError::Excess { origin, .. }) => did_you_mean(&origin),
        Err(_) => EXAMPLE.to_owned(),
    }
}

fn host_help(host: &str) -> String {
    match to_ascii(host).filter(|ascii| is_name_or_address(ascii)) {
        Some(ascii) => format!("write `{ascii}`, its ASCII form"),
        None if host.contains('$') => {
            format!("environment variables are not expanded: write the address, {EXAMPLE}")
        }
        None => "write a name or an address, for example `http://app.internal:8000`".to_owned(),
    }
}

/// Returns the help for an IPv6 address without brackets. Its last group may be a port.
fn bracket_help(text: &str) -> String {
    let with_port = text
        .rsplit_once(':')
        .filter(|(host, port)| host.parse::<Ipv6Addr>().is_ok() && port_number(port).is_some());
    let whole = text.parse::<Ipv6Addr>().is_ok().then(|| format!("`http://[{text}]`"));
    let with_port = with_port.map(|(host, port)| format!("`http://[{host}]:{port}`"));
    let meant: Vec<_> = [whole, with_port].into_iter().flatten().collect();
    format!("did you mean {}?", meant.join(" or "))
}
