//! The page that visitors see during a period, with its own Content-Security-Policy.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, Response, StatusCode};

use super::identity::find_period;
use super::problem::Problem;
use super::visit::Visit;
use crate::page::language::Language;
use crate::preview::{PreviewCause, PreviewFault, PreviewOptions, PreviewedPage, navigation};

/// Responds with the page.
pub(super) fn respond(visit: &Visit<'_>) -> Result<Response<Bytes>, Problem> {
    let mut config = visit.valid()?.clone();
    let cause = match visit.request.query_value("period") {
        None => PreviewCause::ActiveOrNext,
        Some(id) => {
            let found = find_period(config.rules.schedule.periods(), &visit.ids, id);
            PreviewCause::Period(found.ok_or_else(Problem::not_found)?)
        }
    };
    // The page must not ask this service for the state of the site, and leave because of the answer.
    config.rules.status_path = None;
    let lang = visit.request.query_value("lang").and_then(Language::from_tag);
    let options = PreviewOptions { cause, at: None, lang, method: Method::GET };
    let page = PreviewedPage::new(config, &options, visit.now).map_err(|fault| match fault {
        PreviewFault::NotActive(_) | PreviewFault::NoneActive(..) => {
            let title = "This period has no page";
            Problem::new(StatusCode::NOT_FOUND, title, "It is never active, so visitors never see it.")
        }
    })?;
    let mut response = page.respond(&navigation(), "/");
    // A preview is not an answer to a visitor.
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().remove(RETRY_AFTER);
    Ok(response)
}
