//! The address at which commands query the running gateway.

use std::path::Path;
use std::time::Duration;

use super::config_file::ConfigFile;
use super::{print_diagnostics, print_error};
use crate::config::diagnostic::Diagnostic;
use crate::config::{DEFAULT_MANAGEMENT, Listen, ParsedConfig};
use crate::escape::{peer_text, shell_word};
use crate::management::client::{StatusReply, query};

/// The time limit for one query.
pub(super) const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// The management listener of the gateway that serves a file.
pub(super) struct GatewayAddress {
    pub(super) listen: Listen,
    /// The errors of the file, if no address can be read from it: the address is the default one then.
    unreadable: Option<Vec<Diagnostic>>,
}

impl GatewayAddress {
    /// Returns the address in the file, also if the file has errors elsewhere. A gateway that runs serves on if the file is
    /// emptied, removed or garbled, so the default address is returned if none can be read. `None` if a valid file has none.
    pub(super) fn new(reading: &ParsedConfig) -> Option<Self> {
        match &reading.management {
            Some(listen) => Some(Self { listen: listen.clone(), unreadable: None }),
            None if reading.config.is_some() => None,
            None => Some(Self {
                listen: Listen::Tcp(DEFAULT_MANAGEMENT),
                unreadable: Some(reading.diagnostics.clone()),
            }),
        }
    }

    /// As [`Self::new`], but reports that a valid file has no address.
    pub(super) fn require(reading: &ParsedConfig) -> Option<Self> {
        let address = Self::new(reading);
        if address.is_none() {
            let help = "add `[management]` to the file and restart the gateway";
            print_error("no gateway can be queried: the file has no [management]", help);
        }
        address
    }

    /// Returns true if no address can be read from the file.
    pub(super) fn is_assumed(&self) -> bool {
        self.unreadable.is_some()
    }

    /// Reports the errors of the file because of which the address is not known, and why the default one is of no use.
    pub(super) fn print_assumed(&self, message: &str) {
        print_diagnostics(self.unreadable.as_deref().unwrap_or_default());
        print_error(message, ASSUMED_HELP);
    }
}

/// Returns the one of `places` from which the gateway at the default address has read its file. Otherwise returns `missing`,
/// the error for a file that is at none of them.
pub(super) fn file_at_default_address<P: AsRef<Path>>(
    places: &[P],
    missing: Diagnostic,
) -> Result<ConfigFile, Diagnostic> {
    let listen = Listen::Tcp(DEFAULT_MANAGEMENT);
    let Ok(StatusReply { gateway, .. }) = query(&listen, QUERY_TIMEOUT) else { return Err(missing) };
    let place = places.iter().find(|place| gateway.is_at(place.as_ref()));
    place.map(ConfigFile::at).ok_or_else(|| {
        let other = shell_word(&peer_text(&gateway.file));
        let help = format!("the gateway at {listen} serves another file: to ask it, write `-c {other}`");
        Diagnostic { help: Some(help), ..missing }
    })
}

/// What to do if no gateway of the file is at the default address.
pub(super) const ASSUMED_HELP: &str = "the address of [management] cannot be read: correct the file; a running gateway may serve at another address";
