//! Forwarding requests over real sockets.

mod failures;
mod fields;
mod framing;
pub(crate) mod gateway;
pub(crate) mod peer;
pub(crate) mod stopped_clock;
pub(crate) mod tls;
mod upgrades;
