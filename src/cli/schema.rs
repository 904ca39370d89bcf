//! `downtime schema`

use std::process::ExitCode;

use super::print_result;
use crate::config::schema::schema;

/// Prints the JSON Schema of the file.
pub fn run() -> ExitCode {
    print_result(&format!("{:#}\n", schema().as_value()));
    ExitCode::SUCCESS
}
