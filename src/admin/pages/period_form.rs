//! The form that plans and edits a period.

use std::path::Path;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::form::{self, FormContext, FormValues, field_of_key, of_table, typed};
use super::identity::{find_moved, find_period, id_of_name};
use super::keys::{KeyChanges, changes, past_start, skipped_times};
use super::periods::periods_json;
use super::problem::{Problem, ProblemItem};
use super::save::{self, Plan, VERSION, conflict};
use super::visit::Visit;
use crate::config::Config;
use crate::config::diagnostic::Diagnostic;
use crate::config::edit::{self, Change, Literal};
use crate::editing::{EditPlan, EditRefusal, EditSource, Edited, check, first_editable};
use crate::schedule::period::Period;
use crate::summary::describe_period;

/// A form for a period that is in the file, or for a new one.
pub(super) struct PeriodForm<'v> {
    pub(super) visit: &'v Visit<'v>,
    pub(super) config: &'v Config,
    pub(super) context: FormContext,
    /// The period; `None` for a new one.
    pub(super) index: Option<usize>,
    /// The values in the file.
    pub(super) current: FormValues,
}

/// What the page says besides the values.
#[derive(Default)]
pub(super) struct Remarks {
    pub(super) problem: Option<Problem>,
    /// The values that somebody else has changed meanwhile.
    pub(super) theirs: FormValues,
    /// The warnings of a check, and what the period would mean.
    pub(super) checked: Option<(Vec<ProblemItem>, Vec<String>)>,
}

impl<'v> PeriodForm<'v> {
    /// Returns the form for a new period.
    pub(super) fn blank(visit: &'v Visit<'v>) -> Result<Self, Problem> {
        let config = visit.valid()?;
        let context = FormContext::new(config);
        let current = of_table(&toml::Table::new(), &context);
        Ok(Self { visit, config, context, index: None, current })
    }

    /// Returns the form for a period.
    pub(super) fn of_period(visit: &'v Visit<'v>, id: &str) -> Result<Self, Problem> {
        let config = visit.valid()?;
        let index = find_period(config.rules.schedule.periods(), &visit.ids, id);
        Self::of_index(visit, index.ok_or_else(Problem::not_found)?)
    }

    fn of_index(visit: &'v Visit<'v>, index: usize) -> Result<Self, Problem> {
        let form = Self::blank(visit)?;
        let source = visit.source().ok_or_else(Problem::not_found)?;
        let table = source.period_table(index);
        let table = table.map_err(|error| {
            Problem::new(StatusCode::CONFLICT, "The period cannot be edited here", error.to_string())
        })?;
        let current = of_table(&table, &form.context);
        Ok(Self { index: Some(index), current, ..form })
    }

    /// Responds with the form, or with the period as JSON.
    pub(super) fn respond(&self) -> Response<Bytes> {
        if self.visit.request.wants_json {
            let periods = periods_json(self.visit, self.config);
            let mut period = self.index.and_then(|index| periods.into_iter().nth(index)).unwrap_or_default();
            period["sha256"] = self.visit.sha256().into();
            period["values"] = json!(self.current);
            return super::json(StatusCode::OK, &period);
        }
        self.render(StatusCode::OK, self.current.clone(), Remarks::default())
    }

    /// Saves what was typed, or checks it.
    pub(super) fn submit(&self) -> Response<Bytes> {
        let (values, problems) = typed(&self.visit.request.fields, &self.context);
        let shown = || self.current.clone().into_iter().chain(values.clone()).collect();
        if let Some(problem) = conflict(self.visit) {
            let (values, theirs) = self.merge(&values);
            return self.refuse(values, Remarks { problem: Some(problem), theirs, ..Remarks::default() });
        }
        let result =
            if problems.is_empty() { self.changes(&values) } else { Err(Problem::of_values(problems)) };
        let outcome = result.and_then(|changes| {
            if self.visit.request.field("action") == Some("check") {
                self.check(&changes, &values)
            } else {
                self.save(&changes, &values)
            }
        });
        match outcome {
            Ok(Submitted::Saved(response)) => response,
            Ok(Submitted::Checked(warnings, lines)) if self.visit.request.wants_json => {
                super::json(StatusCode::OK, &json!({ "valid": true, "warnings": warnings, "plan": lines }))
            }
            Ok(Submitted::Checked(warnings, lines)) => self.render(
                StatusCode::OK,
                shown(),
                Remarks { checked: Some((warnings, lines)), ..Remarks::default() },
            ),
            Err(problem) => self.refuse(shown(), Remarks { problem: Some(problem), ..Remarks::default() }),
        }
    }

    fn changes(&self, values: &FormValues) -> Result<KeyChanges, Problem> {
        let changes = changes(&self.current, values, &self.context);
        let KeyChanges { mut set, remove } =
            changes.map_err(|items| Problem::of_values(self.on_page(items, values)))?;
        if self.index.is_some() {
            return Ok(KeyChanges { set, remove });
        }
        let has = |key: &str| values.get(key).is_some_and(|value| !value.is_empty());
        if !has("start") && !has("cron") {
            let message = "A downtime needs a start";
            let item = ProblemItem::of_field("start", message, "Write when it starts, or make it repeat");
            return Err(Problem::of_values(vec![item]));
        }
        if let Some(item) = past_start(&set, &self.config.timezone, self.visit.now) {
            return Err(Problem::of_values(self.on_page(vec![item], values)));
        }
        set.retain(|(key, value)| *key != "enabled" || *value != Literal::Bool(true));
        Ok(KeyChanges { set, remove })
    }

