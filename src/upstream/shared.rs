//! What the proxies of all threads share.

use super::connections::Connections;
use super::contention::Contention;
use super::names::Names;

/// What the proxies of all threads share. Clones share it too.
#[derive(Clone, Default)]
pub struct SharedUpstreams {
    /// Closes idle connections of one thread if a request of another one may be waiting for that.
    pub(super) contention: Contention,
    pub(super) names: Names,
    pub(super) connections: Connections,
}
