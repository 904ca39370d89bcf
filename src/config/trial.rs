//! Tries a remedy before it is advised, so that following it does not lead to the next error.

use std::path::Path;

use super::diagnostic::Severity;
use super::document::Document;
use super::keys::TOP;
use super::report::Report;
use super::templates::Templates;
use super::validate::validate;
use crate::invalid_value::InvalidValue;

/// What is wrong with `key = value` in a section; `None` if nothing is.
pub(super) fn fault(section: &str, key: &str, value: &str) -> Option<InvalidValue> {
    let header = if section == TOP { String::new() } else { format!("{section}\n{}", company(section, key)) };
    let text = format!("{header}{key} = {value}\n");
    let report = Report::trial(text);
    let document = Document::parse(&report);
    let mut templates = Templates::new(Path::new(""), &|_| Ok(String::new()));
    validate(&document, Path::new(""), &report, &mut templates);
    let mut errors = report.diagnostics().into_iter().filter(|d| d.severity == Severity::Error);
    let of_the_value = |d: &super::diagnostic::Diagnostic| {
        d.place.as_ref().is_some_and(|place| place.span.start >= header.len())
    };
    errors.find(of_the_value).map(|d| InvalidValue { message: d.message, help: d.help.unwrap_or_default() })
}

/// The keys that a period needs beside one of its keys.
fn company(section: &str, key: &str) -> &'static str {
    match (section, key) {
        ("[[period]]", "start") => "",
        ("[[period]]", "cron") => "for = '1h'\n",
        ("[[period]]", "except") => "cron = '0 0 * * *'\nfor = '1h'\n",
        ("[[period]]", _) => "start = 1970-01-01T00:00:00Z\n",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_is_tried_as_if_it_stood_in_the_file() {
        for (section, key, value, message) in [
            (TOP, "timezone", "'Europe/Berlin'", None),
            (TOP, "timezone", "'Europe/Berln'", Some("unknown time zone `Europe/Berln`")),
            ("[server]", "listen", "['127.0.0.1:80']", None),
            ("[site]", "upstream", "'http://127.0.0.1:8000'", None),
            ("[response]", "template", "'x.html'", None),
            ("[[period]]", "start", "2026-12-01T22:00:00Z", None),
            ("[[period]]", "end", "2026-12-01T22:00:00Z", None),
            ("[[period]]", "for", "'2h'", None),
            ("[[period]]", "cron", "'0 1 * * *'", None),
            ("[[period]]", "except", "[2026-12-26]", None),
            ("[[period]]", "methods", "['POST']", None),
            ("[[period]]", "start", "2026-12-01", Some("this is a date without a time")),
        ] {
            assert_eq!(fault(section, key, value).map(|f| f.message).as_deref(), message, "{key} = {value}");
        }
        assert!(fault("[[period]]", "for", "2h").is_some());
    }
}
