//! The diagnostics of the file, as `downtime --check` prints them.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use super::problem::ProblemItem;
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
    items: Vec<ShownDiagnostic>,
}

#[derive(Serialize)]
struct ShownDiagnostic {
    #[serde(flatten)]
    item: ProblemItem,
    /// The place, with the line of the file and the caret under the value.
    listing: Option<String>,
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
        |id, title, severity| DiagnosticGroup { id, title, items: shown(&reading.diagnostics, severity) };
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

fn shown(diagnostics: &[Diagnostic], severity: Severity) -> Vec<ShownDiagnostic> {
    let of_severity = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity);
    let shown = |diagnostic: &Diagnostic| ShownDiagnostic {
        item: ProblemItem::from(diagnostic),
        listing: diagnostic.place.as_ref().map(|_| listing(diagnostic)),
    };
    of_severity.map(shown).collect()
}

/// Returns what is printed between the message and the help.
fn listing(diagnostic: &Diagnostic) -> String {
    let text = Diagnostic { help: None, ..diagnostic.clone() }.render(false);
    let lines = text.lines().skip_while(|line| !line.trim_start().starts_with("--> "));
    without_passwords(&lines.collect::<Vec<_>>().join("\n"))
}
