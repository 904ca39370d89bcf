//! The limits of `[limits]`.

use std::time::Duration;

/// `[limits]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The time after which an idle connection to the upstream is closed. It may be as long as a [`Duration`] can be. If it
    /// is zero, connections are not kept.
    pub upstream_idle: Duration,
    /// The limit for connections to the upstream; zero for none.
    pub upstream_connections: usize,
    /// The time after which an idle tunnel is closed; zero for never.
    pub tunnel_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { upstream_idle: Duration::from_secs(2), upstream_connections: 0, tunnel_idle: Duration::ZERO }
    }
}
