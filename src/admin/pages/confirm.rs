//! The page that asks before something is done.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use super::actions::PeriodAction;
use super::form::FormValues;
use super::listed::{ListedPeriod, listed};
use super::problem::{Problem, sentence};
use super::visit::{Visit, zone_name};
use crate::config::Config;
use crate::schedule::period::Period;

/// A page that asks before something is done.
#[derive(Serialize)]
pub(super) struct ConfirmPage<'a> {
    pub(super) title: String,
    pub(super) leads: Vec<String>,
    pub(super) action: String,
    pub(super) sha256: &'a str,
    pub(super) fields: &'static str,
    pub(super) values: FormValues,
    pub(super) errors: FormValues,
    pub(super) theirs: FormValues,
    pub(super) zone_of_times: String,
    pub(super) details: Option<String>,
    pub(super) is_dangerous: bool,
    pub(super) button: &'static str,
    pub(super) back: String,
    pub(super) problem: Option<Problem>,
}

/// Responds with the page that asks before something is done to the period of an index.
pub(super) fn confirm(
    visit: &Visit<'_>,
    config: &Config,
    index: usize,
    action: PeriodAction,
    problem: Option<Problem>,
) -> Response<Bytes> {
    let Some(period) = listed(visit, config, index) else { return visit.problem(&Problem::not_found()) };
    let title = format!("{} {}?", sentence(action.segment()), period.title);
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    let texts = ["by", "until"]
        .map(|name| (name.to_owned(), visit.request.field(name).unwrap_or_default().to_owned()));
    let errors = Problem::by_field(problem.as_ref());
    let series = config.rules.schedule.periods().get(index).and_then(Period::series);
    let page = ConfirmPage {
        leads: leads(&period, action, config, index),
        action: format!("/periods/{}/{}", period.id, action.segment()),
        sha256: visit.sha256(),
        fields: if action == PeriodAction::Extend { "extend" } else { "" },
        values: FormValues::from(texts),
        errors,
        theirs: FormValues::new(),
        zone_of_times: zone_name(series.map_or(&config.timezone, |series| &series.zone)),
        details: (action == PeriodAction::Delete)
            .then(|| visit.source().and_then(|source| source.period_text(index).ok().map(str::to_owned)))
            .flatten(),
        is_dangerous: action == PeriodAction::Delete,
        button: action.button(),
        back: format!("/periods/{}", period.id),
        problem,
        title: title.clone(),
    };
    visit.page(status, ("confirm", &title), &page)
}

fn leads(period: &ListedPeriod, action: PeriodAction, config: &Config, index: usize) -> Vec<String> {
    let is_series =
        config.rules.schedule.periods().get(index).is_some_and(|period| period.series().is_some());
    let consequence = match action {
        PeriodAction::End if is_series => "Only this occurrence ends; later ones stay planned.",
        PeriodAction::End => "Visitors get the site again at once, unless another period covers it.",
        PeriodAction::Extend if is_series => "Only this occurrence lasts longer, by a period of its own.",
        PeriodAction::Extend => "Its end is moved later.",
        PeriodAction::Delete => {
            "It is removed from the file, with the comments inside it. This cannot be undone here."
        }
        PeriodAction::Enable => "It takes effect at once if it covers this time.",
        PeriodAction::Disable => "It has no effect until it is enabled again.",
    };
    vec![period.when.clone(), consequence.to_owned()]
}
