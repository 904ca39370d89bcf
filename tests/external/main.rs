//! The tests that need programs of the system: a browser, editors, strace, systemd. If one is missing, its tests are ignored
//! and say why; under CI they fail.
//!
//! One subject runs after the other, so that what they measure is not disturbed by the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod debian;
mod origins;
mod ptrace;
mod reload;
mod store;
mod systemd;
mod usage;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Conclusion, run};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let test_threads = arguments.test_threads.or(Some(reload::THREADS));
    let of_reload = Arguments { test_threads, ..arguments.clone() };
    let conclusions = [
        run(&arguments, browser::trials()),
        run(&arguments, origins::trials()),
        run(&of_reload, reload::trials()),
        run(&arguments, systemd::trials()),
        run(&arguments, store::trials()),
    ];
    if conclusions.iter().any(Conclusion::has_failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
