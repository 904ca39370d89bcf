//! The warnings that an edit causes.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::{LintContext, ParsedConfig};

/// Returns a warning if this user may not read files that the gateway needs. The gateway may, as another user.
pub(super) fn unchecked(reading: &ParsedConfig) -> Option<Diagnostic> {
    // Several keys may name one file.
    let messages: BTreeSet<&str> = reading.unchecked.iter().map(String::as_str).collect();
    let message = messages.into_iter().collect::<Vec<_>>().join("; ");
    let help = "make sure that the gateway's user can read it";
    (!message.is_empty()).then(|| Diagnostic {
        severity: Severity::Warning,
        ..Diagnostic::for_file(format!("not checked: {message}"), help)
    })
}

/// Returns the later config, and the warnings at `now` that the earlier one does not have. Warnings that differ in line
/// numbers or times only count as the same.
pub(super) fn added_warnings(
    mut before: ParsedConfig,
    mut after: ParsedConfig,
    now: Timestamp,
) -> (ParsedConfig, Vec<Diagnostic>) {
    let context = LintContext::new(now);
    after.lint(&context);
    if after.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Warning) {
        return (after, Vec::new());
    }
    before.lint(&context);
    let mut known = HashMap::<_, usize>::new();
    for warning in before.diagnostics.iter().filter_map(warning_key) {
        *known.entry(warning).or_default() += 1;
    }
    let is_new = |diagnostic: &&Diagnostic| {
        warning_key(diagnostic).is_some_and(|key| match known.get_mut(&key) {
            Some(left @ 1..) => {
                *left -= 1;
                false
            }
            _ => true,
        })
    };
    let added = after.diagnostics.iter().filter(is_new).cloned().collect();
    (after, added)
}

/// Returns the message of a warning without times and line numbers: two warnings with the same key are the same.
fn warning_key(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.severity != Severity::Warning {
        return None;
    }
    let is_number =
        |word: &str| word.trim_start_matches(['(', '+', '-']).starts_with(|c: char| c.is_ascii_digit());
    // A number before "more" is a count, which tells that there is something new.
    let is_kept = |&(word, next): &(&str, Option<&str>)| !is_number(word) || next == Some("more");
    let words = diagnostic.message.split(' ');
    let next = words.clone().skip(1).map(Some).chain([None]);
    let words: Vec<_> = words.zip(next).filter(is_kept).map(|(word, _)| word).collect();
    Some(words.join(" "))
}
