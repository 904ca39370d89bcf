//! Listening sockets, bound once and shared by all workers.

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::TcpKeepalive;

use crate::config::Listen;
use crate::http1::scheme::Scheme;

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// TLS over TCP.
    Tls(TcpListener, Arc<ServerConfig>),
    /// A Unix socket, and its file.
    Unix(UnixListener, SocketFile),
}

/// The file of a Unix socket.
#[derive(Clone, Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// True if another process has bound it, and removes it.
    is_passed: bool,
}

/// The reason why an address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    address: Listen,
    error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.error)
    }
}

impl BindError {
    /// Returns the help: what to do about it. `section` is the section of the file that has the address.
    pub fn help(&self, section: &str) -> String {
        match (self.error.kind(), self.address.port()) {
            (io::ErrorKind::AddrInUse, Some(port)) => {
                format!("another process listens on it (`ss -ltnp 'sport = :{port}'` shows which): stop it, or change {section} listen")
            }
            (io::ErrorKind::AddrInUse, None) => {
                format!("another process listens on it: stop it, or change {section} listen")
            }
            (io::ErrorKind::PermissionDenied, Some(..1024)) => {
                "ports below 1024 need CAP_NET_BIND_SERVICE: systemd/downtime.service shows how; or use port 1024 or higher".into()
            }
            (io::ErrorKind::AddrNotAvailable, _) => "no network interface has this address: `ip address` shows those that exist".into(),
            (io::ErrorKind::NotFound, _) if section == "[admin]" => {
                "create the directory of the socket, or set `listen` and `link_socket` in [admin]".into()
            }
            (io::ErrorKind::NotFound, _) => "create the directory of the socket".into(),
            (io::ErrorKind::AlreadyExists, _) => {
                format!("remove it if nothing needs it, or change {section} listen")
            }
            _ => format!("change {section} listen"),
        }
    }
}

impl Listener {
    /// Binds an address. Fails if another process listens on it, even one of the same user: SO_REUSEPORT is not set. Replaces
    /// a Unix socket that no process listens on.
    pub fn bind(address: &Listen) -> Result<Self, BindError> {
        let bound = match address {
            Listen::Tcp(address) => bind_tcp(*address, Families::One).map(Self::Tcp),
            Listen::AllAddresses(port) => bind_all(*port).map(Self::Tcp),
            Listen::Unix(path, mode) => {
                let file = SocketFile { path: path.clone(), is_passed: false };
                bind_unix(path, *mode).map(|listener| Self::Unix(listener, file))
            }
        };
        bound.map_err(|error| BindError { address: address.clone(), error })
    }

    /// Uses a socket that another process has bound.
    pub fn from_tcp(listener: TcpListener) -> io::Result<Self> {
        prepare_tcp(&socket2::SockRef::from(&listener))?;
        Ok(Self::Tcp(listener))
    }

    /// Uses a socket that another process has bound, and whose file it removes.
    pub fn from_unix(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let path = listener.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
        Ok(Self::Unix(listener, SocketFile { path, is_passed: true }))
    }

    /// Returns true if it listens on this address.
    pub fn is_at(&self, address: &Listen) -> bool {
        match (self, address) {
            (Self::Unix(_, file), Listen::Unix(..)) => address.is_socket(&file.path),
            (Self::Tcp(listener) | Self::Tls(listener, _), Listen::Tcp(address)) => {
                listener.local_addr().is_ok_and(|own| own == *address)
            }
            (Self::Tcp(listener) | Self::Tls(listener, _), Listen::AllAddresses(port)) => {
                let is_all = |own: SocketAddr| own.ip().is_unspecified() && own.port() == *port;
                listener.local_addr().is_ok_and(is_all)
            }
            (Self::Unix(..), _) | (_, Listen::Unix(..)) => false,
        }
    }

    /// Makes the connections of a TCP socket begin with a TLS handshake.
    #[must_use]
    pub fn with_tls(self, config: Arc<ServerConfig>) -> Self {
        match self {
            Self::Tcp(listener) | Self::Tls(listener, _) => Self::Tls(listener, config),
            Self::Unix(..) => self,
        }
    }

