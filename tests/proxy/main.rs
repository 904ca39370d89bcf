//! Passing requests on, on real sockets.

#![allow(clippy::expect_used, clippy::panic, reason = "a test says what it expects, in its helpers too")]

mod failures;
mod fields;
mod framing;
mod peer;
mod tls;
mod upgrades;
