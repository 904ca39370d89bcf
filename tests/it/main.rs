//! The tests that need no other programs: of the parts of the gateway, and of the binary as its users run it. Each
//! module has one subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod admin_pages;
mod cli;
mod client;
mod documents;
mod edit_properties;
mod exits;
mod files;
mod gateway;
mod hooks;
mod http1;
mod http1_properties;
mod management;
mod modules;
mod page;
mod prose;
mod proxy;
mod receiver;
mod schema;
mod store;
mod tls;
mod upstreams;
mod working_directory;
