//! The diagnostics of the file, as `downtime --check` prints them.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use super::visit::Visit;
use crate::config::diagnostic::{Diagnostic, Severity, without_passwords};
use crate::summary::Summary;

#[derive(Serialize)]
struct CheckPage {
    is_valid: bool,
    is_empty: bool,
    leads: Vec<String>,
    groups: Vec<DiagnosticGroup>,
}

#[derive(Serialize)]
struct DiagnosticGroup {
    id: &'static str,
    title: &'static str,
    items: Vec<String>,
}

/// Responds with the diagnostics.
pub(super) fn respond(mut visit: Visit<'_>) -> Response<Bytes> {
    visit.loaded.lint(visit.now);
    let reading = &visit.loaded.reading;
    if visit.request.wants_json {
        let summary = Summary::new(reading.config.as_ref(), &reading.diagnostics, visit.now);
        return super::json(StatusCode::OK, &summary);
    }
    let is_valid = reading.config.is_some();
    let mut leads = vec![visit.file.path.display().to_string()];
    let periods = reading.periods_file.as_ref().map(|periods| periods.path.display().to_string());
    leads.extend(periods.map(|path| format!("with the periods in {path}")));
    if !is_valid {
        leads.push("The gateway keeps its last valid configuration until the errors are fixed.".to_owned());
    }
    let group =
        |id, title, severity| DiagnosticGroup { id, title, items: rendered(&reading.diagnostics, severity) };
    let page = CheckPage {
        is_valid,
        is_empty: reading.diagnostics.is_empty(),
        leads: vec![leads.join("; ")],
        groups: vec![
            group("errors", "Errors", Severity::Error),
            group("warnings", "Warnings", Severity::Warning),
            group("notes", "Notes", Severity::Note),
        ],
    };
    visit.page(StatusCode::OK, ("check", "Check"), &page)
}

fn rendered(diagnostics: &[Diagnostic], severity: Severity) -> Vec<String> {
    let of_severity = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity);
    of_severity.map(|diagnostic| without_passwords(&diagnostic.render(false))).collect()
}
