//! `[limits]` as it was typed.

use schemars::JsonSchema;

use super::Field;
use crate::config::schema::pattern;
use crate::config::table::Table;

/// The keys of `[limits]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// The longest head of a request, with its first line and all fields: a number with the unit `B`, `KiB` or `MiB`, from
    /// `"1KiB"` to `"1MiB"`. Beyond that, the client gets 414 if the first line is longer, else 431; over HTTP/2 always
    /// 431. Empty lines before a request may have as many bytes. A change of this limit, or of another limit for
    /// clients, takes effect for new connections, unless the other one says something else.
    #[schemars(with = "String", regex(pattern = pattern::SIZE), extend("default" = "16KiB"))]
    pub head: Field<String>,
    /// How long a client may take for the head of a request from its first byte, whatever it sends meanwhile; then it gets
    /// 408. A new connection must send that byte within the same time.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "30s"))]
    pub head_timeout: Field<String>,
    /// How long a connection may be idle after a response before the gateway closes it. Over HTTP/2, PINGs do not count.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "60s"))]
    pub idle_timeout: Field<String>,
    /// How long a client may take for each KiB of a response; then it is disconnected. Only the last part may be shorter. Only the
    /// time counts for which the gateway waits for the client. Over HTTP/2, it is the time for each part of up to 16 KiB, and only
    /// the stream is reset if the client takes others.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "60s"))]
    pub send_timeout: Field<String>,
    /// How long a client may take for each KiB of a request's body that is being forwarded; then it gets 408. Only the last part
    /// may be shorter. Only the time counts for which the gateway waits for the client, and the sizes and extensions of chunks do
    /// not count. The upstream may pause for as long within its response; a response that stops for longer is cut off.
    /// `text/event-stream` from the upstream, `application/grpc` and tunnels may be silent for any time. A change takes
    /// effect for new requests.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "60s"))]
    pub body_timeout: Field<String>,
    /// How long a client may take for a TLS handshake, whatever it sends meanwhile; likewise a proxy of `proxy_protocol` for
    /// its header.
    #[schemars(with = "String", regex(pattern = pattern::duration()), extend("default" = "10s"))]
    pub handshake_timeout: Field<String>,
    /// How many clients may be connected at once, in the whole process. Beyond that, connections that wait for a request are
    /// closed, and new ones wait until another one closes. `0` means as many as descriptors allow.
    #[schemars(with = "i64", range(min = 0), extend("default" = 0))]
    pub connections: Field<i64>,
    /// How many connections one client address may have at once. Further ones are closed at once. `0` means no limit, which
    /// is right behind a proxy: all connections come from its address.
    #[schemars(with = "i64", range(min = 0), extend("default" = 0))]
    pub connections_per_client: Field<i64>,
    /// How many requests a client may have in progress on one connection of HTTP/2. Further ones are refused with
    /// `REFUSED_STREAM`, after which a client may send them again.
    #[schemars(with = "i64", range(min = 1), extend("default" = 128))]
    pub streams: Field<i64>,
    /// How long a connection to the upstream may be idle before the gateway closes it. If the upstream announces a time, as
    /// in `Keep-Alive: timeout=2`, the connection is closed a second before that, if that is earlier. With `"0s"`,
    /// connections are not kept: each request gets a new one.
    #[schemars(with = "String", regex(pattern = pattern::duration_or_zero()), extend("default" = "2s"))]
    pub upstream_idle: Field<String>,
    /// How many idle connections to the upstream each worker keeps; there is one worker for each core. Further ones are closed
    /// after their request. A change takes effect for new requests.
    #[schemars(with = "i64", range(min = 1), extend("default" = 128))]
    pub upstream_idle_connections: Field<i64>,
    /// How many connections to the upstream may be open at once, busy and idle ones together, in the whole process. Beyond
    /// that, a request waits up to `connect_timeout` until one closes; then the upstream counts as unreachable. `0` means
    /// as many as descriptors allow.
    ///
    /// A connection of HTTP/2 carries up to 100 requests at a time, or fewer if the upstream says so. Each worker opens its own
    /// ones until the limit is reached; then the requests of all workers share those that are open. For an `https://` upstream that speaks HTTP/2, this also
    /// applies to requests that HTTP/1.1 would carry otherwise, but not to WebSockets: these need a connection each. A
    /// connection that the upstream is closing (GOAWAY) does not count any more: it takes no requests, and its last ones may
    /// last long.
    #[schemars(with = "i64", range(min = 0), extend("default" = 0))]
    pub upstream_connections: Field<i64>,
    /// How long a WebSocket or another tunnel may carry nothing, in both directions, before the gateway closes it. `"0s"`
    /// means for ever, as long as both ends answer TCP keepalive.
    #[schemars(with = "String", regex(pattern = pattern::duration_or_zero()), extend("default" = "0s"))]
    pub tunnel_idle: Field<String>,
    /// How much of the files of `[site] root` the gateway keeps in memory: files of up to 64 KiB, those that are requested most. `"0B"`
    /// means none.
    #[schemars(with = "String", regex(pattern = pattern::SIZE_OR_ZERO), extend("default" = "64MiB"))]
    pub file_cache: Field<String>,
}

impl LimitsSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            head: table.get("head", "\"16KiB\""),
            head_timeout: table.get("head_timeout", "\"30s\""),
            idle_timeout: table.get("idle_timeout", "\"60s\""),
            send_timeout: table.get("send_timeout", "\"60s\""),
            body_timeout: table.get("body_timeout", "\"60s\""),
            handshake_timeout: table.get("handshake_timeout", "\"10s\""),
            connections: table.get("connections", "1000"),
            connections_per_client: table.get("connections_per_client", "100"),
            streams: table.get("streams", "128"),
            upstream_idle: table.get("upstream_idle", "\"2s\""),
            upstream_idle_connections: table.get("upstream_idle_connections", "128"),
            upstream_connections: table.get("upstream_connections", "100"),
            tunnel_idle: table.get("tunnel_idle", "\"1h\""),
            file_cache: table.get("file_cache", "\"64MiB\""),
        }
    }
}