    /// Duplicates the socket for another worker.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            Self::Tls(listener, tls) => Ok(Self::Tls(listener.try_clone()?, Arc::clone(tls))),
            Self::Unix(listener, file) => {
                listener.try_clone().map(|listener| Self::Unix(listener, file.clone()))
            }
        }
    }

    /// Returns a URL for a browser on this machine, with a note if the socket listens on several addresses; or `unix:`
    /// and the path. For port 0 it has the port that the system chose.
    pub fn url(&self) -> String {
        let url = match self {
            Self::Tcp(listener) => tcp_url(Scheme::Http, listener),
            Self::Tls(listener, _) => tcp_url(Scheme::Https, listener),
            Self::Unix(_, file) => Ok(format!("unix:{}", file.path.display())),
        };
        url.unwrap_or_else(|error| error.to_string())
    }

    /// Removes the file of a Unix socket that was bound here.
    pub fn remove(&self) {
        if let Self::Unix(_, SocketFile { path, is_passed: false }) = self
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!("cannot remove {}: {error}", path.display());
        }
    }
}

fn tcp_url(scheme: Scheme, listener: &TcpListener) -> io::Result<String> {
    let scheme = scheme.as_str();
    let address = listener.local_addr()?;
    let port = address.port();
    Ok(match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => format!("{scheme}://127.0.0.1:{port} (all IPv4 addresses)"),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) if socket2::SockRef::from(listener).only_v6()? => {
            format!("{scheme}://[::1]:{port} (all IPv6 addresses)")
        }
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => format!("{scheme}://127.0.0.1:{port} (all addresses)"),
        _ => format!("{scheme}://{address}"),
    })
}

/// Binds an IPv6 socket, which accepts IPv4 too; or an IPv4 socket if there is no IPv6.
fn bind_all(port: u16) -> io::Result<TcpListener> {
    bind_tcp((Ipv6Addr::UNSPECIFIED, port).into(), Families::Both).or_else(|error| {
        // Missing in the kernel, forbidden by the sandbox, or turned off by sysctl.
        let has_no_ipv6 = error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
            || error.kind() == io::ErrorKind::AddrNotAvailable;
        if has_no_ipv6 { bind_tcp((Ipv4Addr::UNSPECIFIED, port).into(), Families::One) } else { Err(error) }
    })
}

/// The connections that an IPv6 socket accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Families {
    One,
    Both,
}

fn bind_tcp(address: SocketAddr, families: Families) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    // A restart need not wait for connections of the last run. It does not allow a second listener.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // Regardless of net.ipv6.bindv6only.
        socket.set_only_v6(families == Families::One)?;
    }
    prepare_tcp(&socket2::SockRef::from(&socket))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Sets what connections inherit, which saves a call for each. A response is written at once: Nagle's algorithm would only delay
/// its last packet. Keepalive detects clients that are gone without closing, even if nothing else limits the connection.
fn prepare_tcp(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_nonblocking(true)
}

/// The time that a connection may be silent before the system probes the client.
const KEEPALIVE: Duration = Duration::from_secs(5 * 60);
/// The system limits it to net.core.somaxconn.
pub(super) const BACKLOG: i32 = 4096;

fn bind_unix(path: &Path, mode: Option<u32>) -> io::Result<UnixListener> {
    let kind = std::fs::symlink_metadata(path).map(|metadata| metadata.file_type()).ok();
    if kind.is_some_and(|kind| !kind.is_socket()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is not a socket"));
    }
    let is_stale = || matches!(UnixStream::connect(path), Err(error) if error.kind() == io::ErrorKind::ConnectionRefused);
    if kind.is_some() && is_stale() {
        std::fs::remove_file(path)?;
    }
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    // Nobody can connect before `listen`, so that the mode is in effect for all.
    let listening = mode
        .map_or(Ok(()), |mode| std::fs::set_permissions(path, Permissions::from_mode(mode)))
        .and_then(|()| socket.listen(BACKLOG))
        .and_then(|()| socket.set_nonblocking(true));
    if let Err(error) = listening {
        // The other error counts.
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_kept_alive_and_send_at_once() {
        let Listener::Tcp(listener) = Listener::bind(&Listen::AllAddresses(0)).unwrap() else {
            panic!("TCP")
        };
        listener.set_nonblocking(false).unwrap();
        let port = listener.local_addr().unwrap().port();
        let _client = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (stream, _) = listener.accept().unwrap();
        assert!(socket2::SockRef::from(&stream).keepalive().unwrap());
        assert!(stream.nodelay().unwrap());
    }
}
