//! The listening sockets of the gateway.

use std::sync::Arc;

use crate::cli::print_error;
use crate::config::{Config, Listen, ListenUrl};
use crate::gateway::certificates::CurrentCertificates;
use crate::http1::scheme::Scheme;
use crate::server::listener::Listener;
use crate::snapshot::Snapshots;
use crate::tls::server_config;

/// The sockets for visitors and for operators.
pub(super) struct Listeners {
    pub(super) site: Vec<Listener>,
    pub(super) management: Vec<Listener>,
}

impl Listeners {
    /// Binds all of them. If any fails, reports each failure and returns `None`.
    pub(super) fn bind(snapshots: &Arc<Snapshots>) -> Option<Self> {
        let config = &snapshots.current().config;
        let addresses: Vec<_> = config.server.addresses().cloned().collect();
        let site = bind(&addresses, "[server]");
        let management = bind(&management_addresses(config), "[management]");
        Some(Self { site: with_tls(site?, snapshots)?, management: management? })
    }

    /// Closes those that are still open.
    pub(super) fn close(&mut self) {
        close(&mut self.site);
        close(&mut self.management);
    }
}

/// Closes listeners, and removes the files of Unix sockets.
pub(super) fn close(listeners: &mut Vec<Listener>) {
    for listener in listeners.drain(..) {
        listener.remove();
    }
}

/// Makes the listeners of addresses with https perform handshakes.
fn with_tls(listeners: Vec<Listener>, snapshots: &Arc<Snapshots>) -> Option<Vec<Listener>> {
    let urls = &snapshots.current().config.server.listen;
    if urls.iter().all(|url| url.scheme == Scheme::Http) {
        return Some(listeners);
    }
    let certificates = Arc::new(CurrentCertificates::new(Arc::clone(snapshots)));
    let tls = server_config(certificates).map(Arc::new);
    let tls = tls
        .map_err(|error| print_error(&format!("cannot use TLS: {error}"), "see the log of the system"))
        .ok()?;
    let with_tls = |(listener, url): (Listener, &ListenUrl)| match url.scheme {
        Scheme::Http => listener,
        Scheme::Https => listener.with_tls(Arc::clone(&tls)),
    };
    Some(listeners.into_iter().zip(urls).map(with_tls).collect())
}

/// Returns the address for operators, if there is one.
pub(super) fn management_addresses(config: &Config) -> Vec<Listen> {
    config.management.iter().map(|management| management.listen.clone()).collect()
}

fn bind(addresses: &[Listen], section: &str) -> Option<Vec<Listener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        match Listener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => print_error(&error.to_string(), &error.help(section)),
        }
    }
    (listeners.len() == addresses.len()).then_some(listeners)
}
