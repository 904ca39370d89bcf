//! The listening sockets of the gateway.

use std::sync::Arc;

use tracing::warn;

use crate::cli::print_error;
use crate::cli::sockets::PassedSockets;
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
    /// Takes the sockets that systemd has passed, and binds the others. If any fails, reports each failure and returns `None`.
    pub(super) fn open(mut passed: PassedSockets, snapshots: &Arc<Snapshots>) -> Option<Self> {
        let config = &snapshots.current().config;
        let (site, management) =
            (config.server.addresses().collect::<Vec<_>>(), management_addresses(config));
        let management: Vec<_> = management.iter().collect();
        let listeners =
            (open(&mut passed, &site, "[server]"), open(&mut passed, &management, "[management]"));
        passed.check_all_taken("[server] listen", &site)?;
        Some(Self { site: with_tls(listeners.0?, snapshots)?, management: listeners.1? })
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
fn management_addresses(config: &Config) -> Vec<Listen> {
    config.management.iter().map(|management| management.listen.clone()).collect()
}

fn open(passed: &mut PassedSockets, addresses: &[&Listen], section: &str) -> Option<Vec<Listener>> {
    // Each failure is reported, not only the first.
    let listeners: Vec<_> =
        addresses.iter().filter_map(|address| passed.take_or_bind(address, section)).collect();
    (listeners.len() == addresses.len()).then_some(listeners)
}

/// Warns of changed listen addresses, which need a restart.
pub(super) fn warn_of_addresses(bound: &Config, before: &Config, after: &Config) {
    let has_changed = |addresses: &dyn Fn(&Config) -> Vec<ListenUrl>| {
        addresses(after) != addresses(before) && addresses(after) != addresses(bound)
    };
    let of_operators =
        |config: &Config| management_addresses(config).into_iter().map(ListenUrl::from).collect();
    for (section, has_changed) in [
        ("[server]", has_changed(&|config| config.server.listen.clone())),
        ("[management]", has_changed(&of_operators)),
    ] {
        if has_changed {
            warn!("{section} listen takes effect at the next start; everything else is applied");
        }
    }
}
