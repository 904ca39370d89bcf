//! The pages: what operators see and change.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use super::AdminFile;
use super::request::OperatorRequest;
use crate::config::load::load_to_show;

/// Responds to a request of an operator. It may read and write files, and wait for the gateway.
pub fn respond(file: &AdminFile, _request: &OperatorRequest) -> Response<Bytes> {
    let loaded = load_to_show(&file.path);
    let periods = loaded.reading.config.map(|config| {
        let periods = config.rules.schedule.periods();
        periods.iter().map(|period| period.title() + "\n").collect::<String>()
    });
    let mut response = Response::new(periods.unwrap_or_default().into());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
