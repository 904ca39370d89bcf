//! The `downtime` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    downtime::cli::run()
}
