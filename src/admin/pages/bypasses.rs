//! The bypasses: their list, the form that makes one, and the end of one.

use std::cell::RefCell;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::confirm::ConfirmPage;
use super::form::FormValues;
use super::identity::bypass_id;
use super::listed::{ListedBypass, bypasses, listed_bypass};
use super::notices::Notice;
use super::problem::{Problem, ProblemItem, sentence};
use super::save::{self, conflict};
use super::visit::{Visit, zone_name};
use crate::config::diagnostic::Diagnostic;
use crate::editing::{
    BypassFault, BypassInputs, EditRefusal, EditSource, RequestedBypass, begin_bypass, bypass_link,
    bypass_warnings, is_editable_bypass, parse_duration, parse_site_url, random_secret, remove_bypass,
};
use crate::summary::Summary;

/// How long a bypass lets testers in by default.
const DEFAULT_LENGTH: &str = "8h";

const INPUTS: BypassInputs = BypassInputs { length: "", site: "the field for the address of the site" };

#[derive(Serialize)]
struct BypassesPage<'a> {
    bypasses: Vec<ListedBypass>,
    may_write: bool,
    link: Option<&'a str>,
    notice: Option<Notice>,
    sha256: &'a str,
    values: FormValues,
    errors: FormValues,
    theirs: FormValues,
    problem: Option<Problem>,
}

/// Responds with the list and the form.
pub(super) fn list(visit: &Visit<'_>, problem: Option<Problem>) -> Result<Response<Bytes>, Problem> {
    let config = visit.valid()?;
    if visit.request.wants_json {
        let all = config.rules.bypasses.all();
        let summaries = Summary::new(Some(config), &[], visit.now).bypasses;
        let with_id = |(bypass, summary)| {
            let mut summary: Value = json!(summary);
            summary["id"] = bypass_id(bypass).into();
            summary["editable"] = is_editable_bypass(config, bypass).into();
            summary
        };
        let bypasses: Vec<_> = all.iter().zip(summaries).map(with_id).collect();
        return Ok(super::json(StatusCode::OK, &json!({ "sha256": visit.sha256(), "bypasses": bypasses })));
    }
    Ok(page(visit, bypasses(visit, config), problem, None))
}

fn page(
    visit: &Visit<'_>,
    bypasses: Vec<ListedBypass>,
    problem: Option<Problem>,
    made: Option<(&str, Notice)>,
) -> Response<Bytes> {
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    let errors = Problem::by_field(problem.as_ref());
    let mut values = FormValues::from([("for".to_owned(), DEFAULT_LENGTH.to_owned())]);
    if problem.is_some() {
        values.extend(visit.request.fields.iter().cloned());
    }
    let (link, notice) = made.unzip();
    let page = BypassesPage {
        bypasses,
        may_write: visit.may_write(),
        link,
        notice,
        sha256: if link.is_some() { "" } else { visit.sha256() },
        values,
        errors,
        theirs: FormValues::new(),
        problem,
    };
    visit.page(status, ("bypasses", "Testers"), &page)
}

/// Makes a bypass, and shows its link once.
pub(super) fn create(visit: &Visit<'_>) -> Result<Response<Bytes>, Problem> {
    visit.valid()?;
    let result = conflict(visit).map_or_else(|| make(visit), Err);
    match result {
        Err(problem) if !visit.request.wants_json => list(visit, Some(problem)),
        result => result,
    }
}

