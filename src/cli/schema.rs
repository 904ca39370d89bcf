//! `downtime schema`: prints the JSON Schema of the file.

use std::process::ExitCode;

use super::print_result;
use crate::config::schema::schema;

/// Prints the JSON Schema of the file.
pub(super) fn run() -> Result<ExitCode, ExitCode> {
    print_result(&text())?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the JSON Schema of the file, as the command prints it.
pub(super) fn text() -> String {
    format!("{:#}\n", schema().as_value())
}
