//! Validates a suggestion before it is made, so that following it does not lead to the next error.

use std::path::Path;

use super::diagnostic::{Diagnostic, Severity};
use super::document::Document;
use super::keys::TOP;
use super::read_file::{UnreadableCause, UnreadableFile};
use super::report::Report;
use super::templates::Templates;
use super::tls_files::{TlsFiles, UnusableCertificate};
use super::validate::validate;
use crate::invalid_value::InvalidValue;

/// Returns the error that `key = value` in `section` would cause, if any.
pub(super) fn error(section: &str, key: &str, value: &str) -> Option<InvalidValue> {
    let header =
        if section == TOP { String::new() } else { format!("{section}\n{}", required_keys(section, key)) };
    let text = format!("{header}{key} = {value}\n");
    let report = Report::trial(text);
    let document = Document::parse(&report);
    let mut templates = Templates::new(Path::new(""), &|_| Ok(Vec::new()));
    let unread = |_: &Path| {
        Err(UnreadableFile {
            message: String::new(),
            cause: UnreadableCause::Private,
            closed_directory: None,
        })
    };
    let mut tls_files = TlsFiles::new(Path::new(""), &unread, UnusableCertificate::Note);
    validate(&document, Path::new(""), &unread, &report, &mut templates, &mut tls_files);
    let mut errors = report.diagnostics().into_iter().filter(|d| d.severity == Severity::Error);
    let is_about_the_value =
        |d: &Diagnostic| d.place.as_ref().is_some_and(|place| place.span.start >= header.len());
    errors
        .find(is_about_the_value)
        .map(|d| InvalidValue { message: d.message, help: d.help.unwrap_or_default() })
}

/// Returns the lines that a section needs to be valid, apart from `key`.
fn required_keys(section: &str, key: &str) -> &'static str {
    match (section, key) {
        ("[server]", "listen") => "tls = [{ cert = 'cert.pem', key = 'key.pem' }]\n",
        ("[[server.tls]]", "cert") => "key = 'key.pem'\n",
        ("[site.tls]", "cert") => "key = 'client.key'\n",
        ("[site.tls]", "key") => "cert = 'client.pem'\n",
        ("[[server.tls]]", _) => "cert = 'cert.pem'\n",
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
    fn a_suggestion_is_validated_as_a_line_of_the_file() {
        for (section, key, value, message) in [
            (TOP, "timezone", "'Europe/Berlin'", None),
            (TOP, "timezone", "'Europe/Berln'", Some("unknown time zone `Europe/Berln`")),
            ("[server]", "listen", "['127.0.0.1:80']", None),
            ("[server]", "listen", "['https://:443']", None),
            ("[site]", "upstream", "'http://127.0.0.1:8000'", None),
            ("[site.tls]", "ca", "'ca.pem'", None),
            ("[site.tls]", "cert", "'client.pem'", None),
            ("[response]", "template", "'x.html'", None),
            ("[[period]]", "start", "2026-12-01T22:00:00Z", None),
            ("[[period]]", "end", "2026-12-01T22:00:00Z", None),
            ("[[period]]", "for", "'2h'", None),
            ("[[period]]", "cron", "'0 1 * * *'", None),
            ("[[period]]", "except", "[2026-12-26]", None),
            ("[[period]]", "methods", "['POST']", None),
            ("[[period]]", "start", "2026-12-01", Some("this is a date without a time")),
        ] {
            assert_eq!(error(section, key, value).map(|f| f.message).as_deref(), message, "{key} = {value}");
        }
        assert!(error("[[period]]", "for", "2h").is_some());
    }
}
