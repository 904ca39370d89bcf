//! The command line, as the real binary has it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test")]

mod check;
mod edits;
mod end;
mod folder;
mod input;
mod start;
mod status;
mod usage;