    /// Returns what is wrong, with the fields of the page instead of keys.
    fn on_page(&self, items: Vec<ProblemItem>, values: &FormValues) -> Vec<ProblemItem> {
        let is_page = !self.visit.request.wants_json;
        let renamed = |item: ProblemItem| {
            let field = item.field.map(|key| if is_page { field_of_key(&key, values) } else { key });
            ProblemItem { field, ..item }
        };
        items.into_iter().map(renamed).collect()
    }

    fn plan(&self, changes: &KeyChanges, notes: &[String]) -> Plan {
        let KeyChanges { set, remove } = changes.clone();
        let (changes, line) = match self.index {
            None => (Change::Append(set), format!("planned {}", self.named(changes))),
            Some(period) => (
                Change::Alter { period, set, remove },
                format!("changed {}{}", self.named(changes), described(changes)),
            ),
        };
        EditPlan { changes: vec![changes], outcome: [&[line], notes].concat() }
    }

    /// Returns the name of the period after the changes.
    fn named(&self, changes: &KeyChanges) -> String {
        let new = changes.set.iter().find_map(|(key, value)| match value {
            Literal::String(name) if *key == "name" => Some(format!("\"{name}\"")),
            _ => None,
        });
        let old = self.index.and_then(|index| self.config.rules.schedule.periods().get(index));
        new.or_else(|| old.map(Period::title)).unwrap_or_else(|| "a downtime without a name".to_owned())
    }

    fn save(&self, changes: &KeyChanges, values: &FormValues) -> Result<Submitted, Problem> {
        let status = if self.index.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        let notes = skipped_times(changes, &self.current, values, &self.context);
        let plan = |source: &EditSource<'_>| self.checked_plan(source, changes, &notes);
        let saved = save::edit(self.visit, status, |diagnostic| self.item(diagnostic, values), plan)?;
        let id = changes.set.iter().find_map(|(key, value)| match value {
            Literal::String(name) if *key == "name" => Some(id_of_name(name)),
            _ => None,
        });
        Ok(Submitted::Saved(saved.respond(self.visit, id.map_or(Value::Null, |id| json!({ "id": id })))))
    }

    /// Returns the plan, if the file still is the version that the changes were made for.
    fn checked_plan(
        &self,
        source: &EditSource<'_>,
        changes: &KeyChanges,
        notes: &[String],
    ) -> Result<Plan, EditRefusal> {
        let is_same = source.sha256 == self.visit.sha256();
        if is_same { Ok(self.plan(changes, notes)) } else { Err(EditRefusal::Changed) }
    }

    fn check(&self, changes: &KeyChanges, values: &FormValues) -> Result<Submitted, Problem> {
        let notes = skipped_times(changes, &self.current, values, &self.context);
        let plan = |source: &EditSource<'_>| self.checked_plan(source, changes, &notes);
        let checked = check(&self.visit.file.path, plan);
        let Edited { config, warnings, .. } = checked.map_err(|failure| {
            let item = |diagnostic: &Diagnostic| self.item(diagnostic, values);
            Problem::of_failure(failure, item)
                .unwrap_or_else(|| save::changed(self.visit, self.visit.sha256()))
        })?;
        let index = self.index.unwrap_or_else(|| config.rules.schedule.periods().len().saturating_sub(1));
        let warnings = warnings.iter().map(|diagnostic| self.item(diagnostic, values)).collect();
        let lines = describe_period(&config, index, self.visit.now).into_iter().chain(notes.iter().cloned());
        Ok(Submitted::Checked(warnings, lines.collect()))
    }

    /// Returns a diagnostic of the edited text with the field that it is about.
    fn item(&self, diagnostic: &Diagnostic, values: &FormValues) -> ProblemItem {
        let item = ProblemItem::from(diagnostic);
        let is_here = |name: &str| Path::new(name) == Path::new(&self.visit.edited_path());
        let place = diagnostic.place.as_ref().filter(|place| is_here(&place.source.name));
        let local = self.index.map(|index| index.saturating_sub(first_editable(self.config)));
        let field = place.and_then(|place| edit::key_at(&place.source.text, local, place.span.start));
        self.on_page(vec![ProblemItem { field, ..item.clone() }], values).pop().unwrap_or(item)
    }

    fn refuse(&self, values: FormValues, remarks: Remarks) -> Response<Bytes> {
        let status = remarks.problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
        match &remarks.problem {
            Some(problem) if self.visit.request.wants_json => problem.to_json(),
            _ => self.render(status, values, remarks),
        }
    }
}

/// What became of a form.
enum Submitted {
    Saved(Response<Bytes>),
    /// The warnings, and what the period would mean.
    Checked(Vec<ProblemItem>, Vec<String>),
}

/// Names the keys that change.
fn described(changes: &KeyChanges) -> String {
    let set = changes.set.iter().map(|(key, _)| *key);
    let keys: Vec<_> = set.chain(changes.remove.iter().copied()).collect();
    if keys.is_empty() { String::new() } else { format!(": {}", keys.join(", ")) }
}

/// Responds to a form of a period that is in the file no more: what was typed becomes the form for a new one.
pub(super) fn submit_lost(visit: &Visit<'_>, id: &str) -> Result<Response<Bytes>, Problem> {
    if let Some(index) = find_moved(&visit.ids, id) {
        return Ok(PeriodForm::of_index(visit, index)?.submit());
    }
    let form = PeriodForm::blank(visit)?;
    let Some(opened) = visit.request.field(VERSION) else { return Err(Problem::not_found()) };
    let (values, _) = form::typed(&visit.request.fields, &form.context);
    let problem = save::changed(visit, opened);
    let text =
        "The period is not in the file any more. What you typed is still here: saving it adds it again.";
    let problem = Problem { text: Some(text.to_owned()), ..problem };
    Ok(form.refuse(values, Remarks { problem: Some(problem), ..Remarks::default() }))
}
