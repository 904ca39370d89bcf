//! Months where minutes were meant.

use jiff::SignedDuration;

use super::LintInput;
use crate::config::document::Field;
use crate::schedule::human_time::length;

pub(super) fn lint(subject: &LintInput<'_>) {
    let document = subject.document;
    let site = [&document.site.connect_timeout, &document.site.response_timeout];
    let periods = document.periods.iter().map(|table| &table.duration);
    for written in site.into_iter().chain([&document.response.retry_after]).chain(periods) {
        lint_months(written, subject);
    }
}

fn lint_months(written: &Field<String>, subject: &LintInput<'_>) {
    let Some(written) = written.as_ref().filter(|_| has_months(written)) else { return };
    let text = written.get_ref();
    let Ok(duration) = humantime::parse_duration(text) else { return };
    let lasts = SignedDuration::try_from(duration).map_or_else(|_| "long".into(), length);
    let message = format!("`{text}` is {lasts}: `M` is a month, `m` a minute");
    let help = format!("did you mean `{}`? Else write `months`", text.replace('M', "m"));
    subject.warn(written.span(), message, help);
}

/// Returns true if a duration has the unit `M` in it, of which no other has a part.
pub(super) fn has_months(written: &Field<String>) -> bool {
    written.as_ref().is_some_and(|text| text.get_ref().contains('M'))
}
