//! The pages: what operators see and change.

mod actions;
mod bypasses;
mod check;
mod confirm;
mod down;
mod drawing;
mod fields;
mod form;
pub mod html;
mod identity;
mod keys;
mod listed;
mod merge;
pub(super) mod notices;
mod overview;
mod period_form;
mod period_page;
mod periods;
mod preview;
mod problem;
mod save;
mod templates;
pub(super) mod versions;
mod visit;

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderValue, Method, Response, StatusCode};
use serde::Serialize;

use self::actions::PeriodAction;
use self::period_form::{PeriodForm, submit_lost};
use self::problem::Problem;
pub(super) use self::problem::sentence;
use self::save::VERSION;
use self::visit::Visit;
use super::AdminFile;
use super::request::OperatorRequest;
use super::response::with_body;
use crate::summary::to_json;

/// How often a change is made again because somebody else has saved meanwhile.
const MAX_RETRIES: usize = 50;

/// Responds to a request of an operator. It may read and write files, and wait for the gateway.
pub fn respond(file: &AdminFile, request: &OperatorRequest) -> Response<Bytes> {
    let names_version = request.field(VERSION).is_some_and(|version| !version.is_empty());
    let mut visit = Visit::read(file, request);
    for _ in 0..MAX_RETRIES {
        let seen = visit.sha256().to_owned();
        let response = respond_to(visit);
        // What names no version is meant for whichever the file is.
        if names_version || request.method != Method::POST || response.status() != StatusCode::CONFLICT {
            return response;
        }
        visit = Visit::read(file, request);
        if visit.sha256() == seen {
            return response;
        }
    }
    respond_to(visit)
}

fn respond_to(visit: Visit<'_>) -> Response<Bytes> {
    let request = visit.request;
    let path = request.path.trim_end_matches('/').to_owned();
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let is_post = request.method == Method::POST;
    let saves = match request.field("action").filter(|_| is_post) {
        None | Some("" | "save") => true,
        Some("check") => false,
        Some(_) => return visit.problem(&unknown_action()),
    };
    if let Err(problem) = if is_post { fields::check(&visit, &segments) } else { Ok(()) } {
        return visit.problem(&problem);
    }
    let result = match (is_post, segments.as_slice()) {
        (false, []) => return overview::respond(visit),
        (false, ["check"]) => return check::respond(visit),
        (false, ["down"]) => down::ask(&visit, None),
        (false, ["preview"]) => preview::respond(&visit),
        (false, ["periods"]) => Ok(periods::list(&visit)),
        (true, ["bypasses", ..] | ["periods", _, _]) if !saves => Err(unchecked()),
        (true, ["periods"]) if saves && down::is_meant(&visit) => down::carry_out(&visit),
        (true, ["periods"]) => PeriodForm::blank(&visit).map(|form| form.submit()),
        (false, ["periods", "new"]) => PeriodForm::blank(&visit).map(|form| form.respond()),
        (false, ["periods", id]) => PeriodForm::of_period(&visit, id).map(|form| form.respond()),
        (true, [] | ["check" | "down" | "preview"] | ["periods", "new"]) => return only_get(&visit),
        (true, ["periods", id]) => submit(&visit, id),
        (_, ["periods", id, action]) => act(&visit, id, action),
        (false, ["bypasses"]) => bypasses::list(&visit, None),
        (true, ["bypasses"]) => bypasses::create(&visit),
        (false, ["bypasses", id, "end"]) => bypasses::ask(&visit, id, None),
        (true, ["bypasses", id, "end"]) => bypasses::end(&visit, id),
        _ => Err(Problem::not_found()),
    };
    result.unwrap_or_else(|problem| visit.problem(&problem))
}

fn unchecked() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "This cannot be checked without saving",
        "Leave out `action` to carry it out. Nothing was saved.",
    )
}

fn unknown_action() -> Problem {
    let title = "The value of `action` is unknown";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title, "Write `check` or `save`. Nothing was saved.")
}

fn submit(visit: &Visit<'_>, id: &str) -> Result<Response<Bytes>, Problem> {
    match PeriodForm::of_period(visit, id) {
        Ok(form) => Ok(form.submit()),
        Err(problem) if problem.status == StatusCode::NOT_FOUND => submit_lost(visit, id),
        Err(problem) => Err(problem),
    }
}

fn act(visit: &Visit<'_>, id: &str, action: &str) -> Result<Response<Bytes>, Problem> {
    let action = PeriodAction::from_segment(action).ok_or_else(Problem::not_found)?;
    if visit.request.method == Method::POST {
        actions::carry_out(visit, id, action)
    } else {
        actions::ask(visit, id, action)
    }
}

fn only_get(visit: &Visit<'_>) -> Response<Bytes> {
    let title = "This page only shows something";
    let problem =
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, title, "Open it, or send the form that is on it.");
    let mut response = visit.problem(&problem);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Responds with JSON.
fn json(status: StatusCode, document: &impl Serialize) -> Response<Bytes> {
    with_body(status, "application/json", to_json(document))
}
