//! What commands print: results to stdout, diagnostics to stderr.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::config::diagnostic::{self, Diagnostic};

/// Prints a result to stdout. If the reader has left, as `head` does, that succeeds; any other failure to write is
/// reported on stderr.
pub(super) fn print_result(text: &str) -> Result<(), ExitCode> {
    print_result_of("", text)
}

/// As [`print_result`]; an error begins with what was done nevertheless.
pub(super) fn print_result_of(done: &str, text: &str) -> Result<(), ExitCode> {
    let mut stdout = io::stdout().lock();
    check_written(done, stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Fails if a result could not be written, unless its reader has left.
pub(super) fn check_written(done: &str, written: io::Result<()>) -> Result<(), ExitCode> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let message = format!("{done}cannot write the result to stdout: {error}");
            print_error(&message, "check where stdout goes");
            Err(ExitCode::FAILURE)
        }
        _ => Ok(()),
    }
}

/// Prints diagnostics to stderr, in colour on a terminal. If the reader has left, that is ignored.
pub(super) fn print_diagnostics(diagnostics: &[Diagnostic]) {
    if !diagnostics.is_empty() {
        let text = diagnostic::render_all(diagnostics, colour(&io::stderr())) + "\n";
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Prints an error that is not of a place in the file.
pub(super) fn print_error(message: &str, help: &str) {
    print_diagnostics(&[Diagnostic::for_file(message, help)]);
}

/// Colour is for terminals, and for those who have not asked for none (no-color.org).
pub(super) fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A text of another program or of a file in one line, without what a terminal acts on.
pub(super) fn escaped(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        for (text, expected) in [
            ("é \u{1f600} \"x\"", "é \u{1f600} \"x\""),
            ("\u{1b}[2J\r\n", "\\u{1b}[2J\\r\\n"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
