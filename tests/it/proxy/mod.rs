//! Forwarding requests over real sockets.

mod failures;
mod fields;
mod framing;
mod gateway;
mod peer;
mod tls;
mod upgrades;
