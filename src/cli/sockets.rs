//! Listening sockets that systemd has passed.

use std::io;

use listenfd::ListenFd;

use super::print_error;
use crate::config::Listen;
use crate::server::listener::Listener;

/// The sockets that systemd has passed (`sd_listen_fds(3)`) and that are not in use yet.
pub(super) struct PassedSockets(Vec<Listener>);

impl PassedSockets {
    /// Takes them, or reports why they cannot be used. This must come before anything else: it changes the environment, which
    /// is not safe with other threads.
    pub(super) fn take() -> Option<Self> {
        let mut passed = ListenFd::from_env();
        let listeners = (0..passed.len()).map(|index| listener(&mut passed, index));
        let listeners = listeners.collect::<io::Result<_>>().map(Self);
        let reported = listeners.map_err(|error| {
            let message = format!("cannot use the sockets that systemd has passed: {error}");
            print_error(&message, "use `ListenStream=` in the socket unit");
        });
        reported.ok()
    }

    /// Takes the one with this address, or binds one; reports why it cannot. `section` is the section of the file that has
    /// the address.
    pub(super) fn take_or_bind(&mut self, address: &Listen, section: &str) -> Option<Listener> {
        if let Some(index) = self.0.iter().position(|listener| listener.is_at(address)) {
            return Some(self.0.swap_remove(index));
        }
        let bound = Listener::bind(address);
        bound.map_err(|error| print_error(&error.to_string(), &error.help(section))).ok()
    }

    /// Fails if a socket is left that no address names. `sections` are those that were looked at, and `addresses` theirs.
    pub(super) fn check_all_taken(&self, sections: &str, addresses: &[&Listen]) -> Option<()> {
        let Some(other) = self.0.first() else { return Some(()) };
        let addresses: Vec<_> = addresses.iter().map(|address| address.listen_stream()).collect();
        let message =
            format!("systemd has passed a socket at {}, which {sections} does not name", other.url());
        let help = format!(
            "write `ListenStream={}` in the socket unit, or change {sections}",
            addresses.join("` and `ListenStream=")
        );
        print_error(&message, &help);
        None
    }
}

fn listener(passed: &mut ListenFd, index: usize) -> io::Result<Listener> {
    match passed.take_unix_listener(index) {
        Ok(Some(listener)) => Listener::from_unix(listener),
        Ok(None) => Err(io::ErrorKind::NotFound.into()),
        Err(_) => Listener::from_tcp(passed.take_tcp_listener(index)?.ok_or(io::ErrorKind::NotFound)?),
    }
}
