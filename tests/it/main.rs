//! The tests that need nothing but the gateway: its parts, and the binary as its users run it. A module is a subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

#[path = "../support/mod.rs"]
mod support;

mod cli;
mod client;
mod documents;
mod edit_properties;
mod files;
mod folder;
mod gateway;
mod management;
mod origin;
mod page;
mod prose;
mod proxy;
mod schema;
mod store;
