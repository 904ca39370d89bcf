//! The sockets of the admin page: passed by systemd, or bound here.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;

use listenfd::ListenFd;

use crate::cli::print_error;
use crate::config::{AdminConfig, Listen};
use crate::server::listener::Listener;

/// The mode of the socket for links.
const LINK_MODE: u32 = 0o600;

/// The listening sockets.
pub(super) struct Sockets {
    /// For operators.
    pub(super) page: OwnedSocket,
    /// For links.
    pub(super) link: OwnedSocket,
}

/// A listening socket.
pub(super) struct OwnedSocket {
    pub(super) listener: Listener,
    /// True if systemd has bound it, and removes its file.
    is_passed: bool,
}

impl OwnedSocket {
    /// Removes the file of a socket that was bound here.
    pub(super) fn close(self) {
        if !self.is_passed {
            self.listener.remove();
        }
    }
}

/// The sockets that systemd has passed (`sd_listen_fds(3)`).
pub(super) struct PassedSockets(Vec<Listener>);

impl PassedSockets {
    /// Takes them. This must come before anything else: it changes the environment, which is not safe with other threads.
    pub(super) fn take() -> io::Result<Self> {
        let mut passed = ListenFd::from_env();
        let listeners = (0..passed.len()).map(|index| listener(&mut passed, index));
        listeners.collect::<io::Result<_>>().map(Self)
    }

    /// Takes the one with this address, or binds one.
    fn take_or_bind(&mut self, address: &Listen) -> Option<OwnedSocket> {
        if let Some(index) = self.0.iter().position(|listener| is_at(listener, address)) {
            return Some(OwnedSocket { listener: self.0.swap_remove(index), is_passed: true });
        }
        let bound = Listener::bind(address);
        let bound = bound.map_err(|error| print_error(&error.to_string(), &error.help("[admin]"))).ok()?;
        Some(OwnedSocket { listener: bound, is_passed: false })
    }
}

impl Sockets {
    /// Takes the sockets that were passed, and binds the others. Reports why it cannot.
    pub(super) fn open(mut passed: PassedSockets, config: &AdminConfig) -> Option<Self> {
        let link = Listen::Unix(config.link_socket.clone(), Some(LINK_MODE));
        let sockets = Self { page: passed.take_or_bind(&config.listen)?, link: passed.take_or_bind(&link)? };
        if let Some(other) = passed.0.first() {
            let message =
                format!("systemd has passed a socket at {}, which [admin] does not name", other.url());
            let help = format!(
                "make `ListenStream=` of the socket unit {} and {}, or change [admin]",
                config.listen, link
            );
            print_error(&message, &help);
            return None;
        }
        Some(sockets)
    }
}

fn listener(passed: &mut ListenFd, index: usize) -> io::Result<Listener> {
    let listener = match passed.take_unix_listener(index) {
        Ok(Some(listener)) => unix(listener)?,
        Ok(None) => return Err(io::ErrorKind::NotFound.into()),
        Err(_) => {
            let listener = passed.take_tcp_listener(index)?.ok_or(io::ErrorKind::NotFound)?;
            listener.set_nonblocking(true)?;
            Listener::Tcp(listener)
        }
    };
    Ok(listener)
}

fn unix(listener: UnixListener) -> io::Result<Listener> {
    listener.set_nonblocking(true)?;
    let path = listener.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
    Ok(Listener::Unix(listener, path))
}

fn is_at(listener: &Listener, address: &Listen) -> bool {
    match (listener, address) {
        (Listener::Unix(_, path), Listen::Unix(other, _)) => path == other,
        (Listener::Tcp(listener), Listen::Tcp(address)) => {
            listener.local_addr().is_ok_and(|own| own == *address)
        }
        _ => false,
    }
}
