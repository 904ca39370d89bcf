//! Passing requests on, on real sockets.

mod failures;
mod fields;
mod framing;
mod peer;
mod tls;
mod upgrades;