fn make(visit: &Visit<'_>) -> Result<Response<Bytes>, Problem> {
    let (requested, site) = requested(visit).map_err(|item| Problem::of_values(vec![item]))?;
    let secret = random_secret().map_err(|error| {
        let title = "The system has no random numbers, so nothing was changed";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title, error.to_string())
    })?;
    let is_too_long = RefCell::new(false);
    let plan = |source: &EditSource<'_>| {
        begin_bypass(source, &requested, &secret).map_err(|fault| match fault {
            BypassFault::Refused(refusal) => refusal,
            BypassFault::NotOver { message, .. } => {
                EditRefusal::cannot(message, "use another name, or end it first")
            }
            BypassFault::TooLong => {
                is_too_long.replace(true);
                EditRefusal::cannot("it lasts at most 30 days", "write a shorter time")
            }
        })
    };
    let item = |diagnostic: &Diagnostic| ProblemItem::from(diagnostic);
    let mut saved = save::edit(visit, StatusCode::CREATED, item, plan).map_err(|problem| {
        let wrong = ProblemItem::of_field("for", "It lasts at most 30 days", "Write a shorter time");
        if is_too_long.take() { Problem::of_values(vec![wrong]) } else { problem }
    })?;
    let (config, site) = (saved.config(), site.as_deref());
    let bypass = config.rules.bypasses.all().last();
    let link = bypass_link(site, config, bypass, &secret);
    saved.warn(bypass_warnings(site, config, bypass, visit.now, INPUTS));
    let config = saved.config();
    if visit.request.wants_json {
        let name = config.rules.bypasses.all().last().and_then(|bypass| bypass.name.clone());
        return Ok(saved.respond(visit, json!({ "link": link, "name": name })));
    }
    let all = config.rules.bypasses.all().iter();
    let all = all.map(|bypass| listed_bypass(bypass, config, visit.now)).collect();
    let notice = saved.report(visit).notice();
    Ok(page(visit, all, None, Some((&link, notice))))
}

fn requested(visit: &Visit<'_>) -> Result<(RequestedBypass, Option<String>), ProblemItem> {
    let wrong = |field: &'static str, help: &'static str| {
        move |message: String| ProblemItem::of_field(field, sentence(&message), help)
    };
    let duration = parse_duration(visit.typed("for").unwrap_or(DEFAULT_LENGTH))
        .map_err(wrong("for", "For example 8h"))?;
    let site = visit.typed("site").map(parse_site_url).transpose();
    let site = site
        .map_err(|help| ProblemItem::of_field("site", "This is not the address of a site", sentence(help)))?;
    let name = visit.typed("name").map(str::to_owned);
    Ok((
        RequestedBypass {
            name,
            duration,
            hosts: visit.typed_lines("hosts"),
            paths: visit.typed_lines("paths"),
        },
        site,
    ))
}

/// Responds with the page that asks before a bypass ends.
pub(super) fn ask(visit: &Visit<'_>, id: &str, problem: Option<Problem>) -> Result<Response<Bytes>, Problem> {
    let config = visit.valid()?;
    let mut all = config.rules.bypasses.all().iter();
    let bypass = all.find(|bypass| is_meant(id, bypass)).ok_or_else(Problem::not_found)?;
    let bypass = listed_bypass(bypass, config, visit.now);
    let title = format!("End the bypass {}?", bypass.title);
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    let lead =
        "Its secret lets nobody in from then on, and it is removed from the file. This cannot be undone.";
    let page = ConfirmPage {
        leads: vec![bypass.when, lead.to_owned()],
        action: format!("/bypasses/{}/end", bypass.id),
        sha256: visit.sha256(),
        fields: "",
        values: FormValues::new(),
        errors: FormValues::new(),
        theirs: FormValues::new(),
        zone_of_times: zone_name(&config.timezone),
        details: None,
        is_dangerous: true,
        button: "End it",
        back: "/bypasses".to_owned(),
        problem,
        title: title.clone(),
    };
    Ok(visit.page(status, ("confirm", &title), &page))
}

/// Ends a bypass.
pub(super) fn end(visit: &Visit<'_>, id: &str) -> Result<Response<Bytes>, Problem> {
    let plan = |source: &EditSource<'_>| {
        let mut all = source.config.rules.bypasses.all().iter();
        let index = all.position(|bypass| is_meant(id, bypass)).ok_or(EditRefusal::Changed)?;
        remove_bypass(source, index)
    };
    let config = visit.valid()?;
    if !config.rules.bypasses.all().iter().any(|bypass| is_meant(id, bypass)) {
        return Err(conflict(visit).unwrap_or_else(Problem::not_found));
    }
    let item = |diagnostic: &Diagnostic| ProblemItem::from(diagnostic);
    let result = conflict(visit).map_or_else(|| save::edit(visit, StatusCode::OK, item, plan), Err);
    match result {
        Ok(saved) => Ok(saved.respond(visit, Value::Null)),
        Err(problem) if !visit.request.wants_json => ask(visit, id, Some(problem)),
        Err(problem) => Err(problem),
    }
}

fn is_meant(id: &str, bypass: &crate::matching::bypass::Bypass) -> bool {
    bypass_id(bypass) == id || bypass.name.as_deref() == Some(id)
}
