//! Tests that need programs of the system: a browser, curl, Django, editors, a compiler for musl, GoAccess, grpcio, h11, h2, HAProxy, mdBook,
//! nghttp, nginx, npm, OpenSSL, promtool, PyYAML, Rails, strace, systemd. If a program is missing, its tests are ignored with a reason;
//! under CI they fail.
//!
//! The subjects run one after the other, so that none disturbs what another measures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that panics fails its test"
)]

#[allow(dead_code, reason = "the tests of `it` use the rest")]
#[path = "../it/receiver.rs"]
mod receiver;
#[path = "../support/mod.rs"]
mod support;

mod activation;
mod admin;
mod book;
mod browser;
mod container;
mod debian;
mod default_address;
mod front;
mod gateways;
mod grpc;
mod h11;
mod http2_frames;
mod http2_streams;
mod licenses;
mod manifests;
mod manual;
mod monitoring;
mod npm;
mod origins;
mod package;
mod ptrace;
mod recipes;
mod reload;
mod sandbox;
mod sbom;
mod sites;
mod store;
mod systemd;
mod tls;
mod usage;
mod users;
mod watchdog;
mod webhooks;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Conclusion, run};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let test_threads = arguments.test_threads.or(Some(reload::THREADS));
    let reload_arguments = Arguments { test_threads, ..arguments.clone() };
    let conclusions = [
        run(&arguments, activation::trials()),
        run(&arguments, admin::trials()),
        run(&arguments, book::trials()),
        run(&arguments, browser::trials()),
        run(&arguments, container::trials()),
        run(&arguments, default_address::trials()),
        run(&arguments, front::trials()),
        run(&arguments, grpc::trials()),
        run(&arguments, h11::trials()),
        run(&arguments, http2_frames::trials()),
        run(&arguments, http2_streams::trials()),
        run(&arguments, licenses::trials()),
        run(&arguments, manifests::trials()),
        run(&arguments, manual::trials()),
        run(&arguments, monitoring::trials()),
        run(&arguments, origins::trials()),
        run(&arguments, package::trials()),
        run(&arguments, recipes::trials()),
        run(&arguments, sandbox::trials()),
        run(&arguments, sbom::trials()),
        run(&arguments, sites::trials()),
        run(&reload_arguments, reload::trials()),
        run(&arguments, systemd::trials()),
        run(&arguments, store::trials()),
        run(&arguments, tls::trials()),
        run(&arguments, watchdog::trials()),
        run(&arguments, webhooks::trials()),
        run(&arguments, users::trials()),
    ];
    if conclusions.iter().any(Conclusion::has_failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
