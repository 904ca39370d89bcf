//! Edits of the file on behalf of an operator: made, recorded in the log, awaited in the gateway, and reported.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;
use tokio::runtime::Handle;

use super::notices::Notice;
use super::problem::{Problem, ProblemItem, sentence};
use super::visit::Visit;
use crate::admin::response::see_other;
use crate::clock;
use crate::config::Config;
use crate::config::diagnostic::Diagnostic;
use crate::editing::{self, EditPlan, EditRefusal, EditSource, Edited, Wait};
use crate::summary::state_line;

/// The field with the hash of the version that a form was made for.
pub(super) const VERSION: &str = "sha256";

/// What an edit changes, and the lines that report it.
pub(super) type Plan = EditPlan<Vec<String>>;

/// A change that was made.
pub(super) struct SavedChange {
    /// What became of the file.
    edited: Edited<Vec<String>>,
    /// The status of the response for programs.
    status: StatusCode,
}

/// Returns what has changed, if the form is for another version of the file than the current one.
pub(super) fn conflict(visit: &Visit<'_>) -> Option<Problem> {
    let opened = visit.request.field(VERSION).filter(|opened| !opened.is_empty())?;
    (opened != visit.sha256()).then(|| changed(visit, opened))
}

/// Returns the problem that the file is not the version that a form was made for.
pub(super) fn changed(visit: &Visit<'_>, opened: &str) -> Problem {
    let known = visit.file.versions.get(opened).zip(visit.file.versions.get(visit.sha256()));
    let changes = match known {
        // It changed between reading it and writing it.
        _ if opened == visit.sha256() => vec!["somebody else saved at the same moment".to_owned()],
        Some((opened, current)) => opened.changes_to(&current),
        None => vec!["the version that you opened is not known any more: compare the values".to_owned()],
    };
    let title = "The file was changed meanwhile, so nothing is saved yet";
    let text = "What you typed is still here. Look at the changes below, and save again.";
    Problem { changes, ..Problem::new(StatusCode::CONFLICT, title, text) }
}

/// Edits the file, if it is still the version of the form.
pub(super) fn edit(
    visit: &Visit<'_>,
    status: StatusCode,
    item: impl Fn(&Diagnostic) -> ProblemItem,
    plan: impl Fn(&EditSource<'_>) -> Result<Plan, EditRefusal>,
) -> Result<SavedChange, Problem> {
    let opened = visit.request.field(VERSION).filter(|opened| !opened.is_empty());
    let edited = editing::edit(&visit.file.path, Wait::IfManaged, |source| {
        if opened.is_some_and(|opened| opened != source.sha256) {
            return Err(EditRefusal::Changed);
        }
        plan(source)
    });
    let edited = edited.map_err(|failure| {
        Problem::of_failure(failure, item).unwrap_or_else(|| changed(visit, opened.unwrap_or(visit.sha256())))
    })?;
    if let Some(path) = &edited.path {
        visit.request.record_change(&format!("{}: {}", path.display(), edited.outcome.join("; ")));
    }
    Ok(SavedChange { edited, status })
}

impl SavedChange {
    /// Returns what the file compiles to now.
    pub(super) fn config(&self) -> &Config {
        &self.edited.config
    }

    /// Adds warnings.
    pub(super) fn warn(&mut self, warnings: Vec<Diagnostic>) {
        self.edited.warnings.extend(warnings);
    }

    /// Waits for the gateway, and responds: people get to another page, programs get JSON with these further members.
    pub(super) fn respond(self, visit: &Visit<'_>, further: serde_json::Value) -> Response<Bytes> {
        let report = self.report(visit);
        if !visit.request.wants_json {
            let key = visit.file.notices.keep(report.notice());
            return see_other(format!("/?done={key}"));
        }
        let Edited { path, sha256, warnings, .. } = &self.edited;
        let mut document = json!({
            "done": report.lines,
            "state": report.state,
            "sha256": sha256,
            "file": path.as_ref().map(|path| path.display().to_string()),
            "applied": report.applied,
            "gateway": report.gateway,
            "warnings": warnings.iter().map(ProblemItem::from).collect::<Vec<_>>(),
        });
        if let (Some(document), serde_json::Value::Object(further)) = (document.as_object_mut(), further) {
            document.extend(further);
        }
        super::json(self.status, &document)
    }

    /// Waits for the gateway, and describes everything.
    pub(super) fn report(&self, visit: &Visit<'_>) -> ChangeReport {
        let Edited { config, outcome, warnings, awaited, path, .. } = &self.edited;
        let (applied, gateway) = match awaited {
            None => (None, "The gateway was not asked: the file has no [management], so it is not known when it applies this.".to_owned()),
            Some(awaited) => match Handle::current().block_on(awaited.applied(&visit.file.path)) {
                Ok(applied) => (Some(true), sentence(&applied.to_string())),
                Err(error) => {
                    let errors = error.diagnostics(awaited, "downtime status", true);
                    let texts: Vec<_> = errors.iter().map(|error| sentence(&error.message)).collect();
                    (Some(false), texts.join(". "))
                }
            },
        };
        let now = clock::now();
        let state = state_line(config, &config.rules.schedule.at(now), now);
        let mut lines: Vec<_> = outcome.iter().map(|line| sentence(line)).collect();
        if path.is_none() {
            lines.push("Nothing had to be changed in the file.".to_owned());
        }
        ChangeReport {
            lines,
            state,
            applied,
            gateway,
            warnings: warnings.iter().map(ProblemItem::from).collect(),
        }
    }
}

/// What became of a change.
pub(super) struct ChangeReport {
    pub(super) lines: Vec<String>,
    state: String,
    /// True if the gateway has applied it; `None` if it was not asked.
    applied: Option<bool>,
    /// What the gateway says.
    gateway: String,
    warnings: Vec<ProblemItem>,
}

impl ChangeReport {
    pub(super) fn notice(&self) -> Notice {
        let Self { lines, applied, gateway, warnings, .. } = self;
        let lines = lines.iter().chain([gateway]).cloned().collect();
        Notice { lines, warnings: warnings.clone(), is_unsure: *applied != Some(true) }
    }
}
