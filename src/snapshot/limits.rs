//! The limits that a snapshot has in this process.

use super::Snapshot;
use crate::config::{Config, Limits, Site};
use crate::descriptors::{limit_clients, limit_upstream};

impl Snapshot {
    /// Returns the configured limits, with no more connections than there are descriptors for. Call it only once the gateway has
    /// started, since the descriptors are counted then.
    pub fn limits(&self) -> &Limits {
        self.limits.get_or_init(|| {
            let Config { limits, site, .. } = &self.config;
            Limits {
                connections: limit_clients(limits.connections, !matches!(site, Site::Welcome)),
                upstream_connections: limit_upstream(limits.upstream_connections),
                ..*limits
            }
        })
    }
}
