//! Warns of durations in months that were probably meant in minutes.

use jiff::SignedDuration;

use super::LintInput;
use crate::config::document::Field;
use crate::schedule::human_time::length;

pub(super) fn lint(input: &LintInput<'_>) {
    let document = input.document;
    let keys = [
        &document.server.stop_delay,
        &document.server.stop_timeout,
        &document.site.connect_timeout,
        &document.site.response_timeout,
        &document.response.retry_after,
        &document.response.close_tunnels_after,
        &document.limits.head_timeout,
        &document.limits.idle_timeout,
        &document.limits.send_timeout,
        &document.limits.body_timeout,
        &document.limits.handshake_timeout,
        &document.limits.upstream_idle,
        &document.limits.tunnel_idle,
    ];
    let periods = document.periods.iter().map(|table| &table.duration);
    for field in keys.into_iter().chain(periods) {
        lint_months(field, input);
    }
}

fn lint_months(field: &Field<String>, input: &LintInput<'_>) {
    let Some(field) = field.as_ref().filter(|_| has_months(field)) else { return };
    let text = field.get_ref();
    let Ok(duration) = humantime::parse_duration(text) else { return };
    let lasts = SignedDuration::try_from(duration).map_or_else(|_| "long".into(), length);
    let message = format!("`{text}` is {lasts}: `M` means months, `m` means minutes");
    let help =
        format!("did you mean `{}`? For months, write `months` instead of `M`", text.replace('M', "m"));
    input.warn(field.span(), message, help);
}

/// Returns true if a duration has the unit `M`. No other unit contains that letter.
pub(super) fn has_months(field: &Field<String>) -> bool {
    field.as_ref().is_some_and(|text| text.get_ref().contains('M'))
}
