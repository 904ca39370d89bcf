//! Addresses to listen on.

pub(super) mod suggestions;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::upstream_address::MAX_SOCKET_PATH;
use crate::http1::scheme::Scheme;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and a port. An IPv6 address accepts IPv6 only.
    Tcp(SocketAddr),
    /// A port on all addresses of the machine, both IPv4 and IPv6.
    AllAddresses(u16),
    /// The path of a Unix socket, and the mode of its file; without one, the umask decides.
    Unix(PathBuf, Option<u32>),
}

impl Listen {
    /// Parses `ADDRESS:PORT`, `:PORT`, `unix:PATH` or `unix:PATH?mode=MODE`. A relative path is relative to `directory`.
    ///
    /// # Errors
    /// The error is the help: what to write instead.
    pub(super) fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return parse_unix(path.strip_prefix("//").unwrap_or(path), directory);
        }
        if let Some(port) = text.strip_prefix(':').and_then(parse_port) {
            return Ok(Self::AllAddresses(port));
        }
        let address = text.parse().map_err(|_| suggestions::help(text))?;
        check_bindable(address)?;
        Ok(Self::Tcp(address))
    }

    /// Returns the TCP port. With port 0 the system chooses one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::AllAddresses(port) => Some(*port),
            Self::Unix(..) => None,
        }
    }

    /// Returns true if one process cannot listen on both: they are the same, or one includes the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix(..), Self::Unix(path, _)) => self.is_socket(path),
            _ if self.port() != other.port() || self.port() == Some(0) => false,
            (Self::Tcp(address), Self::Tcp(other)) => {
                let (address, other) = (address.ip(), other.ip());
                let includes_all = address.is_unspecified() || other.is_unspecified();
                address == other || includes_all && address.is_ipv4() == other.is_ipv4()
            }
            _ => true,
        }
    }

    /// Returns true if it is the Unix socket with this path, however both are written.
    pub fn is_socket(&self, path: &Path) -> bool {
        matches!(self, Self::Unix(own, _) if is_same_socket(own, path))
    }

    /// Returns how `ListenStream=` names it (systemd.socket(5)).
    pub fn listen_stream(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::AllAddresses(port) => port.to_string(),
            Self::Unix(path, _) => {
                std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()
            }
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::AllAddresses(port) => write!(f, ":{port}"),
            Self::Unix(path, _) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Returns true if both paths lead to the same socket, which need not exist yet.
fn is_same_socket(one: &Path, other: &Path) -> bool {
    one == other || resolve(one).is_some_and(|one| resolve(other) == Some(one))
}

/// Returns the absolute path of a socket, without symbolic links if its directory exists.
fn resolve(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let directory = path.parent()?;
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    Some(directory.join(path.file_name()?))
}

/// Refuses addresses that the system never lets a process listen on as they are.
fn check_bindable(address: SocketAddr) -> Result<(), String> {
    let (IpAddr::V6(ip), port) = (address.ip(), address.port()) else { return Ok(()) };
    if let Some(ip) = ip.to_ipv4_mapped() {
        return Err(format!("write `{ip}:{port}`"));
    }
    if ip.is_unicast_link_local() {
        return Err(suggestions::LINK_LOCAL.into());
    }
    Ok(())
}

/// Parses what follows `unix:`.
fn parse_unix(text: &str, directory: &Path) -> Result<Listen, String> {
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    if path.is_empty() || path.contains('\0') {
        return Err("write `unix:/run/downtime/http.sock`".into());
    }
    let path = directory.join(path);
    if path.as_os_str().len() > MAX_SOCKET_PATH {
        return Err(format!(
            "the path of a socket has at most {MAX_SOCKET_PATH} bytes: write a shorter one, such as `unix:/run/downtime/http.sock`"
        ));
    }
    let mode = query.map(|query| query.strip_prefix("mode=").and_then(parse_mode).ok_or(MODE_HELP));
    Ok(Listen::Unix(path, mode.transpose()?))
}

const MODE_HELP: &str = "write the mode of the socket in three octal digits after `0`, such as `unix:/run/downtime/http.sock?mode=0660`";

/// Parses the mode of a file: three octal digits, with or without a zero before them.
fn parse_mode(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
    let is_octal = digits.len() == 3 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    u32::from_str_radix(digits, 8).ok().filter(|_| is_octal)
}

/// An address to listen on, and whether its clients use TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenUrl {
    /// The scheme of its requests. A Unix socket has `http`.
    pub scheme: Scheme,
    /// The address.
    pub address: Listen,
}

