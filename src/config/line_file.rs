//! Files with an entry on each line: those that name the operators of the admin page.

use super::diagnostic::Diagnostic;
use crate::escape;

/// The longest name of an operator, in characters.
const MAX_NAME: usize = 64;
/// The number of errors that are reported for one file.
const MAX_ERRORS: usize = 20;

/// A line with an entry.
pub(super) struct Line<'s> {
    /// The text, without the newline.
    pub(super) text: &'s str,
    /// The name of the file.
    file: &'s str,
    number: usize,
}

/// Reads the entries of a file with this name. Empty lines and those that begin with `#` have none.
///
/// # Errors
/// Those of the first lines that have one.
pub(super) fn read<T>(
    file: &str,
    text: &str,
    mut entry: impl FnMut(&[T], &Line<'_>) -> Result<T, Diagnostic>,
) -> Result<Vec<T>, Vec<Diagnostic>> {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    let lines = text.lines().enumerate().map(|(index, text)| Line { text, file, number: index + 1 });
    for line in lines.filter(|line| !line.text.trim().is_empty() && !line.text.starts_with('#')) {
        match entry(&entries, &line) {
            Ok(entry) => entries.push(entry),
            Err(error) => errors.push(error),
        }
        if errors.len() == MAX_ERRORS {
            break;
        }
    }
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

impl Line<'_> {
    /// Returns an error about the line. The line may hold a secret, so its text is not shown.
    pub(super) fn error(&self, message: &str, help: impl Into<String>) -> Diagnostic {
        Diagnostic::for_file(format!("{}:{}: {message}", self.file, self.number), help)
    }

    /// Checks the name of an operator: it is shown on pages and in the log.
    pub(super) fn name(&self, name: &str) -> Result<String, Diagnostic> {
        check_name(name).map_err(|fault| {
            let help = format!("write a name of at most {MAX_NAME} characters before the first `:`");
            self.error(&format!("the name {fault}"), help)
        })?;
        Ok(name.to_owned())
    }
}

/// Returns what is wrong with the name of an operator, as a predicate.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.trim().is_empty() {
        Err("is empty")
    } else if name.chars().count() > MAX_NAME {
        Err("is too long")
    } else if name.chars().any(escape::is_unsafe) || name.trim() != name {
        Err("has a control character, or begins or ends with a space")
    } else {
        Ok(())
    }
}
