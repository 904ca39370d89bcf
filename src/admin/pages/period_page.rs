//! The page with the form of a period.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use super::form::{FormValues, NEW_LANGUAGES, for_page};
use super::listed::{ListedPeriod, listed};
use super::period_form::{PeriodForm, Remarks};
use super::problem::{Problem, ProblemItem};
use super::templates::offered;
use super::visit::zone_name;
use crate::config::Config;
use crate::page::language::Language;

#[derive(Serialize)]
struct PeriodPage<'a> {
    title: String,
    leads: Vec<String>,
    period: Option<ListedPeriod>,
    may_write: bool,
    action: String,
    sha256: &'a str,
    values: FormValues,
    errors: FormValues,
    theirs: FormValues,
    problem: Option<Problem>,
    checked: bool,
    preview_lines: Vec<String>,
    warnings: Vec<ProblemItem>,
    warnings_title: &'static str,
    zone_of_times: String,
    file_zone: String,
    lang: Option<&'static str>,
    messages: Vec<ShownLanguage>,
    languages: Vec<ShownLanguage>,
    new_languages: Vec<usize>,
    default_answer: String,
    templates: Vec<String>,
}

#[derive(Serialize)]
struct ShownLanguage {
    tag: String,
    name: &'static str,
}

impl PeriodForm<'_> {
    /// Responds with the form and these values.
    pub(super) fn render(&self, status: StatusCode, values: FormValues, remarks: Remarks) -> Response<Bytes> {
        let Remarks { problem, theirs, checked } = remarks;
        let period = self.index.and_then(|index| listed(self.visit, self.config, index));
        let heading = period.as_ref().map_or("Plan a downtime", |period| period.title.as_str()).to_owned();
        let leads = period.as_ref().map_or_else(Vec::new, ListedPeriod::leads);
        let action =
            period.as_ref().map_or("/periods".to_owned(), |period| format!("/periods/{}", period.id));
        let errors = Problem::by_field(problem.as_ref());
        let is_other = |name: &&String| name.starts_with("message.");
        let messages =
            values.keys().filter(is_other).filter_map(|name| shown_language(name.strip_prefix("message.")?));
        let is_checked = checked.is_some();
        let (warnings, preview_lines) = checked.unwrap_or_default();
        let page = PeriodPage {
            leads,
            may_write: self.visit.may_write(),
            action,
            sha256: self.visit.sha256(),
            errors,
            theirs,
            problem,
            checked: is_checked,
            preview_lines,
            warnings,
            warnings_title: "Probably a mistake",
            zone_of_times: zone_name(&self.context.zone_of(&values)),
            file_zone: zone_name(&self.context.zone),
            lang: Language::from_tag(self.context.lang).map(|language| language.words().name),
            messages: messages.collect(),
            languages: Language::all().filter_map(|language| shown_language(language.tag())).collect(),
            new_languages: (1..=NEW_LANGUAGES).collect(),
            default_answer: default_answer(self.config),
            templates: templates(self.config, values.get("template")),
            values: for_page(values, &self.context),
            period,
            title: heading.clone(),
        };
        self.visit.page(status, ("period", &heading), &page)
    }
}

fn shown_language(tag: &str) -> Option<ShownLanguage> {
    let language = Language::from_tag(tag)?;
    Some(ShownLanguage { tag: tag.to_owned(), name: language.words().name })
}

/// Returns the templates that can be chosen, with the current one.
fn templates(config: &Config, current: Option<&String>) -> Vec<String> {
    let mut templates = offered(config);
    let other = current.filter(|path| !path.is_empty() && !templates.contains(path)).cloned();
    templates.extend(other);
    templates
}

/// Describes what visitors get without an answer of the period's own.
fn default_answer(config: &Config) -> String {
    match &config.response.redirect {
        Some(redirect) => format!("a redirect to {redirect}"),
        None => "the page".to_owned(),
    }
}

impl ListedPeriod {
    /// Describes the period above its form.
    fn leads(&self) -> Vec<String> {
        std::iter::once(self.when.clone())
            .chain(self.repeats.clone())
            .filter(|line| !line.is_empty())
            .collect()
    }
}