impl From<Listen> for ListenUrl {
    fn from(address: Listen) -> Self {
        Self { scheme: Scheme::Http, address }
    }
}

impl ListenUrl {
    /// Parses an address as [`Listen::parse`] does, or an IP address and port, or a port, after `https://`.
    ///
    /// # Errors
    /// The error is the help: what to write instead.
    pub(super) fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        let prefix = Scheme::Https.prefix();
        let Some(rest) = text.strip_prefix(prefix) else {
            let is_upper = text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
            let address = if is_upper {
                Err("write `https` in lower case".into())
            } else {
                Listen::parse(text, directory)
            };
            return address.map(Self::from);
        };
        match Listen::parse(rest, directory) {
            Ok(address) if address.port().is_some() => Ok(Self { scheme: Scheme::Https, address }),
            Ok(_) | Err(_) => Err(HTTPS_HELP.into()),
        }
    }
}

const HTTPS_HELP: &str = "write `https://` with an IP address and a port, such as `https://0.0.0.0:443` or `https://[::1]:443`, or with a port on all addresses, such as `https://:443`";

impl fmt::Display for ListenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::Http => self.address.fmt(f),
            Scheme::Https => write!(f, "{}{}", self.scheme.prefix(), self.address),
        }
    }
}

/// Parses a port as URLs have it: digits only.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::suggestions::EXAMPLES;
    use super::*;

    #[test]
    fn an_address_is_named_as_systemd_reads_it() {
        let here = std::env::current_dir().unwrap();
        for (text, expected) in [
            ("0.0.0.0:80", "0.0.0.0:80".to_owned()),
            ("[::1]:80", "[::1]:80".to_owned()),
            (":80", "80".to_owned()),
            ("unix:/run/http.sock?mode=0660", "/run/http.sock".to_owned()),
            ("unix:http.sock", here.join("http.sock").display().to_string()),
        ] {
            assert_eq!(Listen::parse(text, Path::new(".")).unwrap().listen_stream(), expected);
        }
    }

    #[test]
    fn an_address_is_an_ip_address_and_port_a_port_or_a_unix_socket() {
        let unix = |path: &str| Ok(Listen::Unix(path.into(), None));
        let with_mode = |mode| Ok(Listen::Unix("/run/http.sock".into(), Some(mode)));
        for (text, expected) in [
            ("0.0.0.0:80", Ok(Listen::Tcp(([0, 0, 0, 0], 80).into()))),
            ("[::1]:0", Ok(Listen::Tcp(([0, 0, 0, 0, 0, 0, 0, 1], 0).into()))),
            ("unix:/run/http.sock", unix("/run/http.sock")),
            ("unix:///run/http.sock", unix("/run/http.sock")),
            ("unix:http.sock", unix("/etc/downtime/http.sock")),
            ("unix:/run/http.sock?mode=0660", with_mode(0o660)),
            ("unix:/run/http.sock?mode=666", with_mode(0o666)),
            ("unix:/run/http.sock?mode=0000", with_mode(0)),
            ("unix:/run/http.sock?mode=", Err(MODE_HELP)),
            ("unix:/run/http.sock?mode=66", Err(MODE_HELP)),
            ("unix:/run/http.sock?mode=0680", Err(MODE_HELP)),
            ("unix:/run/http.sock?mode=1777", Err(MODE_HELP)),
            ("unix:/run/http.sock?mode=+660", Err(MODE_HELP)),
            ("unix:/run/http.sock?mod=0660", Err(MODE_HELP)),
            ("unix:/run/http.sock?", Err(MODE_HELP)),
            ("unix:?mode=0660", Err("write `unix:/run/downtime/http.sock`")),
            ("unix://", Err("write `unix:/run/downtime/http.sock`")),
            ("unix:a\0b", Err("write `unix:/run/downtime/http.sock`")),
            ("/run/http.sock", Err("did you mean `unix:/run/http.sock`?")),
            ("http.sock", Err("did you mean `unix:http.sock`?")),
            ("run/http.socket?mode=0660", Err("did you mean `unix:run/http.socket?mode=0660`?")),
            ("./http", Err("did you mean `unix:./http`?")),
            (
                "http.sock:80",
                Err("names are not looked up: write `127.0.0.1:80`, or another address of this host"),
            ),
            ("UNIX:/run/http.sock", Err(EXAMPLES)),
            ("/run/", Err(EXAMPLES)),
            ("~/http.sock", Err(EXAMPLES)),
            ("$RUN/http.sock", Err(EXAMPLES)),
            ("10.0.0.0/8", Err(EXAMPLES)),
            ("[::1]", Err(EXAMPLES)),
            ("[::ffff:127.0.0.1]:80", Err("write `127.0.0.1:80`")),
            ("[fe80::1]:80", Err(suggestions::LINK_LOCAL)),
            ("[fe80::1%eth0]:80", Err(suggestions::LINK_LOCAL)),
            (":80", Ok(Listen::AllAddresses(80))),
            (":0", Ok(Listen::AllAddresses(0))),
            (":65536", Err("a port is a number from 1 to 65535; 0 stands for any free one")),
            (":+80", Err("a port is a number from 1 to 65535; 0 stands for any free one")),
            ("fe80::1", Err("add a port, such as `[fe80::1]:8503`")),
            ("::1", Err("add a port, such as `[::1]:8503`")),
            ("::1:80", Err("did you mean `[::1]:80` or `[::1:80]:8503`?")),
            (
                "https://0.0.0.0:443",
                Err("TLS is for the addresses in [server] only: write the address alone"),
            ),
            (
                "*:65535",
                Err("write `:65535` for all addresses, or `127.0.0.1:65535` behind a proxy on this host"),
            ),
            ("*:65536", Err("a port is a number from 1 to 65535; 0 stands for any free one")),
            (":http", Err(EXAMPLES)),
            (":", Err(EXAMPLES)),
            ("localhost:80", Err("write `127.0.0.1:80`")),
            ("localhost:http", Err(EXAMPLES)),
            (
                "example.com:80",
                Err("names are not looked up: write `127.0.0.1:80`, or another address of this host"),
            ),
            ("http://127.0.0.1:80/", Err("write `127.0.0.1:80`")),
            ("80", Err("write `:80` for all addresses, or `127.0.0.1:80` behind a proxy on this host")),
            ("localhost", Err(EXAMPLES)),
            ("", Err(EXAMPLES)),
        ] {
            let found = Listen::parse(text, Path::new("/etc/downtime"));
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn the_path_of_a_socket_has_at_most_107_bytes() {
        let parse = |path: &str| Listen::parse(&format!("unix:{path}"), Path::new("/etc"));
        let longest = "a".repeat(MAX_SOCKET_PATH - "/etc/".len());
        assert!(parse(&longest).is_ok() && parse(&format!("{longest}?mode=0660")).is_ok());
        assert!(parse(&format!("{longest}a")).is_err_and(|help| help.contains("107 bytes")));
    }

    #[test]
    fn a_socket_is_the_same_by_any_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = |path: &str| directory.path().join(path);
        std::fs::create_dir(path("run")).unwrap();
        std::os::unix::fs::symlink("run", path("var")).unwrap();
        let here = std::env::current_dir().unwrap();
        for (one, other, expected) in [
            (path("run/a"), path("run/a"), true),
            (path("run/a"), path("var/a"), true),
            (path("run/a"), path("var/../run/./a"), true),
            (path("none/a"), path("none/./a"), true),
            ("a".into(), here.join("a"), true),
            ("./a".into(), "a".into(), true),
            (path("run/a"), path("run/b"), false),
            (path("run/a"), path("a"), false),
        ] {
            let [listen, with_mode] =
                [(&one, None), (&other, Some(0o660))].map(|(path, mode)| Listen::Unix(path.clone(), mode));
            assert_eq!(listen.overlaps(&with_mode), expected, "{one:?} {other:?}");
        }
    }

    #[test]
    fn an_address_may_be_for_tls() {
        for (text, expected) in [
            ("https://0.0.0.0:443", Ok("https://0.0.0.0:443")),
            ("https://[::1]:443", Ok("https://[::1]:443")),
            ("https://:443", Ok("https://:443")),
            ("127.0.0.1:80", Ok("127.0.0.1:80")),
            ("https://0.0.0.0", Err(HTTPS_HELP)),
            ("https://0.0.0.0:443/", Err(HTTPS_HELP)),
            ("https://unix:a", Err(HTTPS_HELP)),
            ("https://example.com:443", Err(HTTPS_HELP)),
            ("https://", Err(HTTPS_HELP)),
            ("HTTPS://0.0.0.0:443", Err("write `https` in lower case")),
            ("http://0.0.0.0:80", Err("write `0.0.0.0:80`")),
        ] {
            let found = ListenUrl::parse(text, Path::new("/")).map(|url| url.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
