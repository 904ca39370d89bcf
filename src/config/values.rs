//! What single values mean, wherever they stand: zones, durations, redirects, choices.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::document::Field;
use super::report::Report;
use crate::answer::Redirect;

/// The zone that a key names.
pub(super) fn time_zone(name: &Field<String>, report: &Report) -> Option<TimeZone> {
    let name = name.as_ref()?;
    let zone = TimeZone::get(name.get_ref());
    if zone.is_err() {
        let message = format!("unknown time zone `{}`", name.get_ref());
        report.error(name.span(), message, nearest_zone(name.get_ref()));
    }
    zone.ok()
}

fn nearest_zone(name: &str) -> String {
    let near = |zone: &str| strsim::jaro_winkler(&zone.to_lowercase(), &name.to_lowercase());
    let zones = jiff::tz::db().available();
    let nearest = zones.map(|zone| zone.to_string()).max_by(|a, b| near(a).total_cmp(&near(b)));
    match nearest.filter(|zone| near(zone) > 0.8) {
        Some(zone) => format!("write `{zone}`"),
        None => "write an IANA name, such as `Europe/Berlin` or `UTC`".into(),
    }
}

/// The duration that a key names: longer than zero.
pub(super) fn duration(written: &Field<String>, report: &Report) -> Option<Duration> {
    let written = written.as_ref()?;
    let read = humantime::parse_duration(written.get_ref());
    match &read {
        Ok(duration) if !duration.is_zero() => return read.ok(),
        Ok(_) => report.error(written.span(), "a duration of zero", "write one such as `5m` or `1h 30m`"),
        Err(error) => {
            let message = format!("`{}` is no duration: {error}", written.get_ref());
            report.error(written.span(), message, "write one such as `90s`, `5m` or `1h 30m`");
        }
    }
    None
}

/// The redirect that a key names.
pub(super) fn redirect(text: &str, span: std::ops::Range<usize>, report: &Report) -> Option<Redirect> {
    Redirect::parse(text).map_err(|help| report.error(span, "no visitor can be sent here", help)).ok()
}

/// One of two words; the first is the default.
pub(super) fn choice<T: Copy>(written: &Field<String>, choices: [(&str, T); 2], report: &Report) -> T {
    let [first, second] = choices;
    match written {
        None => first.1,
        Some(text) if text.get_ref() == first.0 => first.1,
        Some(text) if text.get_ref() == second.0 => second.1,
        Some(text) => {
            let help = format!("write \"{}\" or \"{}\"", first.0, second.0);
            report.error(text.span(), format!("unknown value `{}`", text.get_ref()), help);
            first.1
        }
    }
}
