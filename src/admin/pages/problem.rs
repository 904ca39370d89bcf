//! What is wrong with a request, for a page or as problem details (RFC 9457).

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::form::FormValues;
use crate::admin::response::with_body;
use crate::config::diagnostic::{Diagnostic, without_passwords};
use crate::editing::{EditFailure, EditRefusal};
use crate::summary::to_json;

/// The reason why a request was not carried out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    #[serde(skip)]
    pub(super) status: StatusCode,
    /// What is wrong.
    pub(super) title: String,
    /// The remedy.
    pub(super) text: Option<String>,
    /// What has changed in the file since the form was made.
    pub(super) changes: Vec<String>,
    /// What is wrong with the values.
    pub(super) list: Vec<ProblemItem>,
}

/// One thing that is wrong, or probably a mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ProblemItem {
    /// The field of the form that it is about.
    pub(super) field: Option<String>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl ProblemItem {
    /// Returns what is wrong with a field.
    pub(super) fn of_field(field: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), message: message.into(), help: Some(help.into()) }
    }

    /// Returns what is wrong in the file, with its name and line.
    pub(super) fn in_file(diagnostic: &Diagnostic) -> Self {
        let item = Self::from(diagnostic);
        match (&diagnostic.place, diagnostic.line_column()) {
            (Some(place), Some((line, _))) => {
                Self { message: format!("{}, line {line}: {}", place.source.name, item.message), ..item }
            }
            _ => item,
        }
    }
}

impl From<&Diagnostic> for ProblemItem {
    fn from(diagnostic: &Diagnostic) -> Self {
        let shown = |text: &str| sentence(&without_passwords(text));
        Self { field: None, message: shown(&diagnostic.message), help: diagnostic.help.as_deref().map(shown) }
    }
}

impl Problem {
    pub(super) fn new(status: StatusCode, title: impl Into<String>, text: impl Into<String>) -> Self {
        let (title, text) = (title.into(), Some(text.into()));
        Self { status, title, text, changes: Vec::new(), list: Vec::new() }
    }

    pub(super) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Page not found",
            "It does not exist, or it has been deleted or changed.",
        )
    }

    /// Returns the problem of values that cannot be saved.
    pub(super) fn of_values(list: Vec<ProblemItem>) -> Self {
        let title = "Nothing is saved yet: please correct the following";
        Self { text: None, list, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, title, "") }
    }

    /// Returns the problem of an edit. `item` finds the field that a diagnostic is about. `None`: the file has changed.
    pub(super) fn of_failure(
        failure: EditFailure,
        item: impl Fn(&Diagnostic) -> ProblemItem,
    ) -> Option<Self> {
        Some(match failure {
            EditFailure::Refused(EditRefusal::Changed) => return None,
            EditFailure::Refused(EditRefusal::WouldBeInvalid(diagnostics)) => {
                Self::of_values(diagnostics.iter().map(item).collect())
            }
            EditFailure::Refused(EditRefusal::Invalid(diagnostics)) => {
                let title = "The file is invalid, so nothing was changed";
                let text = "Fix the errors in the file first; until then the gateway keeps its last valid configuration.";
                let list = diagnostics.iter().map(ProblemItem::in_file).collect();
                Self { list, ..Self::new(StatusCode::CONFLICT, title, text) }
            }
            EditFailure::Refused(EditRefusal::Cannot(message, help)) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, sentence(&message), sentence(&help))
            }
            EditFailure::File(error) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                sentence(&error.problem()),
                sentence(error.admin_help()),
            ),
        })
    }

    /// Returns what is wrong with each field.
    pub(super) fn by_field(problem: Option<&Self>) -> FormValues {
        let items = problem.into_iter().flat_map(|problem| &problem.list);
        items.filter_map(|item| Some((item.field.clone()?, item.message.clone()))).collect()
    }

    /// Returns the problem as JSON.
    pub(super) fn to_json(&self) -> Response<Bytes> {
        let Self { status, title, text, changes, list } = self;
        let mut document = json!({ "type": "about:blank", "title": title, "status": status.as_u16() });
        if let Some(text) = text {
            document["detail"] = text.as_str().into();
        }
        if !changes.is_empty() {
            document["changes"] = changes.clone().into();
        }
        if !list.is_empty() {
            document["errors"] = json!(list);
        }
        with_body(*status, "application/problem+json", to_json(&document))
    }
}

/// Returns a text with a capital letter at its start.
pub(in crate::admin) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
