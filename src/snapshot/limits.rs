//! The limits that a snapshot has in this process.

use super::Snapshot;
use crate::config::{Config, Limits, Site};
use crate::descriptors::{descriptor_limit, limit_clients, limit_upstream};

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

    /// Describes each configured limit that is not reached, because there are fewer descriptors. Call it as
    /// [`Snapshot::limits`].
    pub fn lowered_limits(&self) -> Vec<String> {
        let (configured, used) = (&self.config.limits, self.limits());
        let connections = ("connections", configured.connections, used.connections);
        let upstream = ("upstream_connections", configured.upstream_connections, used.upstream_connections);
        let upstream = self.config.site.upstream().map(|_| upstream);
        let lowered =
            [connections].into_iter().chain(upstream).filter(|(_, configured, used)| configured > used);
        let describe = |(key, configured, used)| {
            let limit = descriptor_limit().and_then(|limit| limit.current).unwrap_or_default();
            format!(
                "`[limits] {key}` is {configured}, but there can only be {used}, because of the limit of {limit} open files: \
                 raise that with `LimitNOFILE=` in the unit, or `ulimit -n`"
            )
        };
        lowered.map(describe).collect()
    }
}
