//! The limits of `[limits]`.

use std::time::Duration;

/// `[limits]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head of a request, in bytes.
    pub head: usize,
    /// The limit for a whole head, from its first byte; and for the first byte of a new connection.
    pub head_timeout: Duration,
    /// The limit for the time between two requests of a connection.
    pub idle_timeout: Duration,
    /// The limit for a client to take each KiB of a response.
    pub send_timeout: Duration,
    /// The limit for each KiB of a request's body, and for the next byte of the upstream's response.
    pub body_timeout: Duration,
    /// The limit for a TLS handshake, and for a header of the PROXY protocol.
    pub handshake_timeout: Duration,
    /// The limit for the connections of clients; zero for none.
    pub connections: usize,
    /// The limit for the connections of one client; zero for none.
    pub connections_per_client: usize,
    /// The limit for the streams of a connection of HTTP/2.
    pub streams: usize,
    /// The time after which an idle connection to the upstream is closed. It may be as long as a [`Duration`] can be. If it
    /// is zero, connections are not kept.
    pub upstream_idle: Duration,
    /// The limit for the idle connections to each upstream, of each thread.
    pub upstream_idle_connections: usize,
    /// The limit for connections to the upstream; zero for none.
    pub upstream_connections: usize,
    /// The time after which an idle tunnel is closed; zero for never.
    pub tunnel_idle: Duration,
    /// How much of the files of `[site] root` is kept in memory, in bytes.
    pub file_cache: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 16 << 10,
            head_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(10),
            connections: 0,
            connections_per_client: 0,
            streams: 128,
            upstream_idle: Duration::from_secs(2),
            upstream_idle_connections: 128,
            upstream_connections: 0,
            tunnel_idle: Duration::ZERO,
            file_cache: 64 << 20,
        }
    }
}
