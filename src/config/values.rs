//! What single values mean, wherever they are: zones, durations, redirects, choices.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::document::Field;
use super::report::Report;
use super::{duration, zones};
use crate::decision::down_response::Redirect;

/// The zone that a key names.
pub(super) fn time_zone(name: &Field<String>, report: &Report) -> Option<TimeZone> {
    let name = name.as_ref()?;
    let zone = TimeZone::get(name.get_ref()).ok();
    if zone.is_none() {
        report.error_with(name.span(), || zones::unknown(name.get_ref()));
    }
    zone
}

/// The duration that a key names: longer than zero.
pub(super) fn duration(written: &Field<String>, report: &Report) -> Option<Duration> {
    let written = written.as_ref()?;
    let span = written.span();
    let line = report.text().get(report.line_start(span.start)..span.start).unwrap_or_default();
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    let read = duration::parse(written.get_ref(), duration::units(key));
    read.map_err(|fault| report.error(span, fault.message, fault.help)).ok()
}

/// The redirect that a key names.
pub(super) fn redirect(text: &str, span: std::ops::Range<usize>, report: &Report) -> Option<Redirect> {
    Redirect::parse(text).map_err(|fault| report.error(span, fault.message, fault.help)).ok()
}

/// Returns true if a text is what people write to turn off what only `false` turns off.
pub(super) fn means_off(text: &str) -> bool {
    matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "" | "false" | "off" | "no" | "none" | "null" | "disabled"
    )
}

/// One of two words; the first is the default.
pub(super) fn choice<T: Copy>(written: &Field<String>, choices: [(&str, T); 2], report: &Report) -> T {
    let [first, second] = choices;
    match written {
        None => first.1,
        Some(text) if text.get_ref() == first.0 => first.1,
        Some(text) if text.get_ref() == second.0 => second.1,
        Some(text) => {
            let help = format!("write `{}` or `{}`", first.0, second.0);
            report.error(text.span(), format!("unknown value `{}`", text.get_ref()), help);
            first.1
        }
    }
}
