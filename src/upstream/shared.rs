//! What the proxies of all threads share.

use std::fmt;

use super::connections::Connections;
use crate::net::names::Names;

/// What the proxies of all threads share. Clones share it too.
#[derive(Clone, Default)]
pub struct SharedUpstreams {
    pub(super) names: Names,
    pub(super) connections: Connections,
}

impl SharedUpstreams {
    /// Returns the number of open connections to upstreams.
    pub fn open_connections(&self) -> usize {
        self.connections.count()
    }
}

impl fmt::Debug for SharedUpstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedUpstreams")
            .field("connections", &self.open_connections())
            .finish_non_exhaustive()
    }
}
