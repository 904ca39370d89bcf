//! Prints results to stdout and diagnostics to stderr.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::config::diagnostic::{self, Diagnostic};
use crate::logging::has_colour;

/// Prints a result to stdout. A reader that has left, such as `head`, is not an error; any other failure to write is
/// reported on stderr.
pub(super) fn print_result(text: &str) -> Result<(), ExitCode> {
    print_result_after("", text)
}

/// Like [`print_result`]; an error begins with what was `done` before.
pub(super) fn print_result_after(done: &str, text: &str) -> Result<(), ExitCode> {
    let mut stdout = io::stdout().lock();
    check_write(done, stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Fails if a result could not be written, unless its reader has left.
pub(super) fn check_write(done: &str, result: io::Result<()>) -> Result<(), ExitCode> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let message = format!("{done}the result cannot be written to stdout: {error}");
            print_error(&message, "check where stdout goes");
            Err(ExitCode::FAILURE)
        }
        _ => Ok(()),
    }
}

/// Prints diagnostics to stderr, coloured on a terminal. Errors of stderr are ignored.
pub(super) fn print_diagnostics(diagnostics: &[Diagnostic]) {
    if !diagnostics.is_empty() {
        let text = diagnostic::render_all(diagnostics, has_colour(&io::stderr())) + "\n";
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Prints the progress of a command to stderr. Errors of stderr are ignored.
pub(super) fn print_progress(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints an error that has no place in the file.
pub(super) fn print_error(message: &str, help: &str) {
    print_diagnostics(&[Diagnostic::for_file(message, help)]);
}
