//! `downtime schema`: prints the JSON Schema of the file.

use std::process::ExitCode;

use super::print_result;
use crate::config::schema::schema;

/// Prints the JSON Schema of the file.
pub(super) fn run() -> Result<ExitCode, ExitCode> {
    print_result(&format!("{:#}\n", schema().as_value()))?;
    Ok(ExitCode::SUCCESS)
}
